"""Runs, sweeps and models read by the protocol of S3, from a server on the loopback address."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evofool
from evofool import Run, Sweep, UserError
from evofool.cli import main
from tests.doors import ROOT

REASON = 'needs pip install -e ".[compare]"'
servers: Any = pytest.importorskip("moto.server", reason=REASON)
s3fs: Any = pytest.importorskip("s3fs", reason=REASON)

BUCKET = "s3://elites"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The server's files as s3fs knows them, when the environment says where the server is."""
    server = servers.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "name")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        store = s3fs.S3FileSystem()
        store.mkdir("elites")
        yield store
    server.stop()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "a"
    return evofool.evolve("mock:5:8x8x1", generations=20, batch_size=16, out=out)


def test_a_run_is_read(store: Any, run: Run, capsys: pytest.CaptureFixture[str]):
    store.put(str(run.folder), f"{BUCKET}/runs/a", recursive=True)
    read = Run.open(f"{BUCKET}/runs/a", strict=True)
    assert read.finished["archive_sha256"] == run.finished["archive_sha256"]
    assert evofool.verify(read).passed
    assert main(["inspect", f"{BUCKET}/runs/a", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [elite["label"] for elite in found["elites"]] == [elite.label for elite in run]


def test_what_has_changed_is_read_again(store: Any, run: Run, tmp_path: Path):
    folder = Path(shutil.copytree(run.folder, tmp_path / "b"))
    store.put(str(folder), f"{BUCKET}/runs/b", recursive=True)
    assert Run.open(f"{BUCKET}/runs/b").finished["generations"] == 20
    longer = evofool.resume(folder, generations=25)
    store.put(f"{folder}/", f"{BUCKET}/runs/b/", recursive=True)
    read = Run.open(f"{BUCKET}/runs/b", strict=True)
    assert read.finished["archive_sha256"] == longer.finished["archive_sha256"]


def test_a_sweep_is_compared(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plan = {"classifier": "mock:5:8x8x1", "generations": 4, "batch_size": 16, "seeds": 2}
    evofool.sweep(plan, out=tmp_path / "sweep", workers=1)
    store.put(str(tmp_path / "sweep"), f"{BUCKET}/sweeps/s", recursive=True)
    assert len(Sweep(f"{BUCKET}/sweeps/s").runs) == 2
    assert main(["compare", f"{BUCKET}/sweeps/s", "--by", "generations"]) == 0
    assert "generations" in capsys.readouterr().out


def test_a_model_is_read(store: Any):
    store.put(str(ROOT / "evofool/classifiers/weights"), f"{BUCKET}/nets", recursive=True)
    lenet = evofool.load_classifier("lenet", weights=f"{BUCKET}/nets")
    assert lenet.card == evofool.load_classifier("lenet").card


def test_what_is_not_there_is_said_in_a_line(store: Any):
    for url in f"{BUCKET}/runs/no", "s3://nowhere/a":
        with pytest.raises(UserError, match=f"^there is nothing at {url}$"):
            Run.open(url)
