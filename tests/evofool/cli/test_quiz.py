"""quiz as a command."""

from pathlib import Path

import pytest

from evofool import Run
from tests.evofool.cli.running import output_of


def test_quiz_and_export_say_where_things_are(
    direct_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shown = output_of(capsys, "quiz", direct_run.folder, "--out", tmp_path / "quiz")
    assert str(tmp_path / "quiz/sheet.png") in shown
    assert "not a classifier of 28x28 digits" in shown
    assert "name one with --judge" in shown
    shown = output_of(capsys, "export", direct_run.folder, "--out", tmp_path / "elites")
    assert shown.startswith("3 elites in ")
