"""The command that writes web pages: site."""

from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.lines import say
from evofool.cli.startup import start_jax


def site(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    out: Path,
    title: str = "",
    strict: bool = False,
) -> None:
    """Writes a gallery of runs as web pages that need no server.

    Open OUT/index.html in a browser. It finds elites by label, class or WordNet id, and compares
    runs. The page of an elite draws its network at any magnification, with its ancestors, its
    formula and sliders for its weights. Favourites chosen there are a file that breed reads.
    Nothing is loaded from other hosts.

      evofool site runs/cppn-0 --out site
      evofool site runs/imagenet-cppn-0 runs/imagenet-cppn-1 --out both

    Args:
        runs: run directories.
        out: folder to write; empty or new.
        title: of the page; by default the names of the runs.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
    """
    start_jax()
    from evofool.pages import site
    from evofool.runs import Run

    say(site([Run(run, strict=strict) for run in runs], out, title=title))
