"""A chart of how the confidence of a run rose."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from evofool.images import chart, confidence_axis, on_axis
from evofool.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 5  # runs that are drawn in a colour each; of more, the median of all stands out
FIELDS = ("min_confidence", "median_confidence", "max_confidence")


def write_convergence(run: Run, path: Path) -> None:
    """Plots how confidence rose: median over the classes, and the span from worst to best class.

    The axis is one of log-odds, scaled to the data. Up to five independent runs have a colour each;
    more share one, and their median is drawn on top of them.
    """
    seeds = [run.config.seed + index for index in range(run.config.runs)]
    generations, spans = curves_of(run)
    with chart(path) as axes:
        if len(seeds) <= FEW:
            for color, (seed, span) in enumerate(zip(seeds, spans, strict=True)):
                draw_span(axes, generations, span, f"C{color}", f"seed {seed}", 0.2 / len(seeds))
        else:
            axes.plot(generations, on_axis(spans[:, 1].T), color="C0", alpha=0.35, linewidth=0.8)
            least, greatest = spans[:, 0].min(axis=0), spans[:, 2].max(axis=0)
            together = np.stack([least, np.median(spans[:, 1], axis=0), greatest])
            draw_span(axes, generations, together, "C0", f"median of {len(seeds)} seeds", 0.12)
        confidence_axis(axes, "confidence: median, least to greatest")
        axes.set_xlabel("generation")
        axes.set_title(f"{run.config.encoding} against {run.card.name}")
        axes.grid(alpha=0.3)
        axes.legend()


def draw_span(
    axes: "Axes",
    generations: Sequence[int],
    span: Float[np.ndarray, "3 generations"],
    color: str,
    label: str,
    alpha: float,
) -> None:
    """Draws the curve in the middle of three, and the band between the outer ones.

    Args:
        axes: of log-odds.
        generations: of the points.
        span: confidences: low, middle and high.
        color: of matplotlib.
        label: of the legend.
        alpha: opacity of the band, in [0, 1].
    """
    low, middle, high = on_axis(span)
    axes.fill_between(generations, low, high, color=color, alpha=alpha, linewidth=0)
    axes.plot(generations, middle, color=color, label=label)


def curves_of(run: Run) -> tuple[list[int], Float[np.ndarray, "runs 3 generations"]]:
    """Returns the generations, and the least, median and greatest confidence of each run then."""
    lines, runs = run.metrics, run.config.runs
    generations = [line["generation"] for line in lines if line["run"] == runs - 1]
    values = np.zeros((runs, len(FIELDS), len(generations)))
    for index in range(runs):
        mine = (line for line in lines if line["run"] == index)
        for place, line in zip(range(len(generations)), mine, strict=False):
            values[index, :, place] = [line[field] for field in FIELDS]
    return generations, values
