"""Widths that libraries cannot lay out text in, and standard streams that fail."""

import os
import subprocess
import sys
import textwrap
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest

from evofool import Run
from evofool.cli import COMMANDS, main, terminal
from evofool.cli.attack import NAMES
from evofool.support import UserError

FULL = Path("/dev/full")
TABLE = tuple(f"  {name} " for name in NAMES)  # of attacks, in the help of `attack`
PIPE_CODE = """
    import numpy as np
    from evofool import Card, Classifier

    calls = 0

    def ask(params, images):
        global calls
        calls += 1
        if calls > 4:
            raise BrokenPipeError(32, "Broken pipe")
        bright = images.mean(axis=(1, 2, 3))
        return np.stack([1 - bright, bright], axis=1)

    def make():
        card = Card(name="service", input_shape=(8, 8, 1), outputs=2, labels=("dark", "bright"))
        return Classifier(card=card, params=None, apply=ask, kind="probabilities")
"""


@pytest.mark.parametrize(
    ("columns", "width"), [(1, 40), (5, 40), (39, 40), (40, 40), (80, 80), (10**9, 400)]
)
def test_the_width_is_bounded_and_then_as_before(
    columns: int, width: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", str(columns))
    with terminal.bounded_width():
        assert terminal.width() == width
    assert os.environ["COLUMNS"] == str(columns)


def test_a_narrow_terminal_without_the_variable_leaves_none_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(terminal.shutil, "get_terminal_size", lambda: os.terminal_size((7, 24)))
    with terminal.bounded_width():
        assert os.environ["COLUMNS"] == "40"
    assert "COLUMNS" not in os.environ


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_in_a_terminal_of_five_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "5")
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    lines = capsys.readouterr().out.splitlines()
    # neither examples, which are to be copied, nor the table of attacks are wrapped
    examples = [line for line in lines if line.startswith(("  evofool ", *TABLE))]
    usage = next(line for line in lines if line.startswith("usage: "))
    assert max(len(line) for line in lines if line not in (*examples, usage)) == 40


def test_prose_of_the_help_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        lines = capsys.readouterr().out.splitlines()
        # examples are to be copied, and tyro does not wrap the line of usage
        wrapped = [line for line in lines if not line.startswith(("  evofool ", "usage: "))]
        assert [line for line in wrapped if len(line) > 80] == []


class Failing(StringIO):
    """A stream that cannot be written to."""

    def __init__(self, error: OSError):
        super().__init__()
        self.error = error

    def write(self, text: str, /) -> int:
        raise self.error


def test_output_without_a_reader_is_told_apart_from_other_broken_pipes(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sys, "stdout", Failing(BrokenPipeError(32, "Broken pipe")))
    with pytest.raises(terminal.OutputClosedError), terminal.guarded_streams():
        print("text")
    with pytest.raises(BrokenPipeError), terminal.guarded_streams():
        raise BrokenPipeError


@pytest.mark.parametrize(
    ("stream", "reason"),
    [(Failing(OSError(28, "No space left on device")), "No space left"), (None, "it is closed")],
)
def test_output_that_cannot_be_written_is_an_error(
    stream: Failing | None, reason: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(UserError, match=reason), terminal.guarded_streams():
        print("text")
    with terminal.guarded_streams():
        pass  # nothing was written: nothing is wrong


@pytest.mark.parametrize("stream", [Failing(BrokenPipeError(32, "Broken pipe")), None])
def test_progress_that_nobody_reads_stops_nothing(
    stream: Failing | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stderr", stream)
    with terminal.guarded_streams():
        print("text", file=sys.stderr, flush=True)


def test_letters_that_a_code_page_lacks_are_written_as_codes(monkeypatch: pytest.MonkeyPatch):
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="cp1252"))
    with terminal.guarded_streams():
        print("größer 猫 ▀")
    assert written.getvalue().decode("cp1252") == "größer \\u732b \\u2580\n"


def evofool(*arguments: str, redirection: str) -> tuple[int, str]:
    """Runs a command in a shell; returns its exit code and standard error."""
    script = f'"$0" -m evofool "$@" {redirection}'
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


HELP, INSPECT = ["verify", "--help"], ["inspect", "{run}"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "redirection"),
    [
        (HELP, "| true"),
        (HELP, "2>&-"),
        (INSPECT, "| head -1"),
        (INSPECT, "2>&1 | head -1"),
    ],
)
def test_a_reader_that_has_seen_enough_is_no_error(
    command: list[str], redirection: str, direct_run: Run
):
    arguments = [argument.format(run=direct_run.folder) for argument in command]
    assert evofool(*arguments, redirection=redirection) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "redirection", "reason"),
    [
        (HELP, ">&-", "it is closed"),
        (HELP, "> /dev/full", "No space left on device"),
        (INSPECT, "> /dev/full", "No space left on device"),
    ],
)
def test_output_that_is_lost_is_one_line(
    command: list[str], redirection: str, reason: str, direct_run: Run
):
    if "/dev/full" in redirection and not FULL.exists():
        pytest.skip("this system has no /dev/full")
    arguments = [argument.format(run=direct_run.folder) for argument in command]
    code, errors = evofool(*arguments, redirection=redirection)
    assert (code, errors) == (2, f"evofool: cannot write to standard output: {reason}\n")


@pytest.mark.slow
def test_a_run_whose_output_is_closed_is_still_made(in_tmp_path: Path):
    evolve = ["evolve", "--classifier", "mock:10", "--encoding", "direct", "--out", "run"]
    settings = ["--generations", "2", "--batch-size", "8"]
    code, errors = evofool(*evolve, *settings, redirection=">&-")
    assert code == 2
    assert errors.splitlines()[-1] == "evofool: cannot write to standard output: it is closed"
    assert "Traceback" not in errors
    assert Run.open("run").generation == 2


def test_a_classifier_that_loses_its_connection_is_blamed(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (in_tmp_path / "service.py").write_text(textwrap.dedent(PIPE_CODE))
    evolve = ["evolve", "--encoding", "direct", "--generations", "50", "--quiet", "--out", "run"]
    assert main([*evolve, "--batch-size", "8", "--classifier", "service:make"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "classifier 'service' failed on 8 images: BrokenPipeError: " in captured.err
    assert "service.py, line 11); go on with 'evofool resume run --trust-code'" in captured.err
    assert len(captured.err.splitlines()) == 1
