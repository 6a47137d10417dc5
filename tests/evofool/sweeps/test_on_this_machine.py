"""Workers as processes: one that dies, and a sweep that is stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import evofool
from evofool import Sweep
from evofool.support import read_json

pytestmark = pytest.mark.slow

PLAN = """
classifier = "mock:5:8x8x1"
encoding = "direct"
batch_size = 32
generations = 1500
checkpoint_every = 20
seeds = 2
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The archives of the same runs, evolved in this process without a break."""
    folder = tmp_path_factory.mktemp("alone")
    settings = {"encoding": "direct", "batch_size": 32, "generations": 1500}
    runs = [
        evofool.evolve("mock:5:8x8x1", seed=seed, out=folder / str(seed), **settings)
        for seed in range(2)
    ]
    return [run.finished["archive_sha256"] for run in runs]


def archives(sweep: Sweep) -> list[str]:
    return [run.finished["archive_sha256"] for run in sweep.runs]


def wait_for(condition: Callable[[], object], *, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def begun(folder: Path) -> list[Path]:
    """Run directories that have a checkpoint and are being written."""
    return [path.parent for path in folder.glob("points/*/.writer.json") if has_checkpoint(path)]


def has_checkpoint(path: Path) -> bool:
    return any(name.name.isdecimal() for name in path.parent.glob("checkpoints/*"))


@contextlib.contextmanager
def started(plan: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "evofool", "sweep", str(plan), "--out", "s", *more]
    with subprocess.Popen(command, cwd=plan.parent, text=True, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_worker_that_is_killed_takes_its_point_only(plan: Path, expected: list[str]):
    folder = plan.parent / "s"
    with started(plan, "--workers", "2") as process:
        wait_for(lambda: begun(folder))
        os.kill(read_json(begun(folder)[0] / ".writer.json")["process"], signal.SIGKILL)
        _, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert "was ended by signal SIGKILL" in said
    assert "1 of 2 points are tried again" in said
    assert archives(Sweep(folder)) == expected
    assert not list(folder.glob("failures/*"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_is_stopped_goes_on(plan: Path, expected: list[str], how: signal.Signals):
    folder = plan.parent / "s"
    with started(plan, "--workers", "1") as process:
        wait_for(lambda: begun(folder))
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert "go on with 'evofool sweep" in said
    wait_for(lambda: not list(folder.glob("points/*/.writer.json")))
    assert len(Sweep(folder).runs) < 2
    assert archives(evofool.sweep(plan, out=folder)) == expected
