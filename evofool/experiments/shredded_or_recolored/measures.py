"""What a network recognises of digits that were cut to pieces or recoloured: figures, charts."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer, UInt8
from PIL import Image

from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.images import (
    Levels,
    Section,
    chart,
    draw_sheet,
    intensity_table,
    non_monotonicity,
    recolor,
    shuffle_pixels,
    thumbnail,
)

Labels = Integer[np.ndarray, " batch"]
Table = UInt8[np.ndarray, "256"]

WINDOW = 7  # pixels, the article's "knife"
INK = 128  # least level of what counts as ink
WHOLE, ROWS, PIXELS = "as they are", "rows shuffled", "pixels shuffled"
BLONDES, INVERTED = "recoloured", "inverted"
RANDOM = (ROWS, PIXELS)  # conditions that a seed decides
CONDITIONS: dict[str, Callable[[Levels, int], Levels]] = {
    WHOLE: lambda images, seed: images,
    ROWS: lambda images, seed: shuffle_pixels(images, window=WINDOW, rows_only=True, seed=seed),
    PIXELS: lambda images, seed: shuffle_pixels(images, window=WINDOW, seed=seed),
    BLONDES: lambda images, seed: recolor(images, intensity_table("blondes")),
    INVERTED: lambda images, seed: recolor(images, intensity_table("invert")),
}
"""By name: what is done to digits. Recolouring is by the article's table."""
PUBLISHED = {WHOLE: 0.9939, ROWS: 0.7051, BLONDES: 0.1634}
"""Accuracies of the article's network."""


class ByTable(NamedTuple):
    """What becomes of digits under tables of levels, a value for each table.

    Attributes:
        accuracy: share of the digits that are recognised, in [0, 1].
        commonest: share of the digits that are taken for the digit seen most often.
        non_monotonicity: see `evofool.images.recoloring`.
        contrast: mean level of ink less that of the background, in [-255, 255].
    """

    accuracy: Float[np.ndarray, " tables"]
    commonest: Float[np.ndarray, " tables"]
    non_monotonicity: Float[np.ndarray, " tables"]
    contrast: Float[np.ndarray, " tables"]


def accuracies(
    network: Classifier, images: Levels, labels: Labels, *, seeds: int
) -> dict[str, list[float]]:
    """Returns a network's accuracy under each of `CONDITIONS`: one per seed where it has one."""
    return {
        name: [
            accuracy(network, apply(images, seed), labels)
            for seed in range(seeds if name in RANDOM else 1)
        ]
        for name, apply in CONDITIONS.items()
    }


def accuracy(network: Classifier, images: Levels, labels: Labels) -> float:
    """Returns the share of images that are recognised."""
    return float(np.mean(recognize(network, images).classes == labels))


def accuracy_by_window(
    network: Classifier, images: Levels, labels: Labels, windows: Sequence[int]
) -> dict[str, list[float]]:
    """Returns the accuracy for windows of every side, with rows and with all pixels shuffled."""
    return {
        name: [
            accuracy(network, shuffle_pixels(images, window=side, rows_only=rows_only), labels)
            for side in windows
        ]
        for name, rows_only in ((ROWS, True), (PIXELS, False))
    }


def by_table(
    network: Classifier, images: Levels, labels: Labels, tables: Iterable[Table]
) -> ByTable:
    """Recolours digits by every table."""
    frequency = np.bincount(images.ravel(), minlength=256).astype(float)
    ink = np.where(np.arange(256) >= INK, frequency, 0.0)
    ground = np.where(np.arange(256) < INK, frequency, 0.0)
    rows = []
    for table in tables:
        classes = recognize(network, recolor(images, table)).classes
        rows.append(
            (
                np.mean(classes == labels),
                np.bincount(classes).max() / len(classes),
                non_monotonicity(table),
                np.average(table, weights=ink) - np.average(table, weights=ground),
            )
        )
    return ByTable(*np.array(rows).T)


def draw_windows(path: Path, windows: list[int], found: dict[str, dict[str, list[float]]]) -> None:
    """Draws accuracy over the side of windows, a colour per network and a line per kind."""
    with chart(path) as axes:
        for color, (name, one) in zip(("C0", "C1"), found.items(), strict=True):
            for style, (condition, values) in zip(("-", "--"), one.items(), strict=True):
                axes.plot(windows, values, style, color=color, label=f"{name}, {condition}")
        axes.plot([7], [PUBLISHED[ROWS]], "k*", label="article, rows shuffled")
        axes.axhline(0.1, color="grey", linestyle=":", linewidth=1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("side of the windows, pixels of 28")
        axes.set_ylabel("accuracy")
        axes.grid(alpha=0.3)
        axes.legend()


def draw_tables(
    path: Path, counts: list[int], random: ByTable, graded: ByTable, *, blondes: float
) -> None:
    """Draws what digits are taken for, and the accuracy under many tables.

    Args:
        path: of the image.
        counts: of recoloured digits by what they are taken for.
        random: accuracies under random tables.
        graded: the same under tables of growing disorder.
        blondes: accuracy of the same network under the article's table.
    """
    with chart(path, size=(13, 3.8), panels=3) as (bars, histogram, scatter):
        bars.bar(range(10), counts)
        bars.set_xticks(range(10))
        bars.set_xlabel("what recoloured digits are taken for")
        bars.set_ylabel("digits")
        histogram.hist(random.accuracy, bins=np.arange(0, 1.01, 0.05))
        label = f"the article's table, here: {blondes:.1%}"
        histogram.axvline(blondes, color="black", linestyle=":", label=label)
        histogram.set_xlabel("accuracy")
        histogram.set_ylabel(f"tables, of {len(random.accuracy)} random ones")
        histogram.legend()
        for marker, tables in (("o", graded), ("x", random)):
            points = scatter.scatter(
                tables.non_monotonicity,
                tables.accuracy,
                c=tables.contrast,
                marker=marker,
                vmin=-255,
                vmax=255,
                cmap="coolwarm",
            )
        scatter.set_xlabel("non-monotonicity (o growing disorder, x random)")
        scatter.set_ylabel("accuracy")
        scatter.figure.colorbar(points, ax=scatter, label="contrast of ink, levels")


def draw_strip(network: Classifier, images: Levels, labels: Labels) -> Image.Image:
    """Draws a digit of each class under every condition, and what the network takes it for."""
    some = images[[int(np.argmax(labels == digit)) for digit in range(10)]]
    sections = []
    for name, apply in CONDITIONS.items():
        shown = apply(some, 0)
        seen = recognize(network, shown)
        captions = [
            (network.card.labels[one], f"{value:.1%}")
            for one, value in zip(seen.classes, seen.confidence, strict=True)
        ]
        sections.append(Section(name, list(map(thumbnail, shown)), captions))
    return draw_sheet(sections)
