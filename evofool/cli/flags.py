"""Flags that several commands share, and the settings that a preset or a file gives."""

import argparse
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.config import EvolveConfig, make_config

Sort = Literal["class", "confidence", "group"]
RunFolder = Annotated[Path, tyro.conf.Positional]
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
    parser.add_argument("--classifier", nargs="?")
    parser.add_argument("--trust-code", "--trust_code", action="store_true")
    known, _ = parser.parse_known_args(arguments)
    typed = {"classifier": known.classifier} if known.classifier else {}
    return make_config(preset=known.preset, file=known.config, trust_code=known.trust_code, **typed)


def complete_help(command: Callable[..., object]) -> None:
    """Tells tyro how to show the flags of a command.

    Their texts are those of its docstring, with line breaks of its source removed, and
    "(default: None)" and "(default: False)" are left out.
    """
    texts = documented_arguments(command)
    for name, annotation in command.__annotations__.items():
        if name != "return":
            flag = tyro.conf.arg(help=texts.get(name), help_behavior_hint=_default_hint)
            command.__annotations__[name] = Annotated[annotation, flag]


def _default_hint(default: str) -> str:
    return "" if default in ("None", "False", "", "''") else f"(default: {default})"


def documented_arguments(command: Callable[..., object]) -> dict[str, str]:
    """Reads the section "Args" of a docstring: the text of each argument, on one line."""
    section = inspect.cleandoc(command.__doc__ or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
