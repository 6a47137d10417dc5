"""Corruptions: how certain a classifier stays when real images lose what they show."""

from collections.abc import Callable
from functools import partial
from typing import TypedDict

import numpy as np

from evofool.audits.figures import Metrics, share
from evofool.audits.subject import Subject, evenly_spread
from evofool.evaluation import recognize
from evofool.images import Levels, corruptions, intensity_table

SHOWN = 500  # real images at most, as each is corrupted in every way


class Corruption(TypedDict):
    """What one corruption does.

    Attributes:
        name: its name in metrics.
        description: in words.
        accuracy: share of the images that are still recognised.
        confidence: median confidence in the likeliest class.
        certain: share of the images of which it is as certain as its user asks, right or wrong.
    """

    name: str
    description: str
    accuracy: float
    confidence: float
    certain: float


class CorruptionsPart(TypedDict):
    """What corruptions do.

    Attributes:
        images: number of real images.
        corruptions: the originals first.
        metrics: figures by name.
    """

    images: int
    corruptions: list[Corruption]
    metrics: Metrics


def corrupt_all(subject: Subject) -> CorruptionsPart:
    """Shows corrupted real images to the classifier."""
    real = subject.known
    rows = evenly_spread(len(real.images), SHOWN)
    images, labels = real.images[rows], real.labels[rows]
    part: CorruptionsPart = {"images": len(rows), "corruptions": [], "metrics": {}}
    for name, (description, corruption) in _corruptions(images, subject.seed).items():
        seen = recognize(subject.shipped, corruption(images))
        is_right, certain = seen.classes == labels, seen.confidence >= subject.threshold
        part["corruptions"].append(
            {
                "name": name,
                "description": description,
                "accuracy": float(is_right.mean()),
                "confidence": float(np.median(seen.confidence)),
                "certain": float(certain.mean()),
            }
        )
        if name != "original":
            part["metrics"][f"accuracy.{name}"] = share(is_right)
            part["metrics"][f"certain.{name}"] = share(certain)
    return part


def work_of(subject: Subject) -> int:
    """Returns how much work that is, in forward passes."""
    return 6 * min(SHOWN, len(subject.known.images))


def _corruptions(images: Levels, seed: int) -> dict[str, tuple[str, Callable[[Levels], Levels]]]:
    """Returns the corruptions, sized to the images, with their descriptions."""
    side = max(2, min(images.shape[1:3]) // 4)
    sigma = min(images.shape[1:3]) / 28
    shuffle = partial(corruptions.shuffle_pixels, window=side, seed=seed)
    return {
        "original": ("as they are", lambda levels: levels),
        "shuffled": (f"pixels shuffled in windows of {side}x{side}", shuffle),
        "exchanged": (
            f"tiles of {side}x{side} exchanged",
            partial(corruptions.exchange_tiles, tile=side, seed=seed),
        ),
        "mirrored": (
            f"every second tile of {side}x{side} mirrored",
            partial(corruptions.mirror_tiles, tile=side),
        ),
        "blurred": (
            f"blurred, sigma {sigma:.2g} pixels",
            partial(corruptions.blur, sigma=sigma),
        ),
        "inverted": (
            "dark and bright exchanged",
            partial(corruptions.recolor, table=intensity_table("invert")),
        ),
    }
