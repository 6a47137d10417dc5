"""Charts as files, drawn without a display."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from evofool.images.fonts import drawable, families
from evofool.support import Foreign, UserError, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
DPI = 220  # for print and for dense screens
LETTER, TILT = 0.085, np.pi / 4  # width of a letter in inches; angle of the names of columns
DARK = 0.6  # share of the colour scale; text on darker squares is white


@contextlib.contextmanager
def chart(
    path: Path, *, size: Sequence[float | int] = (7, 4), panels: int | tuple[int, int] = 1
) -> Iterator[Foreign]:  # `Axes`, or an array of them: a caller knows which
    """Yields matplotlib axes to draw on, then writes the drawing, atomically.

    Texts are drawn as they are, whatever their script; "$" is no markup. Legends stand to the right
    of their axes, wherever they were put.

    Args:
        path: of the file, whose ending is one of `FORMATS`.
        size: width and height in inches, of 220 pixels each in a PNG file.
        panels: number of axes side by side, or of their rows and columns; an array of axes is
            yielded if there are several.

    Raises:
        UserError: the ending is of no such format.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display, no global state
    from matplotlib.figure import Figure

    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise UserError(f"{path}: a chart cannot be written as {path.suffix!r}; expected {FORMATS}")
    width, height = size
    with rc_context({"font.family": families("")}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.subplots(*((1, panels) if isinstance(panels, int) else panels))
        for axes in figure.axes:
            if (legend := axes.get_legend()) is not None:
                legend.set_loc("upper left")  # its corner, beside the axes
                legend.set_bbox_to_anchor((1, 1), axes.transAxes)
        fonts = _make_drawable(figure)
        with replacing(path) as temporary, rc_context({"font.family": fonts}):
            figure.savefig(temporary, dpi=DPI, format=kind)


def _make_drawable(figure: "Figure") -> list[str]:
    """Gives all texts of a figure the fonts that they need, and returns these.

    Letters that no font has are written as their codes.
    """
    from matplotlib.text import Text
    from matplotlib.ticker import FuncFormatter

    names: list[str] = []
    of_numbers: list[Text] = []  # a logarithmic axis writes them as formulas
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), FuncFormatter):  # names in place of numbers
                places = axis.get_ticklocs().tolist()
                shown = map(drawable, axis.get_major_formatter().format_ticks(places))
                axis.set_ticks(places, labels=[*shown])
                names += axis.get_major_formatter().format_ticks(places)
            else:
                of_numbers += axis.get_ticklabels(which="both")
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    for text in texts:
        if text not in of_numbers:
            text.set_parse_math(False)
            text.set_text("\n".join(map(drawable, text.get_text().split("\n"))))
    fonts = families("".join([*names, *(text.get_text() for text in texts)]))
    for text in texts:
        text.set_fontfamily(fonts)
    return fonts


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
        values: of the squares; a square whose value is NaN stays grey.
        path: of the PNG file.
        rows: names of the rows, from the top down.
        columns: names of the columns.
        title: text above the matrix.
        row_axis: label of the axis of rows.
        column_axis: label of the axis of columns.
        top: value of the darkest colour.
        texts: texts in the squares; none unless given.
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
