"""A run directory of an early version, whose `config.json` lists the micro-batches.

Its run was short of memory in generation 9 and went on from the checkpoint of generation 5 with
micro-batches of 2 instead of 5. Checkpoints were made at generations 0, 5, 10 and 12; the last is
kept.
"""

import json
import shutil
from pathlib import Path

import pytest

import evofool
from evofool import Run
from tests.evofool.loop import config_of, lines_of, records_of

EARLY = Path(__file__).parent / "golden" / "early_run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EARLY, tmp_path / "run"))


def test_an_early_run_opens():
    run = Run(EARLY)
    assert run.generation == run.finished["generations"] == 12
    assert run.micro_batch == 2
    summary = run.finished["per_run"][0]
    assert run.confidences.shape == (1, 5)
    assert run.confidences.min() == pytest.approx(summary["min_confidence"])
    assert [elite.steps[-1].generation for elite in run.all_elites()] == [0] * 5


def test_an_early_run_is_verified():
    assert evofool.verify(EARLY).passed


def test_an_early_run_without_its_summary_is_finished_as_it_was(folder: Path):
    before = json.loads((folder / "summary.json").read_text())
    config = (folder / "config.json").read_bytes()
    (folder / "summary.json").unlink()
    after = evofool.resume(folder).finished
    assert after["archive_sha256"] == before["archive_sha256"]
    assert after["micro_batches"] == before["micro_batches"] == [[0, 5], [6, 2]]
    assert (folder / "config.json").read_bytes() == config


def test_an_early_run_is_extended_with_the_micro_batch_it_used_last(folder: Path, tmp_path: Path):
    run = evofool.resume(folder, generations=14)
    assert run.finished["micro_batches"] == [[0, 5], [6, 2]]
    assert run.micro_batch == 2
    whole = evofool.evolve(config=config_of(generations=14), out=tmp_path / "whole")
    assert records_of(run.folder) == records_of(whole.folder)
    assert len(lines_of(run.folder)) == len(lines_of(whole.folder)) == 15
