"""The folder of a sweep: which points it has, and how far each is.

    sweep.json       the points and their settings
    points/NAME/     run directories
    failures/NAME.json   why a point failed, until it is finished
    logs/            what workers print

How far a point is, its run directory says: nothing else is kept, so that nothing can disagree.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypedDict

from evofool.runs import Run
from evofool.support import (
    Setting,
    UserError,
    as_record,
    check_schema,
    local_copy,
    locked,
    make_folder,
    read_json,
    remove,
    write_json,
)
from evofool.sweeps.plan import Point, identity
from evofool.sweeps.work import Outcome, median_of

SWEEP, POINTS, FAILURES, LOGS = "sweep.json", "points", "failures", "logs"
SCHEMA = 1


class _PointRecord(TypedDict):
    name: str
    settings: dict[str, Setting]  # JSON values


class _SweepRecord(TypedDict):
    schema: int
    evofool: str
    points: list[_PointRecord]


class _FailureRecord(TypedDict):
    attempts: int
    error: str
    details: str


@dataclass(frozen=True, kw_only=True)
class PointFacts:
    """How far a point is.

    Attributes:
        name: of the point.
        settings: that differ between points, by dotted names.
        folder: its run directory.
        state: waiting for its turn, stopped early, failed, or finished.
        attempts: how often it has failed since it was last finished.
        error: why it failed last; None if it did not.
    """

    name: str
    settings: dict[str, Setting]
    folder: str
    state: Literal["waiting", "stopped early", "failed", "finished"]
    attempts: int = 0
    error: str | None = None


class Sweep:
    """A sweep, opened; what it says is as of the moment it is asked.

    Args:
        folder: as `evofool.sweep` made it; or its URL in an object store.

    Raises:
        UserError: it is no sweep.
    """

    def __init__(self, folder: str | Path):
        self.folder = local_copy(folder)
        if not is_sweep(self.folder):
            raise UserError(f"{self.folder} is no sweep: it has no {SWEEP}")
        path = self.folder / SWEEP
        record = as_record(_SweepRecord, read_json(path), path)
        check_schema(record["schema"], [SCHEMA], path)
        self._records = record["points"]

    def __len__(self) -> int:
        """Returns the number of points."""
        return len(self._records)

    def __repr__(self) -> str:
        return f"Sweep({str(self.folder)!r}, {len(self)} points)"

    @property
    def points(self) -> list[PointFacts]:
        """How far every point is, in the order of the plan."""
        there = self._there()
        return [self._facts(record, there) for record in self._records]

    @property
    def runs(self) -> list[Run]:
        """The runs of the finished points, in the order of the plan."""
        return [Run(point.folder) for point in self.points if point.state == "finished"]

    def record(self, outcome: Outcome) -> Outcome:
        """Keeps why a point failed, or forgets it when it is finished.

        Returns:
            The outcome: a point is finished, too, if its process died just after the run was.
        """
        path, folder = self._failure_of(outcome.name), self.folder_of(outcome.name)
        if outcome.state == "failed" and _is_finished(folder):
            outcome = Outcome(outcome.name, "finished", median=median_of(Run(folder)))
        if outcome.state == "finished":
            remove(path)
        elif outcome.state == "failed":
            before = _read_failure(path)
            attempts = (before["attempts"] if before else 0) + 1
            failure = _FailureRecord(
                attempts=attempts, error=outcome.error, details=outcome.details
            )
            write_json(path, failure)
        return outcome

    def folder_of(self, name: str) -> Path:
        """Returns the run directory of a point, also of one that had another name before."""
        return self._there().get(identity(name), self.folder / POINTS / name)

    def _failure_of(self, name: str) -> Path:
        """Returns where it says why a point failed, also under another name that it had before."""
        folder = self.folder / FAILURES
        return next(folder.glob(f"*{identity(name)}.json"), folder / f"{name}.json")

    def _there(self) -> dict[str, Path]:
        """Returns the run directories by what identifies a point, whatever the sweep is by now."""
        folder = self.folder / POINTS
        paths = sorted(folder.iterdir()) if folder.exists() else []
        return {identity(path.name): path for path in paths}

    def _facts(self, record: _PointRecord, there: dict[str, Path]) -> PointFacts:
        name = record["name"]
        folder = there.get(identity(name), self.folder / POINTS / name)
        failure = _read_failure(self._failure_of(name))
        known = {"name": name, "settings": record["settings"], "folder": str(folder)}
        if _is_finished(folder):
            return PointFacts(**known, state="finished")
        if failure:
            attempts, error = failure["attempts"], failure["error"]
            return PointFacts(**known, state="failed", attempts=attempts, error=error)
        is_begun = (folder / "config.json").exists()
        return PointFacts(**known, state="stopped early" if is_begun else "waiting")


def is_sweep(folder: str | Path) -> bool:
    """Says whether a folder, or what is at a URL, is a sweep's."""
    return (local_copy(folder) / SWEEP).is_file()


@contextlib.contextmanager
def held_sweep(folder: Path, points: Sequence[Point]) -> Iterator[Sweep]:
    """Makes a sweep, or goes on with one, and holds the right to.

    Args:
        folder: new, empty, or a sweep's; runs of points that it has no more stay.
        points: of the sweep from now on.

    Raises:
        UserError: the folder holds something else, another process writes it, or it cannot be
            written.
    """
    _refuse_other_contents(folder)
    make_folder(folder)
    with locked(folder):
        _refuse_other_contents(folder)
        records = [_PointRecord(name=point.name, settings=point.settings) for point in points]
        record = _SweepRecord(schema=SCHEMA, evofool=version("evofool"), points=records)
        write_json(folder / SWEEP, record)
        yield Sweep(folder)


def _read_failure(path: Path) -> _FailureRecord | None:
    """Returns why a point failed; None if it did not, or nobody can tell."""
    if not path.exists():
        return None
    return as_record(_FailureRecord, read_json(path), path)


def _is_finished(folder: Path) -> bool:
    """Says whether a run ended, and not because it was interrupted."""
    if not (folder / "summary.json").exists():
        return False
    with contextlib.suppress(UserError):  # damaged: it is made again
        run = Run(folder)
        return run.summary is not None and not run.was_interrupted
    return False


def _refuse_other_contents(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a folder, or a new name")
    is_new = not folder.exists() or not any(
        not path.name.startswith(".") for path in folder.iterdir()
    )
    if not is_new and not is_sweep(folder):
        raise UserError(f"{folder} is there already, and no sweep; choose another --out")
