"""Numbers as text: the one format of every row, table and sentence of the reports."""

import math
from collections.abc import Sequence

import numpy as np

from evofool.measures import Median, Paired, Permuted, Share, TwoGroups, median_interval, p_text
from evofool.support import as_percentage

Numbers = Sequence[float | int] | np.ndarray
Test = TwoGroups | Paired | Permuted


def share(value: float | int | Share) -> str:
    """Writes a share in [0, 1] as a percentage, with its interval and count if it has them.

    Near 1 it has the digits that tell confidences apart, and is not rounded up to what counts as
    certain (99 %, 99.99 %, 100 %).

    Example:
        >>> [share(value) for value in (0.0048480, 0.5, 0.9967, 0.99986, 1 - 1e-9, 1.0)]
        ['0.4848 %', '50.0 %', '99.67 %', '99.9860 %', '> 99.9999 %', '100 %']
        >>> share(Share(0.5, 0.4, 0.6, 50, 100))
        '50.0 % [40.0 %, 60.0 %] (50 of 100)'
    """
    if isinstance(value, Share):
        return f"{share(value.share)} {interval(value)} ({value.successes} of {value.n})"
    return as_percentage(value)


confidence = share
"""Confidences are written as shares are."""


def interval(value: Share | Median, unit: str = "%") -> str:
    """Writes the interval of a share or a median: "[40.0 %, 60.0 %]"."""
    return f"[{number(value.low, unit)}, {number(value.high, unit)}]"


def median(values: Numbers | Median, unit: str = "%") -> str:
    """Writes a median and its 95 % interval; of one value, or of equal ones, the value alone.

    Args:
        values: to take the median of, at least one; or the median itself.
        unit: "%" if the values are shares in [0, 1], else text behind the number.

    Example:
        >>> median([0.1, 0.2, 0.4])
        '20.0 % [10.0 %, 40.0 %]'
    """
    middle = values if isinstance(values, Median) else median_interval(values)
    if middle.n == 1:
        return number(middle.median, unit)
    return f"{number(middle.median, unit)} {interval(middle, unit)}"


def each(values: Numbers, unit: str = "%") -> str:
    """Writes every value, equal texts once: "91.9 % and 93.4 %"."""
    return " and ".join(dict.fromkeys(number(float(value), unit) for value in values))


def test(result: Test | float) -> str:
    """Writes a test with its statistic, effect and n; a p-value alone as "p = 0.012"."""
    return p_text(result) if isinstance(result, float) else str(result)


def tests(results: Sequence[Test]) -> str:
    """Writes a test for each seed: "seed 0: ...; seed 1: ..."."""
    return "; ".join(f"seed {seed}: {test(result)}" for seed, result in enumerate(results))


def count(k: int, n: int) -> str:
    """Writes how many of how many.

    Example:
        >>> count(1153, 1448)
        '1,153 of 1,448'
    """
    return f"{k:,} of {n:,}"


def number(value: float | int, unit: str = "") -> str:
    """Writes one number in its unit: "%" for shares in [0, 1], "p" for p-values, or any text.

    Example:
        >>> [number(0.5, "%"), number(12345), number(0.25, "nats"), number(0.01, "p")]
        ['50.0 %', '12,345', '0.25 nats', 'p = 0.01']
    """
    if unit == "%":
        return share(value)
    if unit == "p":
        return p_text(value)
    text = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{text} {unit}".strip()


def spread(values: Numbers, unit: str = "") -> str:
    """Writes the figures of all seeds: the one there is, or their median and its interval.

    Of p-values it is the largest; "none" where no seed has a figure.

    Example:
        >>> spread([0.5], "%"), spread([0.3, 0.01], "p"), spread([])
        ('50.0 %', 'p = 0.3', 'none')
    """
    if not len(values):
        return "none"
    if unit == "p":
        return number(max(values), unit)
    if len(values) == 1:
        return number(values[0], unit)
    middle = median_interval(values)
    ends = [
        number(end, unit).removesuffix(unit).strip() if unit else number(end)
        for end in (middle.low, middle.high)
    ]
    return f"{number(middle.median, unit)} [{', '.join(ends)}]"


def cell(value: str | float | int | None) -> str:
    """Writes a cell of a table: text as it is, numbers with three digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else "-"
    return str(value)


def shorten(text: str, most: int) -> str:
    """Cuts a text between words so that it has at most so many characters; marks it by "..."."""
    if len(text) <= most:
        return text
    return text[: most - 3].rsplit(" ", 1)[0].rstrip(" ,;:") + "..."
