"""Numbers on the command line, over the flags of all commands: a new flag is covered as well."""

import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
import tyro

from evofool.attacks import ATTACKS
from evofool.cli import COMMANDS, main
from evofool.cli.attack import choose
from evofool.cli.entry import _STYLE
from evofool.cli.flags import complete_help
from evofool.cli.numbers import NUMBERS, decimal, whole

# flags that take a billion: those that count long runs, and seeds
LARGE = {"generations", "max-evaluations", "checkpoint-every", "keep-checkpoints", "log-every"}
LARGE |= {"seed", "direct.halve-every", "cppn.fine-after"}
SIGNED = {"center", "rotate"}
# settings without which a flag has no effect, and is refused for that
USED = {
    "--direct.": ("--encoding", "direct"),
    "--population": ("--algorithm", "single-class"),
    "--polish.": ("--polish.steps", "5"),
}


class Flag(NamedTuple):
    """A flag that takes numbers.

    Attributes:
        command: whose flag it is.
        name: with its dashes.
        kind: what it takes, for instance "INT".
        others: values for what the command cannot do without.
    """

    command: str
    name: str
    kind: str
    others: tuple[str, ...]


def numeric_flags() -> Iterator[Flag]:
    """Yields the flags that take numbers, as the parsers know them."""
    commands = {**COMMANDS, **{f"attack {name}": choose([name])[1] for name in ATTACKS}}
    for name, command in commands.items():
        complete_help(command)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            parser = tyro.extras.get_parser(command, config=_STYLE, registry=NUMBERS)
        needed = [action for action in parser._actions if action.required]
        others = [[*action.option_strings, "x"] for action in needed]
        for action in parser._actions:
            kind = str(action.metavar)
            flag = (action.option_strings or [""])[0]
            if "INT" in kind or "FLOAT" in kind:
                used = USED.items() if "evolve" in name or "doctor" in name else ()
                where_used = next((w for start, w in used if flag.startswith(start)), ())
                yield Flag(name, flag, kind, (*chain(*others), *where_used))


# the settings of runs, which three commands have, once
FLAGS = list(
    {
        (f.name, f.command.split()[0] in ("evolve", "resume", "doctor") or f.command): f
        for f in numeric_flags()
    }.values()
)


def test_the_flags_of_all_commands_are_known():
    assert {"poster", "train", "attack one-pixel"} <= {flag.command for flag in FLAGS}
    assert {"--cppn.max-nodes", "--image-size", "--process-id"} <= {flag.name for flag in FLAGS}
    assert len(FLAGS) > 60


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: f"{flag.command} {flag.name}")
def test_bad_numbers_are_refused_by_their_flag(
    flag: Flag, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    name = flag.name.removeprefix("--")
    bad = ["1_0", "-5", str(10**20)] if "INT" in flag.kind else ["1_0", "-5", "nan"]
    if "INT" in flag.kind and name not in LARGE:
        bad.append(str(10**9))
    for value in (value for value in bad if not (name in SIGNED and value == "-5")):
        is_one = len(flag.kind.split()) == 1
        given = [f"{flag.name}={value}"] if is_one else [flag.name, value, "1"]
        words = [*flag.command.split(), *flag.others, *given]
        try:
            code = main(words)
        except SystemExit as exit_:
            code = exit_.code
        captured = capsys.readouterr()
        assert (code, captured.out) == (2, ""), words
        assert flag.name in captured.err or name.replace("-", "_") in captured.err, words
        assert value[:20] in captured.err, words
    assert not list(in_tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1_0",
        "\u0663",
        "\u00b2",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "0x10",
        "--1",
        "1,5",
        "9" * 99,
    ],
)
def test_what_python_takes_for_a_number_is_not_enough(text: str):
    for spec in (whole(0, 10**9), decimal(0, 1e9)):
        with pytest.raises(ValueError, match="is not a"):
            spec.instance_from_str([text])


def test_numbers_in_the_range_are_taken():
    assert [whole(0, 12).instance_from_str([t]) for t in ("0", "012", "+7")] == [0, 12, 7]
    texts = ("0", ".5", "1.", "1e-3", "+2.5E1")
    assert [decimal(0, 30).instance_from_str([t]) for t in texts] == [0, 0.5, 1, 1e-3, 25]
