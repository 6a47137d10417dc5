"""The numbers of a run: one line per logged generation, and what tables are made of."""

import json
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import TypedDict

import numpy as np

from archive import NOBODY
from evofool.classifiers import confidence
from evofool.evolution.generation import Log
from evofool.evolution.selection import best_of_class
from evofool.support import UserError, flush, replacing, write_error

LIKELY, HIGH, NEAR_CERTAIN = 0.9, 0.99, 0.9999  # the paper's bars


class Confidences(TypedDict):
    """The elites of one run in numbers.

    Confidences are in [0, 1], over the classes; the median of an even count is the mean of the two
    in the middle. `classes_ge_90`, `_99` and `_9999` count the classes at or above .9, .99, .9999.
    """

    min_confidence: float
    median_confidence: float
    mean_confidence: float
    max_confidence: float
    classes_ge_90: int
    classes_ge_99: int
    classes_ge_9999: int


class MetricsLine(Confidences):
    """A line of `metrics.jsonl`: one generation of one run.

    Attributes:
        run: index of the run.
        seed: of that run.
        generation: its number.
        evaluations: images classified in the run by then.
        replacements: cells that changed hands.
        class_changes: of these, cells taken by a child whose parent was of another class.
        num_invalid: fitness values that would have competed but were not finite.
        evaluations_per_second: of the call that the generation was part of, all runs together.
        seconds: wall time since the run began, of all processes that worked on it.
    """

    run: int
    seed: int
    generation: int
    evaluations: int
    replacements: int
    class_changes: int
    num_invalid: int
    evaluations_per_second: float
    seconds: float


def summarize(fitness: np.ndarray) -> Confidences:
    """Describes the elites of one run.

    Args:
        fitness: log-odds `[classes]`.
    """
    values = confidence(fitness)
    return {
        "min_confidence": float(values.min()),
        "median_confidence": float(np.median(values)),
        "mean_confidence": float(values.mean()),
        "max_confidence": float(values.max()),
        "classes_ge_90": int(np.sum(values >= LIKELY)),
        "classes_ge_99": int(np.sum(values >= HIGH)),
        "classes_ge_9999": int(np.sum(values >= NEAR_CERTAIN)),
    }


class MetricsLog:
    """Appends to `metrics.jsonl`; a line is complete or was never there once it is read back."""

    def __init__(self, path: Path):
        self._path = path
        self._stream: FileIO | None = None

    def append(self, lines: Sequence[MetricsLine]) -> None:
        """Adds lines and hands them to the operating system.

        Raises:
            UserError: the disk is full.
        """
        try:
            if self._stream is None:
                # without a buffer, that a full disk would make fail once more when it is closed
                self._stream = self._path.open("ab", buffering=0)
            rest = memoryview("".join(json.dumps(line) + "\n" for line in lines).encode())
            while rest:
                rest = rest[self._stream.write(rest) or 0 :]
        except OSError as error:
            raise write_error(self._path, error) from error

    def flush(self) -> None:
        """Waits until the lines are on the disk.

        Raises:
            UserError: the disk failed.
        """
        if self._stream is not None:
            try:
                flush(self._path)
            except OSError as error:
                raise write_error(self._path, error) from error

    def close(self) -> None:
        """Closes the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def lines_of(
    generation: int,
    log: Log,
    class_changes: np.ndarray,
    *,
    seed: int,
    batch: int,
    slots: int = 1,
    evaluations_per_second: float = 0.0,
    seconds: float = 0.0,
) -> list[MetricsLine]:
    """Returns the lines of one generation, one per run.

    Args:
        generation: its number.
        log: what happened in it.
        class_changes: of every run.
        seed: of the first run.
        batch: children per generation and run.
        slots: cells of each class, of which the best counts.
        evaluations_per_second: of the call that it was part of.
        seconds: wall time of the run by then.
    """
    replaced = np.sum(np.asarray(log.winner) != NOBODY, axis=1)
    return [
        {
            "run": run,
            "seed": seed + run,
            "generation": generation,
            "evaluations": (generation + 1) * batch,
            **summarize(fitness),
            "replacements": int(replaced[run]),
            "class_changes": int(class_changes[run]),
            "num_invalid": int(np.asarray(log.num_invalid)[run]),
            "evaluations_per_second": evaluations_per_second,
            "seconds": seconds,
        }
        for run, fitness in enumerate(best_of_class(np.asarray(log.fitness), slots))
    ]


def read(path: Path) -> Iterator[MetricsLine]:
    """Yields the lines of a `metrics.jsonl`; a half-written last line is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith("\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}, line {number} is not JSON: {error}") from error


def cut(path: Path, stays: Callable[[int], bool]) -> None:
    """Removes the lines of all generations but those that `stays` is true of, atomically."""
    if not path.exists():
        return
    lines = [line for line in read(path) if stays(line["generation"])]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)


def generation_reaching(lines: Sequence[MetricsLine], bar: float, run: int) -> int | None:
    """Returns the first logged generation whose median confidence is at least `bar`.

    Args:
        lines: of metrics.jsonl, in order.
        bar: a confidence in [0, 1].
        run: index of the run, from 0.
    """
    for line in lines:
        if line["run"] == run and line["median_confidence"] >= bar:
            return line["generation"]
    return None
