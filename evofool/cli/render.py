"""The commands that draw one elite: render, descent."""

from pathlib import Path
from typing import Annotated

from evofool.cli.flags import ClassName, RunFolder
from evofool.cli.lines import say
from evofool.cli.numbers import Index, Size, pixels
from evofool.cli.startup import start_jax


def render(
    run: RunFolder,
    *,
    class_name: ClassName,
    size: Annotated[Size, pixels(13_000)] = 1024,
    out: Path,
    run_index: Index = 0,
    strict: bool = False,
) -> None:
    """Draws the elite of a class at any size (CPPN runs only).

      evofool render runs/cppn-0 --class 7 --size 2048 --out seven.png
      evofool render runs/cppn-0 --class 7 --size 1920x1080 --out wallpaper.png

    Args:
        run: run directory.
        class_name: the elite's class: a label, an index (or index:3) or a WordNet id.
        size: pixels along the longer side, or WIDTHxHEIGHT. In other proportions than those of
            the evolved image, that image is in the middle and the network draws on around it.
        out: image file to write; its ending decides the format, for instance .png.
        run_index: which of the independent runs of evolve --runs, from 0.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    start_jax()
    from evofool.images import save_image
    from evofool.runs import Run, render

    save_image(render(Run(run, strict=strict), class_name, size=size, run_index=run_index), out)
    say(out)


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
