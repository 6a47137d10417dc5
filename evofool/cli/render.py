"""The commands that draw elites one by one: render, descent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.flags import ClassName, ClassNames, RunFolder
from evofool.cli.lines import say
from evofool.cli.numbers import Index, Signed, Size, pixels
from evofool.cli.startup import start_jax
from evofool.drawing import Drawing


@dataclass(frozen=True, kw_only=True)
class DrawingFlags(Drawing):
    """Part of the plane, and colours."""

    center: tuple[Signed, Signed] = (0.0, 0.0)
    """X and Y of the middle; the evolved image reaches from -1 to 1, to the right and down."""
    rotate: Signed = 0.0
    """Degrees by which the image is turned, clockwise."""


Flags = Annotated[DrawingFlags, tyro.conf.arg(name="")]
AS_EVOLVED = DrawingFlags()


def render(
    run: RunFolder,
    *,
    class_names: ClassNames = (),
    favourites: Path | None = None,
    size: Annotated[Size, pixels(13_000)] = 1024,
    out: Path,
    run_index: Index = 0,
    drawing: Flags = AS_EVOLVED,
    strict: bool = False,
) -> None:
    """Draws elites at any size, for paper and slides (CPPNs only).

    A PNG says in itself what it shows: class, run, seed, hash of the genome.

      evofool render runs/cppn-0 --class 7 --size 2048 --out seven.png
      evofool render runs/cppn-0 --class 7 --size 1920x1080 --out wallpaper.png
      evofool render runs/cppn-0 --class 3 7 --size 9933x7016 --dpi 300 --out a1.png
      evofool render runs/cppn-0 --class 7 --size 2000x1000 --tile 4 2 --palette magma --out w.png
      evofool render runs/cppn-0 --favourites favourites.json --transparent --out slide.png

    Args:
        run: run directory.
        class_names: classes of the elites: labels, indices (or index:3) or WordNet ids.
        favourites: file of favourites, as the browser exports them.
        size: pixels along the longer side, or WIDTHxHEIGHT. In other proportions than those of
            the evolved image, that image is in the middle and the network draws on around it.
        out: image file to write; its ending decides the format, for instance .png. Of several
            elites, each file has its class in its name.
        run_index: which of the independent runs of evolve --runs, from 0.
        drawing: part of the plane, and colours.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    start_jax()
    from evofool.runs import Run, render_files

    paths = render_files(
        Run(run, strict=strict),
        out,
        classes=class_names,
        favourites=favourites,
        size=size,
        run_index=run_index,
        drawing=drawing,
    )
    for path in paths:
        say(path)


def descent(
    run: RunFolder,
    *,
    class_name: ClassName,
    out: Path,
    run_index: Index = 0,
    strict: bool = False,
) -> None:
    """Draws the ancestors of an elite, one for each class passed.

    An elite's line of descent leads through the elites of other classes. The caption below each
    ancestor: the class whose elite it was, the generation in which it was
    born, and the confidence in that class. There is no confidence if the run directory names a
    classifier that is code, as descent does not run it.

      evofool descent runs/cppn-0 --class 7 --out seven.png
      evofool descent runs/imagenet-cppn-0 --class hummingbird --out stones.jpg

    Args:
        run: run directory.
        class_name: the elite's class: a label, an index (or index:3) or a WordNet id.
        out: image file to write; its ending decides the format, for instance .png.
        run_index: which of the independent runs of evolve --runs, from 0.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    start_jax()
    from evofool.images import save_image
    from evofool.runs import Run, descent

    save_image(descent(Run(run, strict=strict), class_name, run_index=run_index), out)
    say(out)
