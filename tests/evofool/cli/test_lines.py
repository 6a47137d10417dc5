"""Labels and names from anywhere on their way to terminals, tables and files."""

import ast
import contextlib
import csv
import dataclasses
from pathlib import Path

import pytest

import evofool
from evofool import Run, cli
from evofool.cli import main
from evofool.cli.lines import MOST_LETTERS, complain, say
from evofool.support import from_csv_cell, printable
from tests.evofool.cli.running import output_of

FORMULA = "=cmd|' /C'!A1"
MARKUP = "[/b][link=http://x]:smile:"
LABELS = ("\x1b[31mred\x1b]0;title\x07", "two\nlines", MARKUP, FORMULA, "a\u202eb")


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose labels are such as nobody should have."""
    mock = evofool.load_classifier("mock:5:8x8x1")
    named = dataclasses.replace(mock, card=dataclasses.replace(mock.card, labels=LABELS))
    folder = tmp_path_factory.mktemp("hostile") / "run"
    return evofool.evolve(named, encoding="direct", batch_size=10, generations=2, out=folder)


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "RUN"],
        ["inspect", "RUN", "--class", "0"],
        ["inspect", "RUN", "--class", "2"],
        ["inspect", "RUN", "--json"],
        ["compare", "RUN"],
    ],
    ids=" ".join,
)
def test_no_label_reaches_the_terminal_as_it_is(
    words: list[str], hostile_run: Run, capsys: pytest.CaptureFixture[str]
):
    said = output_of(capsys, *(hostile_run.folder if word == "RUN" else word for word in words))
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
    if words == ["inspect", "RUN"]:  # neither markup nor emoji, and a row for each class
        assert MARKUP in said
        assert r"two\nlines" in said
        assert len(said.splitlines()) == 6


def test_no_message_holds_a_label_as_it_is(hostile_run: Run, capsys: pytest.CaptureFixture[str]):
    assert main(["inspect", str(hostile_run.folder), "--class", "rad\x1b[0m"]) == 2
    said = capsys.readouterr().err
    assert r"\x1b[31mred" in said
    assert "\x1b" not in said


def test_tables_hold_no_formulas_and_lists_a_line_each(hostile_run: Run, tmp_path: Path):
    evofool.export(hostile_run, tmp_path / "exported")
    evofool.quiz(hostile_run, tmp_path / "quiz")
    for path in (tmp_path / "exported/elites.csv", tmp_path / "quiz/answer_key.csv"):
        text = path.read_text(encoding="utf-8")
        labels = {row["label"] for row in csv.DictReader(text.splitlines())}
        assert f"'{FORMULA}" in labels
        assert FORMULA in {from_csv_cell(label) for label in labels}
        assert len(text.splitlines()) == 6
    assert len((tmp_path / "quiz/choices.txt").read_text(encoding="utf-8").splitlines()) == 5


def test_lines_are_printable(capsys: pytest.CaptureFixture[str]):
    say("a\nb\x1b[2J")
    complain("x" * 10**6)
    captured = capsys.readouterr()
    assert captured.out == "a\nb\\x1b[2J\n"
    assert len(captured.err) < MOST_LETTERS + 20


def test_commands_print_through_one_place():
    """`print` itself is for `lines`, for JSON, and for help, which is evofool's own text."""
    for path in Path(cli.__file__).parent.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        is_printing = any(isinstance(node, ast.Name) and node.id == "print" for node in nodes)
        assert not is_printing or path.name in ("lines.py", "console.py", "entry.py"), path


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", "run", "--\x1b[31mred"),
        ("evolve", "--encoding", "\x1b[2J"),
        ("inspect", "r", "\x9b"),
    ],
)
def test_refusals_repeat_no_control_characters(words, capsys):
    with contextlib.suppress(SystemExit):  # of flags that are unknown
        assert main(words) == 2
    said = capsys.readouterr().err.replace("\n", "")
    assert said
    assert said == printable(said)
