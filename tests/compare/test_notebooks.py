"""The notebooks of the tutorials, as Jupyter reads and runs them."""

import runpy
from pathlib import Path

import pytest

from tests.doors import ROOT

nbformat = pytest.importorskip("nbformat", reason='needs pip install -e ".[compare]"')
nbclient = pytest.importorskip("nbclient", reason='needs pip install -e ".[compare]"')

NOTEBOOKS = runpy.run_path(str(ROOT / "scripts/notebooks.py"))["notebooks"]()


def test_jupyter_takes_every_notebook():
    assert len(NOTEBOOKS) == 7
    for content in NOTEBOOKS.values():
        nbformat.validate(nbformat.reads(content, as_version=4))


def test_one_runs_in_jupyter_and_shows_its_pictures(tmp_path: Path):
    notebook = nbformat.reads(NOTEBOOKS["digits"], as_version=4)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("all as stored: True" in output.get("text", "") for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
