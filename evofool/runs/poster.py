"""The most striking elites, large enough to print, and a page that shows them all."""

import html
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy
from jaxtyping import Float
from PIL import Image

from evofool.classifiers import first_name
from evofool.evolution import HIGH
from evofool.images import LUMA, Levels, Look, Section, draw_sheet, save_image, to_image
from evofool.runs.choosing import chosen
from evofool.runs.exporting import class_name
from evofool.runs.folders import result_folder
from evofool.runs.frames import Size
from evofool.runs.gallery import name_on_sheets
from evofool.runs.run import Elite, Run
from evofool.support import UserError, printable, replacing

COLUMNS = 6
MOST_SIDE = 13_000  # pixels; Pillow refuses to open larger images, as bombs
ON_SHEET, ON_PAGE = 200, 600  # pixels: width of an image on the JPEG and on the web page


def poster(
    run: str | Path | Run,
    out: str | Path,
    *,
    count: int = 24,
    size: Size = 4096,
    least: float = HIGH,
    favourites: str | Path | None = None,
) -> list[Path]:
    """Draws the most striking elites anew, large, with a page of all.

    `out` gets a PNG of every elite that `striking` chooses, or of the favourites, `poster.jpg` (all
    of them, small, with what the classifier takes them for) and `index.html` (the same, each a link
    to the large one). A poster that was stopped goes on where it was: images that are there are
    kept.

    Args:
        run: a run directory; all its independent runs are chosen from.
        out: folder to write; made when it is not there.
        count: how many.
        size: pixels along the longer side, or (width, height), as for `render`.
        least: confidence in [0, 1] that they have at least.
        favourites: file of favourites, as the browser saves them; they are drawn instead,
            whatever `count` and `least`.

    Returns:
        The large images.

    Raises:
        UserError: not a run directory, its images are directly encoded, fewer than `count` elites
            are as certain as that, or `out` holds something else.
    """
    run = Run.open(run)
    if favourites is None:
        elites = striking(run, count=count, least=least)
    else:
        elites = chosen(run, favourites=favourites)
    names = [f"{number:02d}_{class_name(elite)}" for number, elite in enumerate(elites, start=1)]
    run.check_drawable(size)
    if np.max(size) > MOST_SIDE:
        raise UserError(f"size is {size}; expected 1..{MOST_SIDE} pixels")
    source = f"{run.folder.resolve()}, generation {run.generation}"
    kept = size if isinstance(size, int) else list(size)  # as JSON gives it back
    content = {"run": source, "size": kept, "images": names}
    if run.config.runs > 1:  # else names tell images apart
        content["seeds"] = [elite.seed for elite in elites]
    with result_folder(out, content, mark="poster.json") as folder:
        paths = [folder / f"{name}.png" for name in names]
        for elite, path in zip(elites, paths, strict=True):
            if not path.exists():
                save_image(elite.render(size), path)
        _write_pages(folder, paths, elites)
    return paths


def _write_pages(folder: Path, paths: Sequence[Path], elites: Sequence[Elite]) -> None:
    on_sheet, captions, figures = [], [], []
    for path, elite in zip(paths, elites, strict=True):
        with Image.open(path) as large:
            small = large.resize(_fit(large.size, ON_PAGE), Image.Resampling.LANCZOS)
        on_sheet.append(small.resize(_fit(small.size, ON_SHEET), Image.Resampling.LANCZOS))
        save_image(small, folder / "small" / f"{path.stem}.jpg")
        label = html.escape(printable(first_name(elite.label)))
        below = elite.run.percent(elite.confidence)
        captions.append([name_on_sheets(elite), below])
        figures.append(_FIGURE.format(name=path.stem, label=label, below=below))
    sheet = draw_sheet([Section("", on_sheet, captions)], look=Look(columns=COLUMNS))
    save_image(sheet, folder / "poster.jpg")
    with replacing(folder / "index.html") as temporary:
        page = _PAGE.format(columns=COLUMNS, figures="\n".join(figures))
        temporary.write_text(page, encoding="utf-8")


