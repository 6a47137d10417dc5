"""Charts as PNG files, without a display: how confidence rose, matrices, and a page to draw on."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from evofool.files import replacing
from evofool.run import Run

MOST_NINES = 9.0  # plots end there
DPI = 110
LETTER, TILT = 0.085, np.pi / 4  # inches that a letter takes; of the names of columns
DARK = 0.6  # of the colour scale; text on what is darker is white


@contextlib.contextmanager
def chart(path: Path, *, size: Sequence[float | int] = (7, 4), panels: int = 1) -> Iterator[Any]:
    """Gives matplotlib axes to draw on; what was drawn is then written, atomically.

    Args:
        path: of the PNG file.
        size: width and height in inches, of 110 pixels each.
        panels: axes side by side; an array of them is given if there is more than one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display, no global state
    from matplotlib.figure import Figure

    width, height = size
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.subplots(1, panels)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png")


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
                _nines([line[f"{name}_confidence"] for line in mine])
                for name in ("min", "median", "max")
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


def write_matrix(
    values: Float[np.ndarray, "rows columns"],
    path: Path,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str = "",
    row_axis: str = "",
    column_axis: str = "",
    top: float = 1.0,
    texts: Sequence[Sequence[str]] | None = None,
) -> None:
    """Draws a matrix as coloured squares, from 0 (white) to `top` (dark).

    Args:
        values: of the squares; one that is not a number stays grey.
        path: of the PNG file.
        rows: their names, from the top down.
        columns: their names.
        title: above it.
        row_axis: what the rows are.
        column_axis: what the columns are.
        top: value of the darkest colour.
        texts: written into the squares; nothing unless given.
    """
    width = 1.0 + LETTER * max(map(len, rows)) + 0.62 * len(columns)
    height = 0.9 + LETTER * max(map(len, columns)) * np.sin(TILT) + 0.5 * len(rows)
    size = (max(width, 0.5 + LETTER * len(title)), height)
    with chart(path, size=size) as axes:
        axes.set_facecolor("#dddddd")
        axes.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
        axes.set_xticks(
            range(len(columns)),
            columns,
            rotation=np.rad2deg(TILT),
            ha="right",
            rotation_mode="anchor",
        )
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xlabel(column_axis)
        axes.set_ylabel(row_axis)
        axes.figure.suptitle(title, fontsize=10)
        for (row, column), value in np.ndenumerate(values):
            if texts is not None:
                color = "white" if value > DARK * top else "black"
                axes.text(column, row, texts[row][column], ha="center", va="center", color=color)


def _nines(values: list[float]) -> np.ndarray:
    return np.minimum(-np.log10(np.maximum(1 - np.asarray(values), 1e-300)), MOST_NINES)
