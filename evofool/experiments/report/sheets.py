"""Sheets of images with captions, as a report shows them."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from evofool.classifiers import Classifier, first_name
from evofool.evaluation import recognize
from evofool.experiments.bench.lab import Lab
from evofool.experiments.report import cells
from evofool.experiments.report.findings import Figure
from evofool.images import Levels, Look, Section, draw_sheet, save_image, thumbnail
from evofool.runs import Elite, Run, gallery, write_convergence
from evofool.support import replacing

MOST_WIDTH, MOST_BYTES = 1400, 490_000  # of a sheet in a report
QUALITIES = range(88, 20, -6)  # of JPEG: the first that fits, or the last
RUNS_ON_A_SHEET = 5


def captioned_sheet(
    lab: Lab,
    file: str,
    caption: str,
    sections: Iterable[Section],
    *,
    columns: int = 10,
    shows_photographs: bool = False,
) -> Figure:
    """Leaves a sheet of images in rows under headings, and returns it for the report.

    A name that ends in ".png" keeps every pixel; otherwise it is a JPEG of limited size.
    """
    save = save_image if file.endswith(".png") else save_sheet
    save(draw_sheet(list(sections), look=Look(columns=columns)), lab.folder / file)
    return Figure(file=file, caption=caption, shows_photographs=shows_photographs)


def sheet_of_most_certain(lab: Lab, runs: Mapping[str, Run], *, count: int) -> Figure:
    """Leaves a sheet with a row of elites for each run: the most certain of its first seed."""
    sections = [
        elite_section(name, run, sorted(run.elites(), key=lambda elite: -elite.fitness)[:count])
        for name, run in runs.items()
    ]
    caption = "The most certain elites of the first seed"
    return captioned_sheet(lab, "sheet.jpg", caption, sections, columns=count)


def section(heading: str, images: Iterable[Levels], captions: Iterable[Sequence[str]]) -> Section:
    """Returns images (levels 0..255) with lines of text below each, under a heading."""
    return Section(heading, [thumbnail(image) for image in images], list(captions))


def recognized_captions(network: Classifier, images: Levels) -> list[list[str]]:
    """Returns what a network takes each image for: the class and the confidence in it."""
    seen = recognize(network, images)
    return [
        [first_name(network.card.labels[index]), cells.confidence(float(confidence))]
        for index, confidence in zip(seen.classes, seen.confidence, strict=True)
    ]


def recognized_section(heading: str, network: Classifier, images: Levels) -> Section:
    """Returns images with what a network takes each for, under a heading."""
    return section(heading, images, recognized_captions(network, images))


def name_and_confidence(elite: Elite) -> list[str]:
    """Returns the usual caption of an elite: its class and the confidence in it."""
    return [first_name(elite.label), cells.confidence(elite.confidence)]


def elite_section(
    heading: str,
    run: Run,
    elites: Sequence[Elite],
    *,
    caption: Callable[[Elite], Sequence[str]] = name_and_confidence,
) -> Section:
    """Returns elites of a run under a heading."""
    return section(heading, run.images(elites), map(caption, elites))


def show_best(lab: Lab, run: Run, what: str, *, most: int = 100) -> Figure:
    """Leaves a sheet of the most certain elites of a run."""
    (sheet,) = gallery(run, sort="confidence", per_page=most, page=1)
    save_sheet(sheet, lab.folder / "sheet.jpg")
    return Figure(file="sheet.jpg", caption=what)


def show_runs(lab: Lab, run: Run, what: str) -> list[Figure]:
    """Leaves the sheet of the first runs and the convergence of all, for a report."""
    shown = min(RUNS_ON_A_SHEET, run.config.runs)
    classes = len(run.outputs)
    (sheet,) = gallery(run, sort="class", per_page=shown * classes, page=1)
    save_image(sheet, lab.folder / "sheet.png")
    write_convergence(run, lab.folder / "convergence.png")
    return [
        Figure(file="sheet.png", caption=f"{what}: {shown} run(s), a row each, best of each class"),
        Figure(file="convergence.png", caption="Confidence over generations, a colour per run"),
    ]


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Writes a sheet of many coloured images as JPEG, as good as a report has room for."""
    factor = min(1.0, MOST_WIDTH / sheet.width)
    size = (round(sheet.width * factor), round(sheet.height * factor))
    scaled = sheet.resize(size, Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        stream = io.BytesIO()
        scaled.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MOST_BYTES:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(stream.getvalue())
