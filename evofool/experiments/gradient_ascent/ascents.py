"""What the two experiments of gradient ascent share: the images, and how they are shown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from evofool.attacks import ASCENTS, Ascent, gradient_ascent
from evofool.classifiers import first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Tolerance, captioned_sheet, cells, near, section
from evofool.measures import spectral_slope, total_variation

MILESTONES = {"the class the likeliest": 0, "p > 99 %": 1, "p > 99.99 %": 3}
"""The columns of `Ascents.first` that are reported."""

AS_CERTAIN = Tolerance(low=near(0.9999).low)
"""Accepts confidences whose odds are at least half of those of the published 99.99 %."""


class Ascents(NamedTuple):
    """Images by gradient ascent, class by class.

    Attributes:
        images: levels 0..255, rounded.
        confidence: probability of the class in the rounded image, in [0, 1].
        before: the same before rounding, at the last step.
        first: first step at which the class is the likeliest, p > .99, > .999, > .9999; or -1.
        target: class of each.
        variation: mean difference of neighbouring pixels, in levels.
        slope: of the spectrum.
    """

    images: UInt8[np.ndarray, "images height width channels"]
    confidence: Float[np.ndarray, " images"]
    before: Float[np.ndarray, " images"]
    first: Int[np.ndarray, "images milestones"]
    target: Int[np.ndarray, " images"]
    variation: Float[np.ndarray, " images"]
    slope: Float[np.ndarray, " images"]

    def steps(self, milestone: int) -> Int[np.ndarray, " some"]:
        """Returns the first steps of the images that came to a milestone."""
        steps = self.first[:, milestone]
        return steps[steps >= 0]

    def share_reaching(self, milestone: int) -> float:
        """Returns the share of the images that came to a milestone."""
        return len(self.steps(milestone)) / len(self.first)


def ascend(
    lab: Lab,
    network: str,
    classes: Sequence[int],
    settings: Iterable[tuple[str, int]],
    *,
    starts: int,
) -> list[Ascents]:
    """Makes images with each pair of settings (a name in `ASCENTS`) and a seed.

    What an interrupted process has done of it is kept until all are made.
    """
    states = {
        (name, seed): lab.folder / "steps" / f"{name}-{seed}-state.npz" for name, seed in settings
    }
    classifier, made = lab.network(network), []
    for (name, seed), state in states.items():
        result = gradient_ascent(
            classifier,
            classes,
            settings=ascent(lab, name),
            starts=starts,
            seed=seed,
            save=state,
            report=lambda done, total, name=name: (
                lab.say(f"{name}: step {done} of {total}") if done % 250 == 0 else None
            ),
        )
        images = result.attack.images
        made.append(
            Ascents(
                images=images,
                confidence=recognize(classifier, images).confidence_in(result.target),
                before=result.path[:, -1].astype(np.float64),
                first=result.first,
                target=result.target,
                variation=total_variation(images),
                slope=spectral_slope(images),
            )
        )
    for state in states.values():
        state.unlink(missing_ok=True)
    return made


def ascent(lab: Lab, name: str) -> Ascent:
    """Returns settings by name; 50 steps of them at small scale."""
    return lab.choose(full=ASCENTS[name], small=ASCENTS[name].shorter(50))


def show(
    lab: Lab, labels: Sequence[str], made: Mapping[str, Ascents], rows: Sequence[int], what: str
) -> Figure:
    """Leaves a sheet of some of the images, each with its class and confidence.

    Args:
        lab: where it is left.
        labels: of the classes.
        made: images, by the heading that they are shown under.
        rows: which of them.
        what: begins the caption.
    """
    factors, sections = [], []
    for heading, one in made.items():
        images, factor = stretched(one.images[rows])
        title = f"{heading}; contrast {_times(factor)}" if heading else ""
        names = [first_name(labels[int(index)]) for index in one.target[rows]]
        confidences = map(cells.confidence, one.confidence[rows].tolist())
        sections.append(section(title, images, zip(names, confidences, strict=True)))
        factors.append(factor)
    every = np.concatenate(factors)
    if every.max() >= 1.5:
        what += f"; contrast around each image's mean enlarged, {_times(every)}"
    return captioned_sheet(lab, "sheet.jpg", what, sections)


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
