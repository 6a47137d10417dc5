"""The boundary attack: a random walk along the border of a class, towards the original.

Each step draws a random change across the line to the original, `around` times as long as that
line, projects the image onto the sphere around the original, and then goes a share `towards` of the
way to it. The step is taken if the image keeps another class than the original. Both lengths adapt,
so that a third of the images on the sphere keep it, and a sixth of the steps.

References:
    Brendel, Rauber and Bethge, "Decision-based adversarial attacks: reliable attacks against
    black-box machine learning models", 2018, https://arxiv.org/abs/1712.04248
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evofool.attacks.decisions import Decider, Image, follow_borders
from evofool.attacks.inputs import Classes, Report, check_counts, check_seed, prepare
from evofool.attacks.results import AttackResult
from evofool.classifiers import Classifier

FACTOR = 1.5  # by which lengths adapt
CHECK = 5  # steps between two images on the sphere that are asked about
WINDOW = 10  # of these, before lengths adapt
WANTED = {"around": (0.2, 0.5), "towards": (0.1, 0.25)}  # shares of successes
CONVERGED = 1e-7  # share of the way, below which the walk stands still


@dataclass
class _Length:
    """A length that adapts: longer where much succeeds, shorter where little does."""

    value: float
    wanted: tuple[float, float]
    tried: int = 0
    succeeded: int = 0

    def learn(self, succeeds: bool) -> float:
        """Counts a step; returns the factor by which the length has changed."""
        self.tried += 1
        self.succeeded += succeeds
        if self.tried < WINDOW:
            return 1.0
        share, (low, high) = self.succeeded / self.tried, self.wanted
        factor = FACTOR if share > high else 1 / FACTOR if share < low else 1.0
        self.value *= factor
        self.tried = self.succeeded = 0
        return factor


def boundary(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    steps: int = 5000,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Walks at random along the border of a class, by the likeliest class alone.

    `hop_skip_jump` needs fewer queries for as small a change.

    Args:
        classifier: inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        steps: of the walk; the classifier is shown an image for each.
        seed: of all random numbers; those of an image depend on its place among the images.
        save: `.npz` file of finished images, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or options that cannot be used, or `save` is of another attack.
    """
    task = prepare(classifier, images, labels)
    check_counts(steps=(steps, 1))
    check_seed(seed)

    def follow(decide: Decider, start: Image, generator: np.random.Generator) -> Image:
        return _walk(decide, decide.nearest(start), generator, steps)

    return follow_borders(
        task, follow, together=1, options=[steps], seed=seed, save=save, report=report
    )


def _walk(decide: Decider, x: Image, generator: np.random.Generator, steps: int) -> Image:
    around, towards = (_Length(0.01, WANTED[name]) for name in ("around", "towards"))
    for step in range(1, steps + 1):
        on_sphere, nearer = _propose(decide.original, x, generator, around.value, towards.value)
        succeeds = bool(decide(nearer[None])[0])
        if step % CHECK == 0:
            # a wider circle needs a longer way towards the original as well
            towards.value *= around.learn(bool(decide(on_sphere[None])[0]))
            towards.learn(succeeds)
        if succeeds:
            x = nearer
        if towards.value < CONVERGED:
            break
    return x


def _propose(
    original: Image, x: Image, generator: np.random.Generator, around: float, towards: float
) -> tuple[Image, Image]:
    """Returns an image as far from the original as x, and one beyond it that is nearer."""
    change = x - original
    size = float(np.linalg.norm(change))
    drawn = generator.standard_normal(x.shape, np.float32)
    drawn -= change * (np.vdot(drawn, change) / size**2)
    drawn *= np.float32(around * size / np.linalg.norm(drawn))
    turned = (change + drawn) / np.float32(np.hypot(1, around))
    on_sphere = np.clip(original + turned, 0, 1)
    turned = on_sphere - original
    length = float(np.linalg.norm(turned))  # may be less, as values are clipped
    left = min(length, (1 - towards) * size)
    return on_sphere, np.clip(original + turned * np.float32(left / length), 0, 1)
