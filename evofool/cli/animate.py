"""The command that makes films: animate."""

from pathlib import Path
from typing import Annotated

from evofool.cli.flags import MaybeClassName, RunFolder, refuse_unused
from evofool.cli.lines import say
from evofool.cli.numbers import Index, Size, decimal, pixels, whole
from evofool.cli.render import AS_EVOLVED, Flags
from evofool.cli.startup import start_jax


def animate(
    run: RunFolder,
    *,
    class_name: MaybeClassName = None,
    favourites: Path | None = None,
    to: tuple[str, ...] = (),
    lineage: bool = False,
    loop: bool = False,
    sway: Annotated[float, decimal(0.0, 10.0)] = 0.3,
    size: Annotated[Size, pixels(8192)] = 512,
    fps: Annotated[int, whole(1, 120)] = 25,
    seconds: Annotated[float, decimal(0.01, 10_000.0)] = 6.0,
    out: Path,
    run_index: Index = 0,
    drawing: Flags = AS_EVOLVED,
    strict: bool = False,
) -> None:
    """Makes a film of an elite (CPPN runs only).

    The elite turns into those of other classes (--to), or evolves before your eyes (--lineage), or
    else its weights move and come back. In between, networks are blended, weights and structure. An
    mp4 needs the package imageio-ffmpeg; gif and webp need nothing.

      evofool animate runs/cppn-0 --class 7 --lineage --out seven.mp4
      evofool animate runs/cppn-0 --class 3 --to 7 9 --loop --seconds 9 --out digits.webp
      evofool animate runs/cppn-0 --class 7 --loop --size 256 --palette magma --out seven.gif

    Args:
        run: run directory.
        class_name: the elite's class: a label, an index (or index:3) or a WordNet id.
        favourites: file of favourites, as the browser exports them; each turns into the next.
        to: classes into whose elites it turns, one after the other.
        lineage: show its line of descent, from generation 0.
        loop: end where it begins, and repeat; a line of descent goes there and back.
        sway: how far weights move without --to and --lineage; they lie between -10 and 10.
        size: as in render; an mp4 has even numbers of pixels.
        fps: frames per second; a gif has at most 50, and rounds to hundredths of a second.
        seconds: length of the film.
        out: file to write: .mp4, .gif or .webp.
        run_index: which of the independent runs of evolve --runs, from 0.
        drawing: part of the plane, and colours.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    refuse_unused("in films", transparent=drawing.transparent, dpi=drawing.dpi)
    start_jax()
    from evofool.runs import Run, animate

    path = animate(
        Run(run, strict=strict),
        class_name,
        out,
        favourites=favourites,
        to=to,
        lineage=lineage,
        loop=loop,
        sway=sway,
        size=size,
        fps=fps,
        seconds=seconds,
        run_index=run_index,
        drawing=drawing,
    )
    say(path)
