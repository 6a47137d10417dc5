"""The programs of the tutorials, as they stand, with less work where that takes minutes."""

import runpy
import sys
from pathlib import Path

import pytest

from evofool.audits import BUDGETS
from evofool.runs import Run
from tests.doors import ROOT
from tests.evofool.audits.conftest import TINY
from tests.evofool.real_data import data_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def tutorial(
    in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Runs a tutorial as its own program, in this process; returns what it printed."""

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(ROOT / f"docs/tutorials/{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_network_of_ones_own_is_fooled(tutorial, in_tmp_path: Path):
    said = tutorial("own_model")
    assert "recognises 99" in said
    assert said.count("more than 600 of 600 real shapes") == 3
    assert (in_tmp_path / "shapes.png").exists()


def test_an_archive_of_imagenet_is_a_table(tutorial, imagenet_run: Run, in_tmp_path: Path):
    said = tutorial("archive_in_pandas", str(imagenet_run.folder))
    assert "dogs" in said
    assert "pairs are mutual" in said
    assert (in_tmp_path / "archive.npz").exists()


def test_digits_are_bred_and_printed(tutorial, in_tmp_path: Path):
    assert "poster.png: " in tutorial("breed_and_print")
    assert (in_tmp_path / "poster.png").exists()


@pytest.mark.data
def test_an_audit_fails_and_a_replay_is_not_worse(tutorial, monkeypatch: pytest.MonkeyPatch):
    data_folder()
    monkeypatch.setitem(BUDGETS, "quick", TINY)
    said = tutorial("audit")
    assert "every second class or more is fooled" in said
    assert "not worse: True" in said
