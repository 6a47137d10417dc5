"""Charts as PNG files, without a display: matrices, and a page to draw on."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from evofool.support import replacing

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
