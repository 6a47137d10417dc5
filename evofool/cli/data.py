"""The command that gets data sets: data fetch."""

from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.lines import say


def data_fetch(
    name: Annotated[str, tyro.conf.Positional],
    *,
    dir: Path | None = None,
    url: str | None = None,
    quiet: bool = False,
) -> None:
    """Downloads a data set and checks the sha256 of each file.

      evofool data fetch mnist
      evofool data fetch cifar10
      evofool data fetch mnist --dir data --url http://localhost:8000/mnist

    Args:
        name: name of the data set: mnist or cifar10.
        dir: folder of data sets to write into; by default the user cache.
        url: address of a folder that holds the files, instead of the public mirrors.
        quiet: print no progress.
    """
    from evofool.data import fetch

    folder = fetch(name, dir, url=url, report=(lambda line: None) if quiet else say)
    say(f"{name} is in {folder}")
