"""Where an audit works: a folder that keeps finished parts, and a count of what is done.

A part that was finished is read back instead of done again, so that an audit which was stopped goes
on where it was.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from evofool.evolution import MetricsLine
from evofool.support import read_arrays, read_json, remove, replacing, write_json

Result = TypeVar("Result")
Report = Callable[[str, int, int], None]
"""Is called with what is being done, and the amount of work that is done and of all work."""

PARTS = "parts"  # folder of finished parts, until all are
RUNS = "runs"  # folder of run directories
MOST_BYTES = 4 * 2**30  # of the images of a part


class StoppedError(Exception):
    """The audit has to stop before its end; the message says why."""


def silent(part: str, done: int, total: int) -> None:
    """Is the report of an audit that nobody watches."""
    del part, done, total


class Workshop:
    """The folder and the clock of an audit.

    Attributes:
        folder: of finished parts.
        runs: folder of run directories.
        seconds: that each part took.

    Args:
        folder: of the audit.
        total: work of all parts, in forward passes.
        report: is told how far the audit is.
        max_seconds: wall time after which it stops; None for no limit.
    """

    def __init__(
        self,
        folder: Path,
        *,
        total: int,
        report: Report = silent,
        max_seconds: float | None = None,
    ):
        self.folder, self.runs = folder / PARTS, folder / RUNS
        self.seconds: dict[str, float] = {}
        self._report, self._total, self._done = report, max(1, total), 0
        self._part, self._work = "", 0
        self._began, self._most = time.monotonic(), max_seconds

    def do(self, part: str, work: int, compute: Callable[[], Result]) -> Result:
        """Does a part, unless its result is there already.

        Args:
            part: its name, which is that of its file as well.
            work: how much it is, in forward passes.
            compute: returns its result, JSON values.

        Raises:
            StoppedError: the time is over.
        """
        path = self.folder / f"{part}.json"
        self._part, self._work = part, work
        self.tick(0, 1)
        if path.exists():
            result = cast(Result, read_json(path))
        else:
            began = time.monotonic()
            result = compute()
            self.seconds[part] = round(time.monotonic() - began, 1)
            write_json(path, result)
            result = cast(Result, read_json(path))  # what was read and what was made are one
        self._done += work
        return result

    def tick(self, done: int, total: int) -> None:
        """Notes how far the part is; has the signature of an attack's report.

        Raises:
            StoppedError: the time is over.
        """
        if self._most is not None and time.monotonic() - self._began > self._most:
            raise StoppedError(f"max_seconds = {self._most:g} were over")
        now = self._done + self._work * min(done, total) // max(1, total)
        self._report(self._part, now, self._total)

    def clear(self) -> None:
        """Removes what only an audit that goes on needs; the runs of the subject stay."""
        remove(self.folder)
        for run in self.runs.glob("control-*"):
            remove(run)

    def images(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Makes images, or reads those that were made."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            images = make()
            with replacing(path) as temporary:
                np.savez(temporary, images=images)
        return read_arrays(path, most_bytes=MOST_BYTES)["images"]


class Watching:
    """Tells a workshop how far a run is; a `Reporter` of evolution.

    Args:
        workshop: is told.
    """

    def __init__(self, workshop: Workshop):
        self._workshop = workshop

    def message(self, text: str) -> None:
        """Ignores what is worth a line in a run of its own."""

    def progress(self, generation: int, last: int, lines: Sequence[MetricsLine]) -> None:
        """Counts generations."""
        self._workshop.tick(generation, last)
