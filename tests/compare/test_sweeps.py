"""Sweeps on the engines of others: a Ray cluster of two nodes, and submitit's local executor."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evofool
from evofool import Run, Sweep, UserError
from evofool.support import read_json

PLAN: dict[str, Any] = {
    "classifier": "mock:5:8x8x1",
    "encoding": "direct",
    "batch_size": 32,
    "generations": 1500,
    "checkpoint_every": 20,
    "seeds": 3,
}
REASON = 'needs pip install -e ".[ray,slurm]"'
pytest.importorskip("submitit", reason=REASON)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The archives of the same runs, evolved in this process without a break."""
    folder = tmp_path_factory.mktemp("alone")
    settings = {name: value for name, value in PLAN.items() if name != "seeds"}
    runs = [evofool.evolve(seed=seed, out=folder / str(seed), **settings) for seed in range(3)]
    return [run.finished["archive_sha256"] for run in runs]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of two nodes, each a raylet with a processor of its own, on this machine."""
    pytest.importorskip("ray", reason=REASON)
    from ray.cluster_utils import Cluster

    store = 80 * 2**20
    nodes = Cluster()
    nodes.add_node(num_cpus=1, object_store_memory=store, include_dashboard=False)
    nodes.add_node(num_cpus=1, object_store_memory=store)
    yield nodes.address
    nodes.shutdown()


def archives(sweep: Sweep) -> list[str]:
    return [run.finished["archive_sha256"] for run in sweep.runs]


def kill_one(folder: Path, killed: list[str]) -> None:
    """Kills the process of the first point that has a checkpoint."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not killed:
        for path in folder.glob("points/*/.writer.json"):
            if any(name.name.isdecimal() for name in path.parent.glob("checkpoints/*")):
                os.kill(read_json(path)["process"], signal.SIGKILL)
                killed.append(path.parent.name)
                break
        time.sleep(0.02)


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::FutureWarning",
    # Ray begins its processes by a fork, after which they are other programs at once
    "ignore:os.fork:RuntimeWarning",
)
def test_on_ray_a_worker_killed_in_the_middle_loses_nothing(
    cluster: str, expected: list[str], tmp_path: Path
):
    killed: list[str] = []
    killer = threading.Thread(target=kill_one, args=(tmp_path / "s", killed))
    killer.start()
    done = evofool.sweep(PLAN, out=tmp_path / "s", backend="ray", address=cluster)
    killer.join()
    assert len(killed) == 1
    assert [(point.state, point.attempts) for point in done.points] == [("finished", 0)] * 3
    assert archives(done) == expected
    before = {run.folder: os.stat(run.folder / "summary.json").st_mtime_ns for run in done.runs}
    more = {**PLAN, "seeds": 4}
    again = evofool.sweep(more, out=tmp_path / "s", backend="ray", address=cluster)
    assert archives(again)[:3] == expected
    assert len(again.runs) == 4
    after = {folder: os.stat(folder / "summary.json").st_mtime_ns for folder in before}
    assert after == before


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
def test_a_cluster_that_is_not_there_is_named(tmp_path: Path):
    pytest.importorskip("ray", reason=REASON)
    with pytest.raises(UserError, match=r"cannot reach Ray at '127\.0\.0\.1:1'"):
        evofool.sweep(PLAN, out=tmp_path / "s", backend="ray", address="127.0.0.1:1")


def test_jobs_of_submitit_make_the_same_runs(expected: list[str], tmp_path: Path):
    pytest.importorskip("submitit", reason=REASON)
    failing = {"points": [{}, {"classifier": "absent"}]}
    plan = {**PLAN, **failing, "slurm": {"cluster": "local", "timeout_min": 30}}
    done = evofool.sweep(plan, out=tmp_path / "s", backend="slurm", retries=0)
    assert [point.state for point in done.points] == ["finished"] * 3 + ["failed"] * 3
    assert archives(done) == expected
    assert all(isinstance(run, Run) for run in done.runs)
    assert list((tmp_path / "s/logs").glob("*_log.out"))


def test_without_slurm_it_says_so(tmp_path: Path):
    pytest.importorskip("submitit", reason=REASON)
    with pytest.raises(UserError, match="SLURM cannot be used here"):
        evofool.sweep(PLAN, out=tmp_path / "s", backend="slurm")
