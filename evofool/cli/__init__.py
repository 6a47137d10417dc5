"""The command line: finds the command, parses its flags, prints what goes wrong.

Every command is a function whose signature is its flags (tyro) and whose docstring is its help.
It parses and prints; the work is done by functions of `evofool` that return data. Modules that
load JAX are imported inside the commands, so that help and mistakes answer at once.
"""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

import tyro

from evofool.cli import (
    attack,
    classify,
    corrupt,
    deliver,
    finetune,
    look,
    prepare,
    reproduce,
    train,
    weights,
    work,
)
from evofool.cli.flags import starting_config
from evofool.support import UserError, unknown_name

COMMANDS: dict[str, Callable[..., int | None]] = {
    "evolve": work.evolve,
    "resume": work.resume,
    "inspect": look.inspect,
    "compare": look.compare,
    "render": look.render,
    "descent": look.descent,
    "gallery": look.gallery,
    "export": deliver.export,
    "poster": deliver.poster,
    "quiz": deliver.quiz,
    "verify": deliver.verify,
    "classify": classify.classify,
    "accuracy": classify.accuracy,
    "corrupt": corrupt.corrupt,
    "attack": attack.attack,
    "reproduce": reproduce.reproduce,
    "train": train.train,
    "fine-tune": finetune.fine_tune,
    "data fetch": prepare.data_fetch,
    "weights convert": weights.weights_convert,
    "weights fetch": weights.weights_fetch,
    "doctor": prepare.doctor,
}

_STYLE = (
    tyro.conf.FlagCreatePairsOff,  # --overwrite, but no --no-overwrite
    tyro.conf.DisallowNone,  # an option that is not given cannot be given as None either
    tyro.conf.PositionalMetavarFromFieldName,
)
BAD_INPUT, INTERRUPTED = 2, 130  # exit codes; 1 is "verify found a difference"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: what follows `evofool`; those of the process by default.

    Returns:
        The exit code: 0, 1 when a check failed, 2 for bad input, 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except UserError as error:
        print(f"evofool: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        how_to_go_on = f"; {interrupt}" if str(interrupt) else ""
        print(f"evofool: interrupted{how_to_go_on}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, for instance `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if given[0] == "--version":
        print(f"evofool {version('evofool')}")
        return 0
    name, rest = _find(given)
    command = COMMANDS[name]
    description = inspect.cleandoc(command.__doc__ or "").split("\nArgs:")[0]
    if "config" in inspect.signature(command).parameters:
        command = functools.partial(command, config=starting_config(rest))
    code = tyro.cli(
        command,
        prog=f"evofool {name}",
        description=description,
        args=rest,
        config=_STYLE,
    )
    return code or 0


def _find(given: list[str]) -> tuple[str, list[str]]:
    """Splits the arguments into a command of one or two words and the rest."""
    for words in (2, 1):
        name = " ".join(given[:words])
        if name in COMMANDS:
            return name, given[words:]
    first = [name for name in COMMANDS if name.split()[0] == given[0]]
    if first and len(given) > 1 and not given[1].startswith("-"):
        raise unknown_name("command", " ".join(given[:2]), first)
    if first:
        print("\n".join(_summary(name) for name in first))
        raise SystemExit(0 if len(given) > 1 else BAD_INPUT)
    raise unknown_name("command", given[0], COMMANDS)


def _overview() -> str:
    lines = [
        "usage: evofool COMMAND [OPTIONS]",
        "",
        "Evolves images that an image classifier is certain about and no person recognises.",
        "",
        *(_summary(name) for name in COMMANDS),
        "",
        "'evofool COMMAND --help' shows the options of a command, with examples;",
        "'evofool evolve' alone runs the main job; 'evofool --version' says which version it is.",
    ]
    return "\n".join(lines)


def _summary(name: str) -> str:
    first_line = inspect.cleandoc(COMMANDS[name].__doc__ or "").split("\n")[0]
    return f"  {name:<{max(map(len, COMMANDS))}} {first_line}"
