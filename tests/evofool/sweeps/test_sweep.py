import dataclasses
import os
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

import evofool
from evofool import Sweep, UserError
from evofool.evolution import Quiet
from evofool.sweeps.engines import Means
from evofool.sweeps.sweep import ENGINES
from evofool.sweeps.work import Outcome, Task, carry_out
from tests.evofool.sweeps.conftest import PLAN, carry_out_in_process


class Notes(Quiet):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def test_every_point_is_the_run_that_evolve_makes(finished_sweep: Sweep, tmp_path: Path):
    points = finished_sweep.points
    assert [point.state for point in points] == ["finished"] * 6
    run = finished_sweep.runs[4]
    assert points[4].settings == {"direct.mutation_rate": 0.3, "seed": 1}
    alone = evofool.evolve(config=run.config, out=tmp_path / "alone")
    assert alone.finished["archive_sha256"] == run.finished["archive_sha256"]


@pytest.mark.slow
def test_a_larger_plan_repeats_nothing(in_process: None, tmp_path: Path):
    plan = {**PLAN, "seeds": 1}
    first = evofool.sweep(plan, out=tmp_path / "s")
    before = {run.folder: os.stat(run.folder / "summary.json").st_mtime_ns for run in first.runs}
    notes = Notes()
    grid = {**PLAN["grid"], "fitness": ["log_odds", "probability"]}
    more = evofool.sweep({**plan, "grid": grid}, out=tmp_path / "s", reporter=notes)
    assert notes.lines[0] == "2 of 4 points are to do"
    assert len(more.runs) == 4
    after = {folder: os.stat(folder / "summary.json").st_mtime_ns for folder in before}
    assert after == before
    assert {run.folder for run in more.runs} > set(before)


def test_failures_are_kept_apart_and_tried_again(in_process: None, tmp_path: Path):
    plan = {**PLAN, "seeds": 1, "grid": {}, "points": [{}, {"classifier": "absent"}]}
    notes = Notes()
    done = evofool.sweep(plan, out=tmp_path / "s", retries=2, reporter=notes)
    assert [(point.state, point.attempts) for point in done.points] == [
        ("finished", 0),
        ("failed", 3),
    ]
    assert "absent" in (done.points[1].error or "")
    assert notes.lines.count("1 of 2 points are tried again") == 2
    (failure,) = (tmp_path / "s/failures").iterdir()
    assert failure.stem == done.points[1].name


@pytest.mark.slow
def test_a_point_that_failed_once_and_then_finished_is_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    calls: list[str] = []

    def flaky(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
        for task in tasks:
            calls.append(task.name)
            is_first = calls.count(task.name) == 1
            yield Outcome(task.name, "failed", "its node is gone") if is_first else carry_out(task)

    monkeypatch.setitem(ENGINES, "local", flaky)
    done = evofool.sweep({**PLAN, "seeds": 1}, out=tmp_path / "s", retries=1)
    assert [(point.state, point.error) for point in done.points] == [("finished", None)] * 2
    assert len(calls) == 4


def test_a_point_whose_process_died_after_its_run_was_finished_did_not_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def dying(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
        for task in tasks:
            carry_out(task)
            yield Outcome(task.name, "failed", "its process ended with exit code 9")

    monkeypatch.setitem(ENGINES, "local", dying)
    notes = Notes()
    done = evofool.sweep({**PLAN, "seeds": 1, "grid": {}}, out=tmp_path / "s", reporter=notes)
    assert [point.state for point in done.points] == ["finished"]
    assert "failed" not in "".join(notes.lines)
    assert not (tmp_path / "s/failures").exists()


def test_what_stopped_early_goes_on(in_process: None, tmp_path: Path, monkeypatch):
    plan = {**PLAN, "seeds": 1, "grid": {}}
    config = evofool.sweeps.read_plan(plan).points[0].config

    def stop(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
        begun = dataclasses.replace(config, generations=2)
        run = evofool.evolve(config=begun, out=tasks[0].folder)
        (run.folder / "summary.json").unlink()
        yield Outcome(tasks[0].name, "stopped early")
        raise KeyboardInterrupt

    monkeypatch.setitem(ENGINES, "local", stop)
    with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
        evofool.sweep(plan, out=tmp_path / "s")
    opened = Sweep(tmp_path / "s")
    assert [point.state for point in opened.points] == ["stopped early"]
    assert opened.runs == []
    monkeypatch.setitem(ENGINES, "local", carry_out_in_process)
    assert [point.state for point in evofool.sweep(plan, out=tmp_path / "s").points] == ["finished"]


def test_what_is_there_is_not_written_over(in_process: None, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(UserError, match="is there already, and no sweep; choose another --out"):
        evofool.sweep(PLAN, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_does_not_fit_together_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="unknown backend 'rai'; did you mean 'ray'"):
        evofool.sweep(PLAN, out=tmp_path / "s", backend="rai")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="only Ray has one"):
        evofool.sweep(PLAN, out=tmp_path / "s", address="auto")
    with pytest.raises(UserError, match="name the folder"):
        evofool.sweep(PLAN)
    assert not (tmp_path / "s").exists()


def test_a_sweep_is_read_by_its_url(
    finished_sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    by = "direct.mutation_rate"
    there = evofool.compare_by([f"file://{finished_sweep.folder}"], by=[by])
    here = evofool.compare_by([finished_sweep], by=[by])
    assert [group.values for group in there.groups] == [group.values for group in here.groups]
