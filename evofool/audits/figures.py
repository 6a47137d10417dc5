"""Figures of an audit: a number with its interval, as `audit.json` holds it."""

from collections.abc import Callable
from typing import TypedDict

import numpy as np

from evofool.measures import proportion_interval

RESAMPLES = 200  # of a bootstrap interval


class Estimate(TypedDict):
    """A number that was measured.

    Attributes:
        value: the number.
        low: lower end of its 95 % interval; None where there is no interval.
        high: upper end.
        n: how many images, classes or pairs it was measured on.
    """

    value: float
    low: float | None
    high: float | None
    n: int


Metrics = dict[str, Estimate]
"""Numbers by name, which gates and comparisons refer to; see `gates.METRICS`."""


def as_given(bar: float) -> str:
    """Writes a confidence with all digits that were given: 0.9999999 is not 1."""
    return f"{bar:.15g}"


def at(bar: float) -> str:
    """Returns the end of the names of metrics that count at a confidence, such as "@0.99"."""
    return f"@{as_given(bar)}"


def plain(value: float, n: int) -> Estimate:
    """Returns a number without an interval."""
    return {"value": float(value), "low": None, "high": None, "n": int(n)}


def share(hits: np.ndarray) -> Estimate:
    """Returns the share of True, with Wilson's interval.

    Args:
        hits: booleans, at least one.
    """
    found = proportion_interval(int(np.sum(hits)), int(np.size(hits)))
    return {"value": found.share, "low": found.low, "high": found.high, "n": found.n}


def bootstrapped(statistic: Callable[..., float], *samples: np.ndarray, seed: int = 0) -> Estimate:
    """Returns a statistic with the percentile interval of the bootstrap.

    Args:
        statistic: of the samples, each an array whose rows are drawn with replacement.
        *samples: independent of each other.
        seed: of the drawing.

    References:
        Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    generator = np.random.default_rng(seed)
    drawn = [
        statistic(*(sample[generator.integers(0, len(sample), len(sample))] for sample in samples))
        for _ in range(RESAMPLES)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {
        "value": float(statistic(*samples)),
        "low": float(low),
        "high": float(high),
        "n": sum(map(len, samples)),
    }
