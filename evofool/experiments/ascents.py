"""What the two experiments of gradient ascent share: the pictures, and how they are shown."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from evofool.attacks import Ascent, AscentResult, gradient_ascent
from evofool.classifiers import Classifier
from evofool.experiments.lab import Lab
from evofool.labels import first_name
from evofool.reports import Section, percent, thumbnail
from evofool.scores import confidence

Steps = Int[np.ndarray, " pictures"]


class Ascents(NamedTuple):
    """Pictures by gradient ascent, class by class.

    Attributes:
        images: levels 0..255, rounded.
        confidence: probability of the class in the rounded picture, in [0, 1].
        before: the same before rounding, at the last step.
        first: first step at which the class is the likeliest, p > .99, > .999, > .9999; or -1.
        target: class of each.
    """

    images: UInt8[np.ndarray, "pictures height width channels"]
    confidence: Float[np.ndarray, " pictures"]
    before: Float[np.ndarray, " pictures"]
    first: Int[np.ndarray, "pictures milestones"]
    target: Int[np.ndarray, " pictures"]

    def ever(self, milestone: int) -> float:
        """Returns the share of the pictures that came to a milestone."""
        return float(np.mean(self.first[:, milestone] >= 0))

    def median_first(self, milestone: int) -> float:
        """Returns the median step of those that did; NaN if none did."""
        steps = self.first[:, milestone]
        return float(np.median(steps[steps >= 0])) if (steps >= 0).any() else float("nan")


def ascend(
    lab: Lab,
    name: str,
    classifier: Classifier,
    classes: Sequence[int],
    *,
    settings: Ascent,
    starts: int,
    seed: int = 0,
) -> Ascents:
    """Makes pictures once; what an interrupted process has done of it is kept."""
    save = lab.folder / "steps" / f"{name}-state.npz"

    def report(done: int, total: int) -> None:
        if done % 250 == 0:
            lab.say(f"{name}: step {done} of {total}")

    def compute() -> dict[str, np.ndarray]:
        found: AscentResult = gradient_ascent(
            classifier,
            classes,
            settings=settings,
            starts=starts,
            seed=seed,
            save=save,
            report=report,
        )
        save.unlink()
        own = lab.scores(classifier, found.attack.images)[
            np.arange(len(found.target)), found.target
        ]
        return {
            "images": found.attack.images,
            "confidence": confidence(own),
            "before": found.path[:, -1].astype(np.float64),
            "first": found.first,
            "target": found.target,
        }

    key = [classifier.card.sha256, list(classes), repr(settings), starts, seed]
    return Ascents(**lab.arrays(name, compute, key=key))


def ascent_section(
    heading: str, found: Ascents, classifier: Classifier, rows: Sequence[int]
) -> Section:
    """Returns some of the pictures for a sheet, each with its class and confidence."""
    labels = classifier.card.labels
    return Section(
        heading,
        [thumbnail(found.images[row]) for row in rows],
        [
            (first_name(labels[found.target[row]]), percent(float(found.confidence[row])))
            for row in rows
        ],
    )
