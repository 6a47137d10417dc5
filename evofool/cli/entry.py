"""The entry point: finds the command, parses its flags, prints what goes wrong."""

import functools
import inspect
import sys
import textwrap
import traceback
from collections.abc import Sequence
from importlib.metadata import version

import tyro

from evofool.cli import terminal
from evofool.cli.commands import CHOOSERS, COMMANDS, GROUPS, Command
from evofool.cli.exit_codes import BAD_INPUT, FAILED, INTERRUPTED, OK, STOPPED
from evofool.cli.flags import (
    QUERIES_HELP,
    complete_help,
    may_name_service,
    starting_config,
    with_query_budget,
)
from evofool.cli.lines import complain, escaped_errors, warnings_as_lines
from evofool.cli.numbers import NUMBERS
from evofool.cli.plugins import load_plugins
from evofool.support import DamagedFileError, StoppedEarlyError, UserError, unknown_name

_STYLE = (
    tyro.conf.FlagCreatePairsOff,  # --overwrite, but no --no-overwrite
    tyro.conf.DisallowNone,  # an option that is not given cannot be given as None either
    tyro.conf.PositionalMetavarFromFieldName,
)
_WIDEST_PROSE = 100
_OVERVIEW = """\
usage: evofool COMMAND [OPTIONS]

Evolves images that an image classifier labels with near certainty, whatever they show."""
_HINTS = """
evofool COMMAND --help   the options of a command, with examples
evofool evolve           a first run: ten digits in about ten seconds
evofool --version        the version"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: what follows `evofool`; those of the process by default.

    Returns:
        The exit code, one of `exit_codes`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    code = OK
    try:
        with terminal.bounded_width(), terminal.guarded_streams(), warnings_as_lines():
            code = _run(given)
    except terminal.OutputClosedError:  # the reader, for instance `head`, has seen enough
        return code
    except DamagedFileError as error:
        return _complain(str(error), FAILED)
    except StoppedEarlyError as error:
        return _complain(str(error), STOPPED)
    except UserError as error:
        return _complain(str(error), BAD_INPUT)
    except OSError as error:  # a file that may not be read, a name that is too long, ...
        return _complain(_explain(error), BAD_INPUT)
    except KeyboardInterrupt as interrupt:
        remedy = f"; {interrupt}" if str(interrupt) else ""
        return _complain(f"interrupted{remedy}", INTERRUPTED)
    return code


def _complain(message: str, code: int) -> int:
    with terminal.guarded_streams():
        complain(message)
    return code


def _run(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        print(_overview())
        return OK
    if given[0] == "--version":
        print(f"evofool {version('evofool')}")
        return OK
    name, flags = _find(given)
    flags = with_query_budget(flags)
    load_plugins()  # before the flags are looked at, which may have the names that they register
    command = COMMANDS[name]
    if name in CHOOSERS:
        name, command, flags = CHOOSERS[name](flags)
        complete_help(command)
    if "-h" in flags or "--help" in flags:
        print(_description(command), end="\n\n")
        if may_name_service(command):
            print(_filled(QUERIES_HELP), end="\n\n")
    if "config" in inspect.signature(command).parameters:
        command = functools.partial(command, config=starting_config(flags))
    with escaped_errors(flags):
        code = tyro.cli(
            command,
            prog=f"evofool {name}",
            description="",
            args=flags,
            config=_STYLE,
            registry=NUMBERS,
        )
    return code or OK


def _find(given: list[str]) -> tuple[str, list[str]]:
    """Splits the arguments into a command of one or two words and the rest."""
    for words in (2, 1):
        name = " ".join(given[:words])
        if name in COMMANDS:
            return name, given[words:]
    siblings = [name for name in COMMANDS if name.split()[0] == given[0]]
    if siblings and len(given) > 1 and not given[1].startswith("-"):
        raise unknown_name("command", " ".join(given[:2]), siblings)
    if siblings:
        print("\n".join(map(_summary, siblings)))
        raise SystemExit(OK if len(given) > 1 else BAD_INPUT)
    raise unknown_name("command", given[0], COMMANDS)


def _overview() -> str:
    """Lists the commands by group."""
    groups = [
        "\n".join([f"\n{title}:", *map(_summary, commands)]) for title, commands in GROUPS.items()
    ]
    return "\n".join([_filled(_OVERVIEW), *groups, _HINTS])


def _summary(name: str) -> str:
    first_line = inspect.cleandoc(COMMANDS[name].__doc__ or "").split("\n")[0]
    return f"  {name:<{max(map(len, COMMANDS))}} {first_line}"


def _description(command: Command) -> str:
    """Returns what a command does, with its examples: its docstring down to the arguments."""
    return _filled(inspect.cleandoc(command.__doc__ or "").split("\nArgs:")[0].rstrip())


def _filled(text: str) -> str:
    """Wraps paragraphs at the width of the terminal; indented lines, the examples, stay."""
    width = min(terminal.width(), _WIDEST_PROSE)
    return "\n\n".join(
        paragraph if paragraph.startswith(" ") else textwrap.fill(paragraph, width)
        for paragraph in text.split("\n\n")
    )


def _explain(error: OSError) -> str:
    """Names the file that the operating system refuses, or the line that failed."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}, line {last.lineno}: {reason}"
