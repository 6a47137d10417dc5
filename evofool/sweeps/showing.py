"""A comparison as a table for other programs, and as a chart."""

import math
from pathlib import Path

import numpy as np

from evofool.images import chart, confidence_axis, on_axis
from evofool.runs import write_csv
from evofool.support import JsonValue
from evofool.sweeps.comparison import Comparison

INCH = 0.8  # of a group


def rows_of(comparison: Comparison) -> list[dict[str, JsonValue]]:
    """Returns a row for each group; what never happened is None."""
    return [
        {
            **{name: _cell(value) for name, value in group.settings.items()},
            "measure": comparison.measure,
            "n": group.median.n,
            "median": _finite(group.median.median),
            "low": _finite(group.median.low),
            "high": _finite(group.median.high),
            "coverage": group.median.coverage,
            "baseline": comparison.baseline,
            "superiority": group.test and group.test.superiority,
            "p": group.test and group.test.p,
            "p_holm": group.p,
        }
        for group in comparison.groups
    ]


def write_comparison(comparison: Comparison, path: str | Path) -> None:
    """Writes a CSV file with a row for each group, atomically.

    `low` and `high` are the ends of the median's interval, `coverage` is its probability, and
    `superiority` that a run of the group exceeds one of the baseline.
    """
    write_csv(Path(path), rows_of(comparison))


def plot_comparison(comparison: Comparison, path: str | Path) -> None:
    """Draws a dot for each run, and each group's median with its interval: .png, .svg or .pdf.

    Confidences are on an axis of log-odds. What never happened is left out, and counted in the name
    of its group.
    """
    is_confidence = comparison.measure.endswith("_confidence")
    place = on_axis if is_confidence else np.asarray
    names = [_name(group.label, group.values) for group in comparison.groups]
    with chart(Path(path), size=(2 + max(4, INCH * len(names)), 4)) as axes:
        for x, group in enumerate(comparison.groups):
            shown = np.array([value for value in group.values if math.isfinite(value)])
            places = x + np.linspace(-0.12, 0.12, max(len(shown), 2))[: len(shown)]
            axes.plot(places, place(shown), "o", color="C0", alpha=0.45, markersize=5)
            median = group.median
            if math.isfinite(median.median):
                ends = np.array([median.low, median.high])
                ends[~np.isfinite(ends)] = shown.max()
                axes.plot([x + 0.24] * 2, place(ends), color="black", linewidth=1.2)
                axes.plot(x + 0.24, place([median.median]), "D", color="black", markersize=5)
        axes.set_xticks(range(len(names)), names)
        axes.set_xlabel(", ".join(comparison.by))
        label = comparison.measure.replace("_", " ")
        if is_confidence:
            confidence_axis(axes, label)
        else:
            axes.set_ylabel(label)
        axes.set_title(f"over {', '.join(comparison.over)}: runs, median and its interval")
        axes.grid(alpha=0.3, axis="y")


def _name(label: str, values: tuple[float, ...]) -> str:
    never = sum(not math.isfinite(value) for value in values)
    return f"{label}\n{never} of {len(values)} never" if never else label


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value
