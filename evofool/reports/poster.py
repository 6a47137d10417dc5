"""The most striking elites, large enough to print, and a page that shows them all."""

import html
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from evofool.errors import UserError
from evofool.files import read_json, replacing, write_json
from evofool.labels import first_name
from evofool.metrics import HIGH
from evofool.reports.exporting import class_name, new_folder
from evofool.reports.images import save_image
from evofool.reports.sheets import Section, draw_sheet, percent
from evofool.reports.striking import striking
from evofool.run import Run

COLUMNS = 6
ON_SHEET, ON_PAGE = 200, 600  # pixels: width of a picture on the JPEG and on the web page


def poster(
    run: str | Path | Run,
    out: str | Path,
    *,
    count: int = 24,
    size: int = 4096,
    least: float = HIGH,
) -> list[Path]:
    """Draws the most striking elites anew, large, with a page of all.

    `out` gets a PNG of every elite that `striking` chooses, `poster.jpg` (all of them, small, with
    what the classifier takes them for) and `index.html` (the same, each a link to the large one).
    A poster that was stopped goes on where it was: pictures that are there are kept.

    Args:
        run: a run directory; all its independent runs are chosen from.
        out: folder to write; made when it is not there.
        count: how many.
        size: pixels along the longer side.
        least: confidence in [0, 1] that they have at least.

    Returns:
        The large pictures.

    Raises:
        UserError: not a run directory, its pictures are directly encoded, fewer than `count` elites
            are as certain as that, or `out` holds something else.
    """
    run = Run.open(run)
    elites = striking(run, count=count, least=least)
    names = [f"{number:02d}_{class_name(elite)}" for number, elite in enumerate(elites, start=1)]
    run.check_drawable(size)
    source = f"{run.folder.resolve()}, generation {run.generation}"
    folder = _claim(Path(out), {"run": source, "size": size, "pictures": names})
    paths = [folder / f"{name}.png" for name in names]
    for elite, path in zip(elites, paths, strict=True):
        if not path.exists():
            save_image(elite.render(size), path)
    captions = [[first_name(elite.label), percent(elite.confidence)] for elite in elites]
    _write_pages(folder, paths, captions)
    return paths


def _write_pages(folder: Path, paths: Sequence[Path], captions: Sequence[Sequence[str]]) -> None:
    on_sheet, figures = [], []
    for path, (label, confidence) in zip(paths, captions, strict=True):
        with Image.open(path) as large:
            small = large.resize(_fit(large.size, ON_PAGE), Image.Resampling.LANCZOS)
        on_sheet.append(small.resize(_fit(small.size, ON_SHEET), Image.Resampling.LANCZOS))
        save_image(small, folder / "small" / f"{path.stem}.jpg")
        figures.append(_FIGURE.format(name=path.stem, label=html.escape(label), below=confidence))
    sheet = draw_sheet([Section("", on_sheet, captions)], columns=COLUMNS)
    save_image(sheet, folder / "poster.jpg")
    with replacing(folder / "index.html") as temporary:
        page = _PAGE.format(columns=COLUMNS, figures="\n".join(figures))
        temporary.write_text(page, encoding="utf-8")


def _claim(folder: Path, content: dict[str, object]) -> Path:
    """Makes the folder, or finds the same poster in it, finished or not."""
    mark = folder / "poster.json"
    if not mark.exists():
        new_folder(folder)
        write_json(mark, content)
    elif read_json(mark) != content:
        raise UserError(f"{folder} holds another poster; choose another --out, or remove it")
    return folder


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
