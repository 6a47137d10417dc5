"""Calibration: is what a classifier says with confidence p right in a share p of cases?"""

from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float

from evofool.audits.figures import Metrics, bootstrapped, share
from evofool.audits.subject import Subject

BINS = 15  # of equal width, as in Guo et al.


class Bin(TypedDict):
    """The images whose confidence lies in a range.

    Attributes:
        low: lower end of the range.
        high: upper end.
        n: number of images.
        confidence: their mean confidence; 0 without any.
        accuracy: share of them that are recognised; 0 without any.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class CalibrationPart(TypedDict):
    """Accuracy and calibration on real images.

    Attributes:
        bins: from the least confident.
        metrics: figures by name.
    """

    bins: list[Bin]
    metrics: Metrics


def calibrate(subject: Subject) -> CalibrationPart:
    """Measures accuracy and calibration on the real images."""
    right = subject.seen.classes == subject.known.labels
    confidences = subject.seen.confidence
    return {
        "bins": reliability(confidences, right),
        "metrics": {
            "accuracy": share(right),
            "ece": bootstrapped(
                lambda rows: calibration_error(rows[:, 0], rows[:, 1] > 0),
                np.stack([confidences, right], axis=1),
                seed=subject.seed,
            ),
        },
    }


def calibration_error(
    confidences: Float[np.ndarray, " images"], right: Bool[np.ndarray, " images"]
) -> float:
    """Returns the expected calibration error, in [0, 1].

    It is the mean difference between confidence and accuracy over bins, weighted by images.

    References:
        Guo et al., "On calibration of modern neural networks", 2017, arXiv:1706.04599.
    """
    return sum(
        part["n"] / len(right) * abs(part["confidence"] - part["accuracy"])
        for part in reliability(confidences, right)
    )


def reliability(
    confidences: Float[np.ndarray, " images"], right: Bool[np.ndarray, " images"]
) -> list[Bin]:
    """Sorts images into bins by their confidence; one at a border is in the lower bin."""
    place = np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    sums, hits = (np.bincount(place, weights, BINS) for weights in (confidences, right))
    return [
        {
            "low": i / BINS,
            "high": (i + 1) / BINS,
            "n": int(counts[i]),
            "confidence": float(sums[i] / max(1, counts[i])),
            "accuracy": float(hits[i] / max(1, counts[i])),
        }
        for i in range(BINS)
    ]
