"""The ablation experiment's images of copies: what they cost, and what is left without them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from evofool.analysis import Repeats, places_elsewhere, remove_patches
from evofool.classifiers import first_name
from evofool.evaluation import recognize
from evofool.experiments.ablation.measures import (
    ELSEWHERE,
    FILL,
    LEAST_COPIES,
    Removed,
    comparable,
    medians,
)
from evofool.experiments.bench import Lab
from evofool.images import Section, chart, draw_sheet, thumbnail
from evofool.runs import Elite, Run
from evofool.support import percent

SHOWN = 8  # elites
CYAN, MAGENTA = (0, 255, 255), (255, 0, 255)


def draw_losses(lab: Lab, every: Sequence[Removed]) -> None:
    """Leaves a chart of what one, two and three patches cost, for the elites that have them all."""
    kept = comparable(every, LEAST_COPIES)
    labels = ("copies", *(f"elsewhere, {which}" for which in ELSEWHERE))
    patches = range(1, LEAST_COPIES + 1)
    with chart(lab.folder / "copies.png") as axes:
        for place, label in enumerate(labels):
            found = [medians(kept, k)[place] for k in patches] if kept else []
            axes.errorbar(
                [k + 0.06 * (place - 1) for k in patches][: len(found)],
                [one.median for one in found],
                [
                    [one.median - one.low for one in found],
                    [one.high - one.median for one in found],
                ],
                marker="o",
                capsize=3,
                label=label,
            )
        axes.set_xticks(list(patches))
        axes.set_xlabel("patches removed")
        axes.set_ylabel(f"confidence lost, {len(kept)} elites")
        axes.axhline(0, color="black", linestyle=":", linewidth=1)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper left")


def draw_copies(run: Run, removed: Sequence[Removed]) -> Image.Image:
    """Draws some elites, evenly spread over the classes, with and without patches."""
    shown = np.linspace(0, len(removed) - 1, min(SHOWN, len(removed))).round().astype(int)
    elites = {elite.cell: elite for elite in run.elites()}
    return draw_sheet([_section(run, elites[removed[i].cell], removed[i].repeats) for i in shown])


def _section(run: Run, elite: Elite, repeats: Repeats) -> Section:
    image, size = elite.image(), repeats.size
    generator = np.random.default_rng(elite.cell)
    elsewhere = places_elsewhere(generator, image, repeats, alike=True)
    without = [
        remove_patches(image, corners, size, fill=FILL)[-1]
        for corners in (repeats.corners, elsewhere)
    ]
    marked = _outlined(_outlined(image, repeats.corners, size, CYAN), elsewhere, size, MAGENTA)
    found = recognize(run.classifier, np.stack([image, *without]))
    whole, *left = found.confidence_in(np.full(3, elite.class_index)).tolist()
    return Section(
        heading=f"{first_name(elite.label)}, {len(repeats.corners)} copies",
        images=[thumbnail(each) for each in (image, marked, *without)],
        captions=[
            ["whole", percent(whole)],
            ["marked"],
            ["without copies", percent(left[0])],
            [f"{len(elsewhere)} elsewhere", percent(left[1])],
        ],
    )


def _outlined(
    image: np.ndarray, corners: np.ndarray, size: int, color: tuple[int, int, int]
) -> np.ndarray:
    """Draws squares, one pixel wide, around patches."""
    outlined = image.copy()
    for row, column in corners:
        rows, columns = slice(row, row + size), slice(column, column + size)
        for edge in (row, row + size - 1):
            outlined[edge, columns] = color
        for edge in (column, column + size - 1):
            outlined[rows, edge] = color
    return outlined
