"""The commands that draw many elites: gallery, poster."""

from pathlib import Path
from typing import Annotated

from evofool.cli.flags import ClassNames, RunFolder, Sort
from evofool.cli.lines import say
from evofool.cli.numbers import Count, MaybeCount, MaybeIndex, Share, Size, pixels, whole
from evofool.cli.startup import start_jax


def gallery(
    run: RunFolder,
    *,
    out: Path,
    run_index: MaybeIndex = None,
    class_names: ClassNames = (),
    group: str | None = None,
    sort: Sort | None = None,
    per_page: Annotated[int, whole(1, 1000)] = 100,
    page: MaybeCount = None,
    columns: Annotated[int, whole(1, 1000)] = 10,
    scale: Annotated[int, whole(1, 10)] = 1,
    title: str = "",
    dark: bool = False,
    strict: bool = False,
) -> None:
    """Draws contact sheets of the elites, with label and confidence.

    A confidence that most elites have is said once, at the foot. If one sheet is not enough, the
    sheets are named OUT-01, OUT-02 and so on.

      evofool gallery runs/cppn-0 --out sheet.png
      evofool gallery runs/cppn-0 --out second.png --run-index 1
      evofool gallery runs/imagenet-cppn-0 --out sheet.jpg --sort group
      evofool gallery runs/imagenet-cppn-0 --out dogs.jpg --group dogs --page 1
      evofool gallery runs/cppn-0 --out slide.png --columns 5 --scale 2 --dark --title "All sevens?"

    Args:
        run: run directory.
        out: image file to write; its ending decides the format, for instance .png.
        run_index: only this one of the independent runs of evolve --runs, from 0; by default all.
        class_names: only these classes: indices, labels or WordNet ids.
        group: only the classes of this ImageNet group, for instance dogs.
        sort: class, confidence (highest first) or group (with headings); by default class for up
            to 30 classes, otherwise confidence.
        per_page: largest number of elites on a sheet.
        page: only this sheet, from 1.
        columns: elites in a row, at most.
        scale: how many times as large images and letters are.
        title: above each sheet.
        dark: light letters on a dark ground.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    start_jax()
    from evofool.images import save_pages
    from evofool.runs import Run, gallery

    pages = gallery(
        Run(run, strict=strict),
        run_index=run_index,
        classes=class_names,
        group=group,
        sort=sort,
        per_page=per_page,
        page=page,
        columns=columns,
        scale=scale,
        title=title,
        dark=dark,
    )
    for path in save_pages(pages, out):
        say(path)


def poster(
    run: RunFolder,
    *,
    out: Path,
    count: Count = 24,
    size: Annotated[Size, pixels(13_000)] = 4096,
    least: Share = 0.99,
    favourites: Path | None = None,
    strict: bool = False,
) -> None:
    """Draws the most striking elites in print size (CPPN runs only).

    Of the elites with a confidence of LEAST or more, it takes the half with most colour and
    contrast, and of these the COUNT that look least alike. Writes a PNG of each elite, all of them
    on poster.jpg, and index.html. Run the same command again to continue a poster that was
    interrupted.

      evofool poster runs/imagenet-cppn-0 --out poster
      evofool poster runs/cppn-0 --out wall --count 6 --size 8192
      evofool poster runs/cppn-0 --out mine --favourites favourites.json

    Args:
        run: run directory; elites of all its independent runs are candidates.
        out: folder to write; empty or new, or that of the poster to continue.
        count: number of elites.
        size: longer side of each image in pixels, or WIDTHxHEIGHT as in render.
        least: lowest confidence of an elite.
        favourites: file of favourites, as the browser exports them: these elites instead,
            whatever COUNT and LEAST.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    start_jax()
    from evofool.runs import Run, poster

    opened = Run(run, strict=strict)
    paths = poster(opened, out, count=count, size=size, least=least, favourites=favourites)
    say(f"{len(paths)} images in {out}, all of them in {out / 'poster.jpg'} and index.html")
