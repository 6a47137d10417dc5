"""The direct encoding: a genome is the image, one integer in 0..255 per pixel value.

Polynomial mutation, and the simulated binary crossover of the released code. Every function here
works on one genome, uint8 `[genes]`: the image's rows one after the other, as one long line.
XLA runs a loop over it ten times as fast as one over `[height, width, 3]`, whose innermost
dimension is too short for vectors.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

import cppn

Genes = UInt8[Array, " genes"]
Scalar = Float[Array, ""] | float


class DirectRates(NamedTuple):
    """Numbers that may change without recompiling.

    Attributes:
        mutation_rate: probability per gene at generation 0.
        halve_every: generations after which that probability halves; 0 for never.
        crossover_rate: probability that a child mixes two parents.
    """

    mutation_rate: Scalar
    halve_every: Int[Array, ""] | int
    crossover_rate: Scalar


def init(key: PRNGKeyArray, size: int) -> Genes:
    """Draws uniform noise over 0..255 (paper, section "direct encoding")."""
    return (cppn.random_bits(key, size) >> 24).astype(jnp.uint8)


def rate_at(rates: DirectRates, generation: Int[Array, ""]) -> Float[Array, ""]:
    """Returns the mutation rate of a generation: it halves every `halve_every` generations."""
    period = jnp.maximum(rates.halve_every, 1)
    halvings = jnp.where(rates.halve_every > 0, generation // period, 0)
    # a division by a power of two is exact; exp2 is not, on CPU
    return rates.mutation_rate / (1 << jnp.minimum(halvings, 30))


def mutate(key: PRNGKeyArray, genes: Genes, rate: Scalar, *, eta: float) -> Genes:
    """Changes each gene with probability `rate` by a bounded polynomial step.

    The step is `255 d`, rounded, with `d = (2r)^(1/(eta+1)) - 1` for r < 1/2 and
    `1 - (2(1-r))^(1/(eta+1))` otherwise, r uniform in [0, 1); the result is clipped to 0..255.
    With eta 15 the mean of |d| is 1/17, about 15 grey levels.

    References:
        Deb, "Multi-objective optimization using evolutionary algorithms", 2001, section 4.4;
        Nguyen et al. 2015, section 2.3 (rate 0.1, strength 15).
    """
    words = cppn.random_bits(key, genes.size)
    # One draw serves the decision and the amount: given word < threshold, word / threshold is
    # uniform again. 4294967040 is the largest float32 below 2**32.
    threshold = jnp.minimum(jnp.float32(rate) * jnp.float32(2**32), jnp.float32(4294967040.0))
    amount = words.astype(jnp.float32) * (1 / threshold)
    below_half = amount < 0.5
    # the product above may come out one rounding over 1
    root = _root(2 * jnp.where(below_half, amount, jnp.abs(1 - amount)), eta + 1)
    step = 255 * jnp.where(below_half, root - 1, 1 - root)
    changed = jnp.clip(jnp.round(genes.astype(jnp.float32) + step), 0, 255).astype(jnp.uint8)
    return jnp.where(words < threshold.astype(jnp.uint32), changed, genes)


def crossover(key: PRNGKeyArray, first: Genes, second: Genes, rate: Scalar, *, eta: float) -> Genes:
    """Mixes two parents gene by gene with probability `rate`, else returns the first.

    Bounded simulated binary crossover; where the parents agree the gene is kept (the released
    code writes 0.5 there, a bug its library fixed in 2018).

    References:
        Deb and Agrawal, "Simulated binary crossover for continuous search space", 1995.
    """
    key_decision, key_genes = jax.random.split(key)
    words = cppn.random_bits(key_genes, first.size)
    u = cppn.uniform(words)
    a, b = first.astype(jnp.float32), second.astype(jnp.float32)
    low, high = jnp.minimum(a, b), jnp.maximum(a, b)
    spread = jnp.maximum(high - low, 1.0)
    takes_low = (words & 1) == 0  # a bit that u does not use
    room = jnp.where(takes_low, low, 255 - high)
    alpha = 2 - (1 + 2 * room / spread) ** -(eta + 1)
    contracts = u <= 1 / alpha
    beta = jnp.where(contracts, u * alpha, 1 / (2 - u * alpha)) ** (1 / (eta + 1))
    middle = (low + high) / 2
    mixed = jnp.where(takes_low, middle - beta * spread / 2, middle + beta * spread / 2)
    mixed = jnp.clip(jnp.round(mixed), 0, 255).astype(jnp.uint8)
    mixed = jnp.where(low == high, first, mixed)
    happens = cppn.uniform(cppn.random_bits(key_decision, 1))[0] < rate
    return jnp.where(happens, mixed, first)


def _root(x: Float[Array, " genes"], degree: float) -> Float[Array, " genes"]:
    """Computes x ** (1 / degree), by square roots for a power of two (three times faster)."""
    exponent = int(degree).bit_length() - 1
    if degree != 2**exponent:
        return x ** (1 / degree)
    for _ in range(exponent):
        x = jnp.sqrt(x)
    return x
