"""Pieces of the page: escaped text, tables, images as data, figures with their intervals."""

import html
import math
from collections.abc import Iterable, Sequence

from evofool.audits.figures import Estimate
from evofool.images import Levels, as_data_url, as_png, to_image
from evofool.support import percent, printable, rounded_percent


def escaped(text: object) -> str:
    """Returns text of any origin as text of a page: no markup, no control characters."""
    return html.escape(printable(str(text)))


def paragraph(text: str, *, kind: str = "") -> str:
    """Returns a paragraph of text, which is escaped."""
    return f"<p{_class(kind)}>{escaped(text)}</p>"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    kind: str = "",
) -> str:
    """Returns a table; all cells but the first of a row are figures, unless `kind` is "texts".

    Args:
        columns: headings, which are escaped.
        rows: cells, which are markup.
        kind: a class of the style sheet.
    """
    head = "".join(f'<th scope="col">{escaped(column)}</th>' for column in columns)
    body = []
    for first, *others in rows:
        name = f'<th scope="row">{first}</th>'
        body.append(f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in others)}</tr>")
    inner = f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f'<div class="wide"><table{_class(kind)}>{inner}</table></div>'


def folded(title: str, content: str) -> str:
    """Returns content that is shown when its title is clicked."""
    return f"<details><summary>{escaped(title)}</summary>{content}</details>"


def badge(passed: bool) -> str:
    """Returns a mark for what passed or failed."""
    return '<b class="ok">passed</b>' if passed else '<b class="bad">FAILED</b>'


def picture(levels: Levels, title: str) -> str:
    """Returns an image as it is, in the page itself."""
    source = as_data_url(as_png(to_image(levels), optimize=True))
    side = max(levels.shape[:2])
    kind = ' class="pixels"' if side < 100 else ""
    return f'<img{kind} alt="{escaped(title)}" src="{source}">'


def certainty(value: float, step: float) -> str:
    """Writes a confidence, with no digits beyond the steps in which it comes.

    Args:
        value: in [0, 1].
        step: of which all confidences of the classifier are multiples; 0 if there is none.

    Example:
        >>> certainty(0.99998, 0), certainty(255 / 256, 1 / 256)
        ('99.9980 %', '99.6 %')
    """
    if not step:
        return percent(value)
    return rounded_percent(value, digits=max(0, math.ceil(-math.log10(step)) - 2))


def figure_of(estimate: Estimate | None, *, as_share: bool = True) -> str:
    """Returns a figure with its interval, as markup."""
    if estimate is None:
        return "-"
    write = _as_share if as_share else _as_number
    interval = ""
    if estimate["low"] is not None and estimate["high"] is not None:
        low, high = write(estimate["low"]), write(estimate["high"])
        ends = f"{low.removesuffix(' %')} to {high}"
        interval = f'<small title="95 % interval, n = {estimate["n"]}">{ends}</small>'
    return f"{write(estimate['value'])}{interval}"


def _as_share(value: float) -> str:
    return rounded_percent(value)


def _as_number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
