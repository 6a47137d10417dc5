"""Two real processes over loopback, each with one device, that work on one run."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import evofool
from evofool.cli import main
from evofool.support import multihost
from evofool.support.errors import DamagedFileError, StoppedEarlyError, UserError
from tests.evofool.loop import lines_of, records_of

ROOT = Path(__file__).parents[3]
PATIENCE = 300  # seconds to wait for a process, on a machine with much else to do
SETTINGS: dict[str, Any] = {
    "classifier": "mock:10:32x32x3",
    "encoding": "direct",
    "generations": 200,
    "batch_size": 13,
    "micro_batch": 5,  # three micro-batches for two processes
    "checkpoint_every": 50,
    "log_every": 40,
}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]


def start(*arguments: str) -> list[subprocess.Popen[str]]:
    """Starts a job of two processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    job = ["--distributed", "--coordinator", f"127.0.0.1:{port}", "--num-processes", "2"]
    common = [sys.executable, "-m", "evofool", *arguments, "--devices", "1", *job]
    return [
        subprocess.Popen(
            [*common, "--process-id", str(index)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def finish(job: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Waits for both processes; returns exit code, output and complaints of each."""
    ends = [process.communicate(timeout=PATIENCE) for process in job]
    return [(process.returncode, *end) for process, end in zip(job, ends, strict=True)]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.005)


def facts(folder: Path) -> tuple[Any, ...]:
    """Everything a run leaves but timings."""
    summary = json.loads((folder / "summary.json").read_text())
    return summary["archive_sha256"], summary["per_run"], lines_of(folder), records_of(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as a single process makes it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    evofool.evolve(out=folder, **SETTINGS)
    return folder


@pytest.mark.slow
def test_two_processes_make_the_run_of_one_and_write_together(tmp_path, whole):
    folder = tmp_path / "run"
    first, second = finish(start("evolve", *FLAGS, "--out", str(folder), "--json"))
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert json.loads(first[1])["generations"] == 200
    assert second[1] == ""  # only one of them speaks
    assert facts(folder) == facts(whole)
    newest = folder / "checkpoints" / "200" / "state"
    assert {path.name for path in newest.glob("ocdbt.process_*")} == {
        "ocdbt.process_0",
        "ocdbt.process_1",
    }
    assert (folder / "gallery.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_is_killed_the_other_says_how_to_go_on(tmp_path, whole, victim):
    folder = tmp_path / "run"
    job = start("evolve", *FLAGS, "--out", str(folder), "--quiet")
    wait_for(folder / "checkpoints" / "50" / "_CHECKPOINT_METADATA")
    job[victim].kill()
    killed = time.monotonic()
    code, _, complaints = finish(job)[1 - victim]
    assert time.monotonic() - killed < 15
    assert code in (1, 2)
    assert complaints.endswith(
        f"another process of this job stopped; go on with 'evofool resume {folder}'\n"
    )
    assert not (folder / "summary.json").exists()
    if victim == 0:  # what one process left may be finished by any number of them
        evofool.resume(folder)
    else:
        ends = finish(start("resume", str(folder), "--quiet"))
        assert [end[0] for end in ends] == [0, 0], ends
    assert facts(folder) == facts(whole)


@pytest.mark.slow
def test_a_signal_to_any_process_stops_all_at_the_same_generation(tmp_path, capsys):
    folder = tmp_path / "run"
    job = start("evolve", *FLAGS, "--generations=1000000", "--out", str(folder), "--json")
    wait_for(folder / "checkpoints" / "50" / "_CHECKPOINT_METADATA")
    for third in (["resume", folder], ["evolve", *FLAGS, "--out", folder, "--overwrite"]):
        assert main([*map(str, third)]) == 2  # the job holds one lock
        assert f"{folder} is being written by process {job[0].pid}" in capsys.readouterr().err
    job[1].send_signal(signal.SIGINT)
    first, second = finish(job)
    assert (first[0], second[0]) == (130, 130), first[2] + second[2]
    summary = json.loads(first[1])
    assert summary["stopped_by"] == "interrupted"
    assert f"evofool resume {folder}" in first[2]
    generation = str(summary["generations"])
    assert (folder / "checkpoints" / generation / "_CHECKPOINT_METADATA").exists()


@pytest.mark.slow
def test_what_only_the_first_process_notices_ends_both(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine").write_text("")
    ends = finish(start("evolve", *FLAGS, "--out", str(folder), "--overwrite"))
    assert all(code != 0 for code, *_ in ends)
    assert "is there already, not a run directory" in ends[0][2]


JOB = ["--coordinator", "host:1", "--num-processes", "2", "--process-id"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--distributed", "--coordinator", "host:1"], "go together, with --distributed"),
        ([*JOB, "0"], "go together, with --distributed"),
        (["--distributed", *JOB, "2"], "process_id is 2; expected 0..1"),
        (["--distributed", *JOB, "0", "--coordinator", "host"], "'host'; expected HOST:PORT"),
    ],
)
def test_a_job_described_badly_is_refused(capsys, flags, message):
    assert main(["evolve", "--classifier", "mock:10", *flags]) == 2
    assert message in capsys.readouterr().err


def test_distributed_without_a_job_says_how_to_describe_one():
    schedulers = ("SLURM", "OMPI", "TPU", "JAX_", "KUBERNETES")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(schedulers)}
    command = [sys.executable, "-m", "evofool", "evolve", "--classifier", "mock:10"]
    ended = subprocess.run(
        [*command, "--distributed"], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert ended.returncode == 2
    assert "found no SLURM, Open MPI or TPU job; describe it with --coordinator" in ended.stderr


@pytest.mark.parametrize("kind", [UserError, DamagedFileError, StoppedEarlyError])
def test_an_error_of_the_first_process_stays_of_its_kind(kind, monkeypatch):
    from jax.experimental import multihost_utils

    def make():
        raise kind("what is wrong")

    monkeypatch.setattr(multihost, "is_alone", lambda: False)
    monkeypatch.setattr(multihost_utils, "broadcast_one_to_all", lambda values: values)
    with pytest.raises(UserError, match="what is wrong") as caught:
        multihost.from_first(make)
    assert type(caught.value) is kind


def test_a_single_process_decides_alone():
    assert multihost.is_alone()
    assert multihost.is_first()
    assert multihost.gather([3, 0, 1]).tolist() == [[3, 0, 1]]
    assert multihost.from_first(lambda: {"a": 1}) == {"a": 1}
    with pytest.raises(UserError, match="no"):
        multihost.from_first(lambda: (_ for _ in ()).throw(UserError("no")))
    assert not multihost.is_lost_process(ValueError("Gloo AllGather failed"))
