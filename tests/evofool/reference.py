"""What evofool computes, in slow, obvious Python with 64-bit numbers."""

import math


def mutated_gene(gene: int, word: int, rate: float, eta: float) -> int:
    """Polynomial mutation of a gene in 0..255 (evo_float_image.hpp); `word` is a 32-bit draw."""
    u = word / 2**32
    if u >= rate:
        return gene
    r = u / rate
    root = (2 * min(r, 1 - r)) ** (1 / (eta + 1))
    delta = root - 1 if r < 0.5 else 1 - root
    return min(255, max(0, round(gene + 255 * delta)))


def crossed_gene(first: int, second: int, u: float, takes_low: bool, eta: float) -> int:
    """One child's gene by bounded simulated binary crossover (Deb and Agrawal 1995)."""
    if first == second:
        return first
    low, high = min(first, second), max(first, second)
    room = low if takes_low else 255 - high
    alpha = 2 - (1 + 2 * room / (high - low)) ** -(eta + 1)
    if u <= 1 / alpha:
        beta = (u * alpha) ** (1 / (eta + 1))
    else:
        beta = (1 / (2 - u * alpha)) ** (1 / (eta + 1))
    half = beta * (high - low) / 2
    mixed = (low + high) / 2 + (-half if takes_low else half)
    return min(255, max(0, round(mixed)))


def log_odds(logits: list[float]) -> list[float]:
    """log(p / (1 - p)) of every output's softmax probability: z_c - logsumexp of the others."""
    return [
        logit - _logsumexp([other for j, other in enumerate(logits) if j != c])
        for c, logit in enumerate(logits)
    ]


def softmax(logits: list[float]) -> list[float]:
    """Softmax probabilities."""
    total = _logsumexp(logits)
    return [math.exp(logit - total) for logit in logits]


def _logsumexp(values: list[float]) -> float:
    highest = max(values)
    return highest + math.log(math.fsum(math.exp(value - highest) for value in values))
