"""The notebooks of the tutorials, cell by cell, with less work where that takes minutes.

`tests/compare/test_notebooks.py` runs one in Jupyter.
"""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from evofool.audits import BUDGETS
from evofool.runs import Run
from tests.doors import ROOT
from tests.evofool.audits.conftest import TINY
from tests.evofool.real_data import data_folder

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


@pytest.fixture
def tutorial(in_tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the cells of a tutorial in this process; returns what they printed."""
    notebook_of = runpy.run_path(str(ROOT / "scripts/notebooks.py"))["notebook_of"]

    def run(name: str, generations: str = "") -> str:
        program = (ROOT / f"docs/tutorials/{name}.py").read_text(encoding="utf-8")
        if generations:
            program, count = re.subn(r"(?<=generations=)\d+", generations, program)
            assert count
        names = {"__name__": "__main__"}
        for cell in notebook_of(program)["cells"]:
            if cell["cell_type"] == "code":
                exec(compile(cell["source"], f"{name}, {cell['id']}", "exec"), names)
        return capsys.readouterr().out

    return run


def test_the_digits_are_fooled(tutorial, in_tmp_path: Path):
    said = tutorial("digits", generations="10")
    assert "all as stored: True" in said
    assert (in_tmp_path / "digits.png").exists()


def test_an_encoding_and_a_fitness_of_ones_own(tutorial):
    said = tutorial("fourier", generations="10")
    assert re.search(r"^[38]: -0\.[67]", said, re.MULTILINE), said


def test_an_emitter_of_ones_own_evolves(tutorial):
    said = tutorial("emitter", generations="10")
    noise, emitted = map(float, re.findall(r"median (\d+\.\d)", said))
    assert min(noise, emitted) > 20


def test_a_network_of_ones_own_is_fooled(tutorial, in_tmp_path: Path):
    said = tutorial("own_model")
    assert "recognises 99" in said
    assert said.count("more than 600 of 600 real shapes") == 3
    assert (in_tmp_path / "shapes.png").exists()


def test_an_archive_of_imagenet_is_a_table(tutorial, imagenet_run: Run, in_tmp_path: Path):
    (in_tmp_path / "runs").mkdir()
    (in_tmp_path / "runs/imagenet").symlink_to(imagenet_run.folder)
    said = tutorial("archive_in_pandas")
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
