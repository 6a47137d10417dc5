"""Flags that several commands share, and the settings that a preset or a file gives."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from evofool.config import EvolveConfig, make_config

RunFolder = Annotated[Path, tyro.conf.Positional]
"""A run directory, as made by `evofool evolve`."""

Json = Annotated[bool, tyro.conf.arg(name="json")]
ClassName = Annotated[str, tyro.conf.arg(name="class")]
MaybeClassName = Annotated[str | None, tyro.conf.arg(name="class")]
ClassNames = Annotated[tuple[str, ...], tyro.conf.arg(name="class")]
Settings = Annotated[EvolveConfig, tyro.conf.arg(name="")]
ConfigFile = Annotated[Path | None, tyro.conf.arg(name="config")]


def starting_config(arguments: Sequence[str]) -> EvolveConfig:
    """Returns what `--preset` and `--config` ask for; the other flags then change it.

    Raises:
        UserError: an unknown preset, or a file that cannot be used.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", nargs="?")
    parser.add_argument("--config", nargs="?")
    found, _ = parser.parse_known_args(arguments)
    return make_config(preset=found.preset, file=found.config)
