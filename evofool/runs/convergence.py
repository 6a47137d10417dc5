"""A chart of how the confidence of a run rose."""

from pathlib import Path

import numpy as np

from evofool.images import chart
from evofool.runs.run import Run

MOST_NINES = 9.0  # plots end there


def write_convergence(run: Run, path: Path) -> None:
    """Plots how confidence rose: median per run, and the span from the worst to the best class.

    The axis counts nines, -log10(1 - confidence): 99 % and 99.99 % are as far apart as
    0 % and 99 %.
    """
    lines = run.metrics
    alpha = min(0.12, 0.6 / run.config.runs)  # the spans of many runs stay transparent
    with chart(path) as axes:
        for index in range(run.config.runs):
            mine = [line for line in lines if line["run"] == index]
            generations = [line["generation"] for line in mine]
            low, middle, high = (
                _nines(values)
                for values in (
                    [line["min_confidence"] for line in mine],
                    [line["median_confidence"] for line in mine],
                    [line["max_confidence"] for line in mine],
                )
            )
            color = f"C{index % 10}"
            axes.fill_between(generations, low, high, color=color, alpha=alpha, linewidth=0)
            axes.plot(generations, middle, color=color, label=f"seed {run.config.seed + index}")
        ticks = {0.0: "0", 0.5: "0.5", 0.9: "0.9", 0.99: "0.99", 0.999: "0.999", 0.9999: "0.9999"}
        ticks |= {1 - 1e-6: "1 - 1e-6", 1 - 1e-8: "1 - 1e-8"}
        axes.set_yticks(_nines(list(ticks)), list(ticks.values()))
        axes.set_ylim(0, MOST_NINES)
        axes.set_xlabel("generation")
        axes.set_ylabel("confidence: median, least to greatest")
        axes.set_title(f"{run.config.encoding} against {run.card.name}")
        axes.grid(alpha=0.3)
        if run.config.runs <= 10:
            axes.legend(loc="lower right")


def _nines(values: list[float]) -> np.ndarray:
    return np.minimum(-np.log10(np.maximum(1 - np.asarray(values), 1e-300)), MOST_NINES)