def _fit(size: tuple[int, int], longer: int) -> tuple[int, int]:
    return max(1, round(size[0] * longer / max(size))), max(1, round(size[1] * longer / max(size)))


_FIGURE = (
    '<figure><a href="{name}.png"><img src="small/{name}.jpg" alt="{label}"></a>'
    "<figcaption>{label}<br>{below}</figcaption></figure>"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>What a classifier is certain about</title>
<style>
body {{ margin: 2vw; background: #111; color: #ddd; font: 14px/1.4 sans-serif; }}
main {{ display: grid; grid-template-columns: repeat({columns}, 1fr); gap: 2vw; }}
figure {{ margin: 0; }}
img {{ width: 100%; display: block; }}
</style>
</head>
<body>
<main>
{figures}
</main>
</body>
</html>
"""


SKETCH = 16  # pixels: side of the copies by which images are told apart


def striking(run: str | Path | Run, *, count: int = 24, least: float = HIGH) -> list[Elite]:
    """Chooses the most striking elites of a run by a rule, without an eye.

    1. Of all independent runs, the elites with a confidence of at least `least`.
    2. Of these the half, or `count` if that is more, with the best sum of two ranks: that of
       colourfulness and that of contrast.
    3. The best of them first; then again and again the one that differs most from the chosen one
       that it is most like: the largest least distance, Euclidean, of the images scaled to 16x16.

    Args:
        run: a run directory.
        count: how many.
        least: confidence in [0, 1].

    Returns:
        Elites, in the order in which they were chosen.

    Raises:
        UserError: not a run directory, or fewer than `count` elites are as certain as that.
    """
    run = Run.open(run)
    if count < 1:
        raise UserError(f"count is {count}; expected at least 1 image")
    if not 0 <= least <= 1:
        raise UserError(f"least is {least}; expected a confidence in [0, 1]")
    every = run.all_elites()
    certain = [elite for elite in every if elite.confidence >= least]
    if len(certain) < count:
        raise UserError(
            f"count is {count}, but {len(certain)} of the {len(every)} elites of {run.folder} have "
            f"a confidence of {least:g} or more; ask for fewer, or for less confidence (least)"
        )
    images = list(run.images(certain))
    score = scipy.stats.rankdata([colourfulness(p) for p in images])
    score += scipy.stats.rankdata([contrast(p) for p in images])
    kept = np.argsort(-score, kind="stable")[: max(count, len(certain) // 2)]
    chosen = most_different(np.stack([_sketch(images[i]) for i in kept]), count)
    return [certain[kept[i]] for i in chosen]


def colourfulness(image: Levels) -> float:
    """Measures how colourful an image looks to people: 0 is grey, from about 110 on extremely so.

    References:
        Hasler and Süsstrunk, "Measuring colourfulness in natural images", 2003, measure M3.
    """
    if image.shape[2] == 1:
        return 0.0
    red, green, blue = np.moveaxis(image.astype(np.float64), 2, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(axis.std() for axis in opponents))
    return float(spread + 0.3 * np.hypot(*(axis.mean() for axis in opponents)))


def contrast(image: Levels) -> float:
    """Returns the standard deviation of the luma of an image, in levels (0..127.5)."""
    weights = LUMA if image.shape[2] == 3 else (1.0,)
    return float((image @ np.array(weights)).std())


def most_different(points: Float[np.ndarray, "points dimensions"], count: int) -> Sequence[int]:
    """Chooses points that lie far apart: greedily, beginning with the first.

    Returns:
        Indices; every next point is the one whose nearest chosen one is farthest away.

    References:
        Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985.
    """
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count:
        distance[chosen[-1]] = -1.0  # a copy of a chosen point is still a choice, itself is not
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def _sketch(image: Levels) -> np.ndarray:
    small = to_image(image).resize((SKETCH, SKETCH), Image.Resampling.BOX)
    return np.asarray(small, np.float64).ravel()
