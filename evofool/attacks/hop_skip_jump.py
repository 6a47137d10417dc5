"""HopSkipJump: along the border of a class, by the likeliest class of images around it.

From a point x on the border of the original's class, at a distance D from the original,

    g = mean over b of (phi(x + delta u_b) - mean phi) u_b,   delta = D / d
    x <- x + xi g / |g|,   xi = D / sqrt(t), halved until x has another class
    x <- the point of the border on the line from x to the original

with random directions u_b, phi 1 where the class is another and -1 where it is not, the number of
values d and of the step t. In step t there are `directions` sqrt(t) of them. In the L-inf norm, the
step goes along the sign of g.

References:
    Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", 2020,
    algorithm 2, https://arxiv.org/abs/1904.02144
"""

import math
from pathlib import Path

import numpy as np

from evofool.attacks.decisions import Decider, Image, distance, follow_borders
from evofool.attacks.inputs import NORMS, Classes, Report, check_counts, check_seed, prepare
from evofool.attacks.results import AttackResult
from evofool.classifiers import Classifier
from evofool.support import UserError, check_room, unknown_name

FIRST_PROBE = 0.1  # size of the probes of the first step, in values, as in the article
HALVINGS = 20  # of a step; a shorter one would change nothing
LEAST = 1e-12  # against division by zero
COPIES = 5  # in float32, of the images around a point (4.9 measured)


def hop_skip_jump(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    norm: str = "l2",
    steps: int = 30,
    directions: int = 100,
    probe: float = 0.0,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Looks for a small change to another class, by the likeliest class alone.

    Args:
        classifier: inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        norm: of the change, which is to be small: "l2" or "linf".
        steps: number of steps along the border.
        directions: number of images around the first point; they become more.
        probe: least mean change of a value in these images, in levels; 1 for a service that is sent
            whole levels.
        seed: of all random numbers; those of an image depend on its place among the images.
        save: `.npz` file of finished images, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or options that cannot be used, `save` is of another attack, or
            the memory does not suffice.
    """
    task = prepare(classifier, images, labels)
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    check_counts(steps=(steps, 1), directions=(directions, 2))
    check_seed(seed)
    around = int(directions * math.sqrt(steps))  # images in the last step
    check_room(
        4 * COPIES * around * math.prod(classifier.card.input_shape),
        f"hop-skip-jump with {directions:,} directions and {steps:,} steps",
        remedy="make one of them smaller",
    )
    if not 0 <= probe <= 255:
        raise UserError(f"probe is {probe:g}; expected a change in levels, 0..255")

    def follow(decide: Decider, start: Image, generator: np.random.Generator) -> Image:
        return _follow_border(decide, start, generator, norm, steps, directions, probe / 255)

    options: list[str | float] = [norm, steps, directions, probe]
    return follow_borders(
        task, follow, together=directions, options=options, seed=seed, save=save, report=report
    )


def _follow_border(
    decide: Decider,
    start: Image,
    generator: np.random.Generator,
    norm: str,
    steps: int,
    directions: int,
    probe: float,
) -> Image:
    """Returns the point of the border nearest to the original that was met."""
    x = best = decide.nearest(start, norm=norm)
    for step in range(1, steps + 1):
        size = distance(x - decide.original, norm)
        delta = FIRST_PROBE if step == 1 else size / x.size
        delta = max(delta, probe * np.sqrt(x.size))
        way = _slope(decide, x, generator, norm, int(directions * np.sqrt(step)), delta)
        length = size / np.sqrt(step)
        for _ in range(HALVINGS):
            tried = np.clip(x + np.float32(length) * way, 0, 1)
            if decide(tried[None])[0]:
                x = decide.nearest(tried, norm=norm)
                break
            length /= 2
        if distance(x - decide.original, norm) < distance(best - decide.original, norm):
            best = x
    return best


def _slope(
    decide: Decider,
    x: Image,
    generator: np.random.Generator,
    norm: str,
    count: int,
    delta: float,
) -> Image:
    """Estimates the direction in which the border lies behind; its sign in the L-inf norm."""
    shape = (count, *x.shape)
    if norm == "l2":
        drawn = generator.standard_normal(shape, np.float32)
    else:
        drawn = generator.random(shape, np.float32) * 2 - 1
    drawn /= np.linalg.norm(drawn.reshape(count, -1), axis=1)[:, None, None, None] + LEAST
    around = np.clip(x + np.float32(delta) * drawn, 0, 1)
    signs = np.where(decide(around), 1.0, -1.0)
    if abs(signs.mean()) < 1:
        signs -= signs.mean()
    slope = np.tensordot(signs, (around - x) / delta, axes=1).astype(np.float32)
    return np.sign(slope) if norm == "linf" else slope / (np.linalg.norm(slope) + LEAST)
