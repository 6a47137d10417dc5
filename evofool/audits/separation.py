"""How well a score tells fooling images from real ones: AUROC, AUPR, FPR95.

A score is higher for real images. Fooling images are what is to be detected: the positives of
AUROC and AUPR. FPR95 is the share of fooling images that pass where 95 % of the real ones do.
"""

from typing import NamedTuple, TypedDict

import numpy as np
from jaxtyping import Float, Int

from evofool.audits.figures import RESAMPLES, Estimate

Scores = Float[np.ndarray, " images"]
Real = Float[np.ndarray, " real"]
Fooling = Float[np.ndarray, " fooling"]
Values = Float[np.ndarray, " samples"]
PASSED = 0.95  # share of real images that pass a detector's threshold


class Separation(TypedDict):
    """How well a score separates.

    Attributes:
        auroc: probability that a real image scores higher than a fooling one, ties counted half.
        aupr: average precision of finding fooling images among both.
        fpr95: share of fooling images that pass where 95 % of the real ones do.
        threshold: the score at which these 95 % pass.
    """

    auroc: Estimate
    aupr: Estimate
    fpr95: Estimate
    threshold: float


class Measures(NamedTuple):
    """The three measures, of several samples of the same images."""

    auroc: Values
    aupr: Values
    fpr95: Values


def separate(real: Real, fooling: Fooling, *, seed: int) -> Separation:
    """Measures how well a score separates real from fooling images, with bootstrap intervals.

    Args:
        real: scores of real images, at least one.
        fooling: scores of fooling images, at least one.
        seed: of the bootstrap.
    """
    generator = np.random.default_rng(seed)
    measures = measure(real, fooling, *(_drawn(generator, len(each)) for each in (real, fooling)))
    n = len(real) + len(fooling)
    auroc, aupr, fpr95 = (_estimate(values, n) for values in measures)
    return {"auroc": auroc, "aupr": aupr, "fpr95": fpr95, "threshold": passing(real)}


def measure(
    real: Real,
    fooling: Fooling,
    times_real: Int[np.ndarray, "samples real"],
    times_fooling: Int[np.ndarray, "samples fooling"],
) -> Measures:
    """Measures many samples at once, from how often each image is in each.

    Args:
        real: scores of real images.
        fooling: scores of fooling images.
        times_real: how often each real image is in a sample; each sample has as many images.
        times_fooling: how often each fooling image is.
    """
    scores = np.unique(np.concatenate([real, fooling]))  # ascending: the most suspicious first
    of_real = _by_score(scores, real, times_real)
    of_fooling = _by_score(scores, fooling, times_fooling)
    # what is called fooling when everything up to a score is
    found, alarms = np.cumsum(of_fooling, axis=1), np.cumsum(of_real, axis=1)
    precision = found / np.maximum(found + alarms, 1)
    above = len(real) - alarms + of_real / 2
    bar = (alarms > _most_rejected(len(real))).argmax(axis=1)
    below = np.take_along_axis(found - of_fooling, bar[:, None], axis=1)[:, 0]
    return Measures(
        auroc=np.sum(of_fooling * above, axis=1) / (len(real) * len(fooling)),
        aupr=np.sum(of_fooling * precision, axis=1) / len(fooling),
        fpr95=1 - below / len(fooling),
    )


def passing(real: Real) -> float:
    """Returns the highest threshold that at least 95 % of the real images reach."""
    return float(np.sort(real)[_most_rejected(len(real))])


def _most_rejected(count: int) -> int:
    """Returns how many of so many real images may stay below a threshold."""
    return int(np.floor((1 - PASSED) * count + 1e-9))


def _drawn(generator: np.random.Generator, count: int) -> Int[np.ndarray, "samples images"]:
    """Returns how often each image is in a sample: once in the first, then at random."""
    drawn = generator.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return np.concatenate([np.ones((1, count), int), drawn])


def _by_score(
    scores: Float[np.ndarray, " scores"],
    own: Scores,
    times: Int[np.ndarray, "samples images"],
) -> Float[np.ndarray, "samples scores"]:
    """Returns how many images of every sample have each score."""
    place = np.searchsorted(scores, own)
    return np.stack([np.bincount(place, row, len(scores)) for row in times])


def _estimate(values: Values, n: int) -> Estimate:
    """Returns the first value, with the percentile interval of the others."""
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return {"value": float(values[0]), "low": float(low), "high": float(high), "n": n}
