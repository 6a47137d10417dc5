"""Images that show an attack: strips of original, change and result, and confidence by epsilon."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from PIL import Image

from evofool.images import (
    Levels,
    Section,
    chart,
    confidence_axis,
    draw_sheet,
    on_axis,
    thumbnail,
)


class StripRow(NamedTuple):
    """A result that is shown beside its original.

    Attributes:
        heading: text above the row; may be empty.
        image: the result, levels 0..255.
        caption: lines of text below the result.
    """

    heading: str
    image: Levels
    caption: Sequence[str]


def draw_strip(original: Levels, caption: Sequence[str], rows: Sequence[StripRow]) -> Image.Image:
    """Draws the original, the magnified change and the result side by side, row after row.

    Args:
        original: levels 0..255.
        caption: lines of text below the original.
        rows: the results.
    """
    sections = []
    for row in rows:
        magnified, factor = magnify(row.image.astype(int) - original)
        sections.append(
            Section(
                row.heading,
                [thumbnail(shown) for shown in (original, magnified, row.image)],
                [caption, ("change", f"x {factor:.3g}"), row.caption],
            )
        )
    return draw_sheet(sections)


def magnify(change: Int[np.ndarray, "height width channels"]) -> tuple[Levels, float]:
    """Returns a change of levels as an image around grey, and the factor of magnification."""
    largest = np.abs(change).max()
    factor = 127 / largest if largest else 1.0
    return np.rint(128 + factor * change).astype(np.uint8), float(factor)


def write_curve(
    path: Path,
    sizes: Sequence[float],
    *,
    axis: str,
    best: Sequence[float],
    names: Sequence[str],
    of: Mapping[str, Sequence[float]],
) -> None:
    """Plots how a classifier's confidence changes with the size of a change.

    Args:
        path: of the PNG file.
        sizes: epsilons, or sizes of a patch; 0 for the original.
        axis: what they are, "epsilon" or "size".
        best: probability of the likeliest class at each size.
        names: the likeliest class at each size.
        of: probability at each size of the label and the target, by name.
    """
    order = np.argsort(sizes)
    ordered = np.asarray(sizes)[order]
    with chart(path, size=(5, 3.4)) as axes:
        axes.plot(ordered, on_axis(best)[order], "s--", label="as the likeliest class")
        for (name, values), style in zip(of.items(), ("o-", "^:"), strict=False):
            axes.plot(ordered, on_axis(values)[order], style, label=f"as {name}")
        for size, height, name in zip(sizes, on_axis(best), names, strict=True):
            axes.annotate(name, (size, height), xytext=(3, 5), textcoords="offset points")
        axes.set_xlim(-0.04 * ordered[-1], 1.3 * ordered[-1])  # room for the last name
        axes.margins(y=0.12)
        confidence_axis(axes, "confidence")
        axes.set_xlabel(axis)
        axes.grid(alpha=0.3)
        axes.legend()
