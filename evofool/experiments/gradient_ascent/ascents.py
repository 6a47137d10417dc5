"""What the two experiments of gradient ascent share: the images, and how they are shown."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from evofool.attacks import Ascent, AscentResult, gradient_ascent
from evofool.classifiers import Classifier, confidence, first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, save_sheet
from evofool.images import Section, draw_sheet, thumbnail
from evofool.support import percent

Steps = Int[np.ndarray, " images"]


class Ascents(NamedTuple):
    """Images by gradient ascent, class by class.

    Attributes:
        images: levels 0..255, rounded.
        confidence: probability of the class in the rounded image, in [0, 1].
        before: the same before rounding, at the last step.
        first: first step at which the class is the likeliest, p > .99, > .999, > .9999; or -1.
        target: class of each.
    """

    images: UInt8[np.ndarray, "images height width channels"]
    confidence: Float[np.ndarray, " images"]
    before: Float[np.ndarray, " images"]
    first: Int[np.ndarray, "images milestones"]
    target: Int[np.ndarray, " images"]

    def ever(self, milestone: int) -> float:
        """Returns the share of the images that came to a milestone."""
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
    """Makes images once; what an interrupted process has done of it is kept."""
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
        own = recognize(classifier, found.attack.images).log_odds[
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


def show(
    lab: Lab, classifier: Classifier, found: Mapping[str, Ascents], rows: Sequence[int], what: str
) -> Figure:
    """Leaves a sheet of some of the images, each with its class and confidence.

    Args:
        lab: where it is left.
        classifier: that the images are for.
        found: images, by the heading that they are shown under.
        rows: which of them.
        what: the caption says first.
    """
    labels, factors, sections = classifier.card.labels, [], []
    for heading, one in found.items():
        images, factor = stretched(one.images[rows])
        captions = [
            (first_name(labels[one.target[row]]), percent(float(one.confidence[row])))
            for row in rows
        ]
        title = f"{heading}; contrast {_times(factor)}" if heading else ""
        sections.append(Section(title, list(map(thumbnail, images)), captions))
        factors.append(factor)
    save_sheet(draw_sheet(sections), lab.folder / "sheet.jpg")
    every = np.concatenate(factors)
    enlarged = f"; contrast around each image's mean enlarged, {_times(every)}"
    return Figure(file="sheet.jpg", caption=what + (enlarged if every.max() >= 1.5 else ""))


def stretched(
    images: UInt8[np.ndarray, "images height width channels"],
) -> tuple[UInt8[np.ndarray, "images height width channels"], Float[np.ndarray, " images"]]:
    """Enlarges contrast around the mean of each image, until a value is at an end of the range.

    Returns:
        The images, and the factor of each: 1 where the range is used up already.
    """
    axes = (1, 2, 3)
    mean = images.mean(axis=axes, keepdims=True)
    deviation = images - mean
    farthest = np.abs(deviation).max(axis=axes, keepdims=True)
    factor = np.maximum(np.minimum(mean, 255 - mean) / np.maximum(farthest, 0.5), 1.0)
    return np.rint(mean + factor * deviation).astype(np.uint8), factor.ravel()


def _times(factors: Float[np.ndarray, " images"]) -> str:
    low, high = f"{factors.min():.0f}", f"{factors.max():.0f}"
    return f"x {low}" if low == high else f"x {low} to {high}"
