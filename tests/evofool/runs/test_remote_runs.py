"""Runs, and what they need, read from an object store: one in memory, behind fsspec."""

import json
from pathlib import Path

import fsspec
import pytest

import evofool
from evofool import UserError
from evofool.cli import main
from tests.doors import ROOT

URL = "memory://bucket/runs"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def run_url(cppn_run):
    """The address of a run in the store."""
    store = fsspec.filesystem("memory")
    store.put(str(cppn_run.folder), "/bucket/runs/a", recursive=True)
    yield f"{URL}/a"
    store.rm("/bucket", recursive=True)


def test_a_run_is_read_by_its_url(run_url, cppn_run, capsys):
    run = evofool.Run.open(run_url, strict=True)
    assert (run.confidences == cppn_run.confidences).all()
    assert main(["inspect", run_url, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [elite["label"] for elite in found["elites"]] == [elite.label for elite in cppn_run]


def test_damage_in_the_store_is_noticed(run_url):
    store = fsspec.filesystem("memory")
    path = store.find("/bucket/runs/a/lineage")[0]
    store.pipe(path, store.cat(path)[:-3])
    with pytest.raises(evofool.DamagedFileError):
        evofool.Run.open(run_url, strict=True).lineage  # noqa: B018


def test_a_run_in_a_store_is_never_written(run_url):
    with pytest.raises(UserError, match="is a copy of what lies elsewhere, and is only read"):
        evofool.resume(run_url, generations=10_000, quiet=True)


def test_weights_and_models_are_read_by_their_urls(tmp_path):
    store = fsspec.filesystem("memory")
    store.put(str(ROOT / "evofool/classifiers/weights"), "/bucket/nets", recursive=True)
    lenet = evofool.load_classifier("lenet", weights="memory://bucket/nets")
    assert lenet.card == evofool.load_classifier("lenet").card
    with pytest.raises(UserError, match=r"lenet\.safetensors"):
        evofool.load_classifier("jaxexport:memory://bucket/nets/lenet.safetensors")
    store.rm("/bucket", recursive=True)


def test_nothing_is_fetched_that_only_a_run_names(cppn_run, tmp_path):
    manifest = json.loads((cppn_run.folder / "config.json").read_text(encoding="utf-8"))
    for setting, message in [
        ({"weights": "memory://b/nets"}, "nothing is fetched that only a file names"),
        ({"classifier": "onnx:memory://b/m.onnx"}, "which is fetched. If you trust that address"),
    ]:
        stranger = tmp_path / next(iter(setting))
        stranger.mkdir()
        content = manifest | {"config": manifest["config"] | setting}
        (stranger / "config.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(UserError, match=message):
            evofool.Run.open(stranger).classifier  # noqa: B018
