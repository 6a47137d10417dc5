"""Run directories of an older version open, verify, and go on as that version did.

tests/golden/runs-78aba08.tar.gz holds two that commit 78aba08 (version 0.1.0) made on Linux x86-64,
without their PNG files:

    evofool evolve --classifier mock:10 --encoding ENCODING --generations 12 --batch-size 20 \\
        --checkpoint-every 5 --seed 3 --out ENCODING --quiet

for ENCODING in cppn and direct. The same version then went on with copies of both, with
`evofool resume ENCODING --generations 24`; `CONTINUED` and `MEDIANS` are what it left in
summary.json: archive_sha256 and median_confidence.
"""

import tarfile
from pathlib import Path

import pytest

import evofool
from evofool import Run

ARCHIVE = Path(__file__).parent / "golden" / "runs-78aba08.tar.gz"
CONTINUED = {
    "cppn": "a70077cd77c617826f00f04c553a509ea4358da856b4be50d8c752cbd0398af5",
    "direct": "4f8055d0175abb3a8ad8496147340efc86cc6f4181d580c32713fdafb1427b41",
}
MEDIANS = {"cppn": 0.9889926, "direct": 0.8339195}
ENCODINGS = pytest.mark.parametrize("encoding", CONTINUED)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@ENCODINGS
def test_an_older_run_opens_with_its_elites(unpacked: Path, encoding: str):
    run = Run(unpacked / encoding)
    assert run.summary is not None
    assert run.summary["generations"] == 12
    assert len(run.elites()) == 10
    assert run["class 7"].steps[-1].generation == 0


@ENCODINGS
def test_elites_of_an_older_run_are_drawn_and_scored_as_recorded(unpacked: Path, encoding: str):
    assert evofool.verify(unpacked / encoding).passed


@pytest.mark.parametrize("encoding", [pytest.param("cppn", marks=pytest.mark.slow), "direct"])
def test_an_older_run_goes_on_as_it_would_have(unpacked: Path, encoding: str):
    is_same_platform = evofool.verify(unpacked / encoding).is_same_platform
    run = evofool.resume(unpacked / encoding, generations=24)
    assert run.summary is not None
    assert run.summary["generations"] == 24
    assert run.summary["median_confidence"] == pytest.approx(MEDIANS[encoding], abs=1e-2)
    if is_same_platform:  # other processors round differently
        assert run.summary["archive_sha256"] == CONTINUED[encoding]
    assert evofool.verify(run).passed
