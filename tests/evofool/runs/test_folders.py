"""Folders that are there already: what is taken over, what is refused, and what is advised then."""

import contextlib
import gc
import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

import evofool
from evofool import Run, UserError
from evofool.cli import main
from evofool.evolution.reporting import Quiet
from evofool.runs import exporting, launch
from evofool.runs.folders import OF_RUNS, result_folder
from evofool.support.lock import LOCK, OWNER, locked
from tests.evofool.loop import CLASSIFIER, KilledError, Killer
from tests.evofool.operations import DeadError, Operations
from tests.tiers import few_quick

SMALL = {"encoding": "direct", "batch_size": 13, "micro_batch": 5, "checkpoint_every": 2}
FLAGS = ["--classifier", CLASSIFIER, "--encoding", "direct", "--batch-size", "13"]
FLAGS += ["--micro-batch", "5", "--checkpoint-every", "2", "--generations", "4", "--quiet"]
# what is in a run directory, and what in the folders of other programs
EXPECTED = OF_RUNS - {"memory.json", ".again", "breeding.json", "children.png", "starters.npz"}


def evolve(out: Path, **settings) -> Run:
    return evofool.evolve(CLASSIFIER, out=out, **SMALL | {"generations": 4} | settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return evolve(tmp_path_factory.mktemp("whole") / "run").folder


@pytest.fixture
def run(whole, in_tmp_path) -> Path:
    """A finished run in the working directory, called `run`."""
    return Path(shutil.copytree(whole, "run"))


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a run directory that do not tell times."""
    skipped = {"summary.json", "metrics.jsonl", "config.json"}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in skipped and "checkpoints" not in path.parts
    }


# One writer at a time


def live_run(folder: Path, doing: Callable[[], None], **settings) -> Run:
    """Evolves, and does something before its end."""
    done = []

    class Doing(Quiet):
        def progress(self, generation, last, lines):
            if generation == last:
                done.append(doing())

    run = evolve(folder, reporter=Doing(), **settings)
    assert len(done) == 1
    return run


REFUSED = {
    "resume": lambda folder: evofool.resume(folder),
    "extend": lambda folder: evofool.resume(folder, generations=9),
    "evolve": lambda folder: evolve(folder),
    "overwrite": lambda folder: evolve(folder, overwrite=True),
}


@pytest.mark.parametrize("command", few_quick(REFUSED, "resume", "overwrite"))
def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path, whole, command):
    def attempt() -> None:
        with pytest.raises(UserError, match=rf"is being written by process {os.getpid()} on "):
            REFUSED[command](tmp_path / "run")

    live_run(tmp_path / "run", attempt)
    assert contents(tmp_path / "run") == contents(whole)
    assert {path.name for path in (tmp_path / "run").iterdir()} == EXPECTED


def test_readers_of_a_live_run_see_its_checkpoints(tmp_path):
    def read() -> None:
        for _ in range(1000):  # it is written in the background
            with contextlib.suppress(UserError):
                assert Run(tmp_path / "run").generation == 2
                return
            time.sleep(0.01)
        raise AssertionError("there was no checkpoint")

    live_run(tmp_path / "run", read)


def test_readers_of_a_run_without_a_checkpoint_are_told_who_writes_it(tmp_path):
    expected = f"nothing is finished yet; evofool is writing it .process {os.getpid()} on "

    def read() -> None:
        with pytest.raises(UserError, match=expected):
            Run(tmp_path / "run").elites()
        with pytest.raises(UserError, match=expected):
            _ = Run(tmp_path / "run").finished

    live_run(tmp_path / "run", read, checkpoint_every=100)
    (tmp_path / "new").mkdir()
    with locked(tmp_path / "new"), pytest.raises(UserError, match=expected):
        Run(tmp_path / "new")


def test_the_lock_of_a_killed_writer_is_taken_over_and_that_is_said(run, whole):
    (run / "summary.json").unlink()
    (run / LOCK).touch()
    (run / OWNER).write_text('{"host": "there", "process": 7, "started": "then"}')
    said: list[str] = []

    class Told(Quiet):
        def message(self, text):
            said.append(text)

    evofool.resume(run, reporter=Told())
    assert any("left by process 7 on there, since then" in text for text in said)
    assert {path.name for path in run.iterdir()} == EXPECTED


def test_a_run_that_changes_before_it_is_locked_is_not_resumed(run):
    opened = Run(run)
    evofool.resume(run, generations=5)
    with pytest.raises(UserError, match="changed by another process meanwhile; try again"):
        evofool.resume(opened, generations=7)


# The mark of "finished" comes last


@pytest.mark.parametrize("image", launch.IMAGES)
def test_a_run_that_died_while_it_was_finished_is_finished_by_resume(
    tmp_path, whole, monkeypatch, image
):
    def die(run, path):
        raise KilledError

    monkeypatch.setitem(launch.IMAGES, image, die)
    with pytest.raises(KilledError):
        evolve(tmp_path / "run")
    assert not (tmp_path / "run/summary.json").exists()
    monkeypatch.undo()
    resumed = evofool.resume(tmp_path / "run")
    assert contents(resumed.folder) == contents(whole)
    assert resumed.finished["archive_sha256"] == Run(whole).finished["archive_sha256"]


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_file_has_all_files_in_the_end(tmp_path, whole, monkeypatch):
    with monkeypatch.context() as patch:
        operations = Operations(patch, last=float("inf"))
        evolve(tmp_path / "counted")
    assert operations.count > 10  # of the configuration, lineage, images, summary, and the lock
    for last in range(operations.count):
        folder = tmp_path / str(last)
        with monkeypatch.context() as patch:
            Operations(patch, last=last)
            with contextlib.suppress(DeadError, UserError):
                evolve(folder)
        gc.collect()
        if (folder / "config.json").exists():
            evofool.resume(folder)
        else:
            evolve(folder)
        assert contents(folder) == contents(whole), last
        assert {path.name for path in folder.iterdir()} == EXPECTED
        assert Run(folder).finished["archive_sha256"] == Run(whole).finished["archive_sha256"]


@pytest.mark.parametrize("image", launch.IMAGES)
def test_an_image_that_is_missing_is_drawn_again_and_nothing_else(run, whole, image):
    (run / image).unlink()
    before = (run / "summary.json").stat().st_mtime_ns
    evofool.resume(run)
    assert contents(run) == contents(whole)
    assert (run / "summary.json").stat().st_mtime_ns == before


def test_a_run_of_too_little_time_gets_on_each_time(tmp_path, whole):
    run = evolve(tmp_path / "run", max_seconds=1e-9)
    reached = [run.finished["generations"]]
    while run.finished["stopped_by"] == "max_seconds":
        run = evofool.resume(run.folder)
        reached.append(run.finished["generations"])
    assert reached == [0, 1, 2, 3, 4]
    expected = Run(whole).finished["archive_sha256"]
    assert run.finished["archive_sha256"] == expected


# After every refusal, what is advised works


def killed_at_first(run: Path) -> None:
    """Leaves what is there when the first file is being written."""
    shutil.rmtree(run)
    run.mkdir()
    (run / LOCK).touch()
    (run / OWNER).write_text('{"host": "there", "process": 7, "started": "then"}')
    (run / ".evofool-tmp-abcdefgh.json").write_text("{")


def killed_while_overwritten(run: Path) -> None:
    (run / "config.json").unlink()
    shutil.rmtree(run / "lineage")


def killed_in_first_generation(run: Path) -> None:
    shutil.rmtree(run)
    with pytest.raises(KilledError):
        evolve(run, reporter=Killer(0))


def killed_in_export(run: Path) -> None:
    with (
        contextlib.suppress(KilledError),
        mock.patch.object(exporting, "_export", side_effect=KilledError),
    ):
        evofool.export(run, "out")


def killed_in_another_export(run: Path) -> None:
    killed_in_export(evolve(Path("another")).folder)


def of_another_program(run: Path) -> None:
    (run / "config.json").write_text('{"model": "bert"}')
    (run / "weights.bin").write_text("")


def out_of_range(run: Path) -> None:
    content = json.loads((run / "config.json").read_text())
    content["config"]["runs"] = 0
    (run / "config.json").write_text(json.dumps(content))


def a_file(run: Path) -> None:
    shutil.rmtree(run)
    run.touch()


EVOLVE, RESUME = ["evolve", *FLAGS, "--out", "run"], ["resume", "run", "--quiet"]
OVERWRITE, EXPORT = [*EVOLVE, "--overwrite"], ["export", "run", "--out", "out"]
ALLOWED = {  # what happened, and what then simply works
    "killed at first, evolve": (killed_at_first, EVOLVE),
    "killed at first, overwrite": (killed_at_first, OVERWRITE),
    "half overwritten, overwrite": (killed_while_overwritten, OVERWRITE),
    "no checkpoint, resume": (killed_in_first_generation, RESUME),
    "killed in an export, export": (killed_in_export, EXPORT),
}
REFUSALS = {  # what happened, and what is refused with advice
    "killed at first, resume": (killed_at_first, RESUME),
    "killed at first, inspect": (killed_at_first, ["inspect", "run"]),
    "half overwritten, evolve": (killed_while_overwritten, EVOLVE),
    "half overwritten, resume": (killed_while_overwritten, RESUME),
    "no checkpoint, inspect": (killed_in_first_generation, ["inspect", "run"]),
    "no checkpoint, evolve": (killed_in_first_generation, EVOLVE),
    "another program, overwrite": (of_another_program, OVERWRITE),
    "a file, evolve": (a_file, EVOLVE),
    "configuration broken, evolve": (
        lambda run: (run / "config.json").write_text("{"),
        EVOLVE,
    ),
    "a setting out of range, evolve": (out_of_range, EVOLVE),
    "finished, evolve": (lambda run: None, EVOLVE),
    "killed in another export, export": (killed_in_another_export, EXPORT),
}


def advice_in(said: str, attempt: list[str]) -> list[list[str]]:
    """The commands that a message advises after an attempt; "rm" first to remove the output."""
    commands = [shlex.split(found) for found in re.findall(r"'evofool (.*?)'", said)]
    advised = [[*command, *FLAGS] if command[0] == "evolve" else command for command in commands]
    if "--overwrite" in said:
        advised.append([*attempt, "--overwrite"])
    if "another --out" in said or "a new name" in said:
        advised.append([*attempt, "--out", "other"])
    if "or remove it" in said:
        advised.append(["rm", *attempt])
    return advised


@pytest.mark.parametrize("situation", ALLOWED)
def test_what_a_killed_process_left_is_taken_over(run, capsys, situation):
    happened, attempt = ALLOWED[situation]
    happened(run)
    assert main(attempt) == 0, capsys.readouterr().err
    written = Path("out" if attempt is EXPORT else "run")
    assert list(written.rglob(".*")) == []


@pytest.mark.parametrize(
    "situation",
    few_quick(
        REFUSALS,
        *("killed at first, resume", "half overwritten, evolve"),
        *("no checkpoint, inspect", "finished, evolve"),
    ),
)
def test_after_a_refusal_whatever_is_advised_works(
    whole, in_tmp_path, monkeypatch, capsys, situation
):
    happened, attempt = REFUSALS[situation]
    number = 0
    while True:  # each advice in the same situation
        folder = in_tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        shutil.copytree(whole, "run")
        happened(Path("run"))
        capsys.readouterr()
        assert main(attempt) == 2
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        advised = advice_in(said, attempt)
        assert advised, said
        if number == len(advised):
            break
        command = advised[number]
        if command[0] == "rm":
            shutil.rmtree(command[-1])
            command = command[1:]
        assert main(command) == 0, f"{command}: {capsys.readouterr().err}"
        number += 1


def test_an_export_that_was_killed_ends_as_one_that_was_not(run, in_tmp_path):
    killed_in_export(run)
    evofool.export(run, "out")
    evofool.export(run, "whole")
    assert contents(Path("out")) == contents(Path("whole"))


def test_results_that_are_being_written_are_not_advised_to_be_removed(in_tmp_path):
    with result_folder("out", {"of": "one"}) as folder:
        (folder / "part").touch()
        with pytest.raises(UserError, match="is being written by"), result_folder("out", {"of": 2}):
            pass


@pytest.mark.parametrize("name", ["thesis.tex", "config.json"])
def test_overwrite_removes_runs_only(in_tmp_path, name):
    folder = in_tmp_path / "mine"
    folder.mkdir()
    (folder / name).write_text(json.dumps({"model": "bert"}))
    (folder / "years of work").touch()
    with pytest.raises(UserError, match="not a run directory; choose another --out"):
        evolve(folder, overwrite=True)
    assert {path.name for path in folder.iterdir()} == {name, "years of work"}


@pytest.mark.parametrize("command", ["polish --steps 1", "breed --classes 0"])
def test_what_a_run_is_made_from_is_not_overwritten(run, capsys, command):
    before = contents(run)
    name, *flags = command.split()
    assert main([name, "run", *flags, "--out", "./run", "--overwrite"]) == 2
    assert (
        "run is the run that another is made from; choose another --out" in capsys.readouterr().err
    )
    assert contents(run) == before
