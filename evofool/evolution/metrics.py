"""The numbers of a run: one line per logged generation, and what tables are made of."""

import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TypedDict, cast

import numpy as np

from archive import NOBODY
from evofool.classifiers import confidence
from evofool.evolution.generation import Log
from evofool.evolution.selection import best_of_class
from evofool.support import (
    DamagedFileError,
    JsonValue,
    UserError,
    as_record,
    check_file,
    flush,
    remove,
    replacing,
    write_error,
)

LIKELY, HIGH, NEAR_CERTAIN = 0.9, 0.99, 0.9999  # the paper's bars
_LATER = ("classes_ge_90", "seconds", "evaluations_per_second")  # early versions lack them
# names and types of members of lines that were checked
_GOOD_KINDS: set[tuple[object, ...]] = set()
MOST_BYTES, MOST_LINE = 2**33, 10_000  # bytes of a file, and of a line


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


class Extent(TypedDict):
    """The beginning of a `metrics.jsonl`, up to a checkpoint.

    Attributes:
        lines: how many there are; the line of a last generation that is not a multiple of
            `log_every` is not among them, as an extended run forgets it.
        sha256: of these lines.
    """

    lines: int
    sha256: str


class MetricsLog:
    """Appends to `metrics.jsonl`; a line is complete or was never there once it is read back.

    Args:
        path: of the file; what it holds already is kept.
        log_every: see `EvolveConfig`.
    """

    def __init__(self, path: Path, log_every: int):
        self._path, self._log_every = path, log_every
        self._stream: FileIO | None = None
        self._lines, self._digest = 0, hashlib.sha256()
        for text, line in _parsed(path):
            self._book(text, line)

    def append(self, lines: Sequence[MetricsLine]) -> None:
        """Adds lines and hands them to the operating system.

        Raises:
            UserError: the disk is full.
        """
        texts = [json.dumps(line).encode() + b"\n" for line in lines]
        try:
            if self._stream is None:
                # without a buffer, that a full disk would make fail once more when it is closed
                self._stream = self._path.open("ab", buffering=0)
            rest = memoryview(b"".join(texts))
            while rest:
                rest = rest[self._stream.write(rest) or 0 :]
        except OSError as error:
            raise write_error(self._path, error) from error
        for text, line in zip(texts, lines, strict=True):
            self._book(text, line)

    @property
    def extent(self) -> Extent:
        """What a checkpoint vouches for: the lines so far."""
        return {"lines": self._lines, "sha256": self._digest.hexdigest()}

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

    def _book(self, text: bytes, line: MetricsLine) -> None:
        if line["generation"] % self._log_every == 0:
            self._lines += 1
            self._digest.update(text)


def lines_of(
    generation: int,
    log: Log,
    class_changes: np.ndarray,
    *,
    seed: int,
    evaluations: int,
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
        evaluations: images classified in each run by then.
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
            "evaluations": evaluations,
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
    """Yields the lines of a `metrics.jsonl`; a half-written last line is left out.

    Raises:
        UserError: the file cannot be read, or a line is damaged.
    """
    return (line for _, line in _parsed(path))


def check(path: Path, extent: Extent) -> None:
    """Makes sure that a `metrics.jsonl` begins as a checkpoint says.

    Raises:
        DamagedFileError: it does not, or is missing.
    """
    digest, reason = hashlib.sha256(), "its lines are not those that were written"
    try:
        check_file(path, most_bytes=MOST_BYTES)
        with path.open("rb") as stream:
            lines = iter(partial(stream.readline, MOST_LINE), b"")
            for text in itertools.islice(lines, min(extent["lines"], sys.maxsize)):
                digest.update(text)
    except (OSError, UserError) as error:
        reason = str(error)
    if digest.hexdigest() != extent["sha256"]:
        raise DamagedFileError(f"{path} is damaged: {reason}")


def cut(path: Path, stays: Callable[[int], bool]) -> None:
    """Removes the lines of all generations but those that `stays` is true of, atomically.

    What follows the first line that is damaged is removed as well: it will be written again.
    """
    if not path.is_file():
        remove(path)
        return
    with replacing(path) as temporary, temporary.open("wb") as stream, suppress(UserError):
        for text, line in _parsed(path):
            if stays(line["generation"]):
                stream.write(text)


def _parsed(path: Path) -> Iterator[tuple[bytes, MetricsLine]]:
    """Yields the lines of a file, as they are and parsed."""
    if not path.exists():
        return
    check_file(path, most_bytes=MOST_BYTES)
    try:
        with path.open("rb") as stream:
            for number, text in enumerate(iter(partial(stream.readline, MOST_LINE), b""), start=1):
                source = f"{path}, line {number}"
                if len(text) == MOST_LINE:
                    raise UserError(f"{source} is damaged: it has more than {MOST_LINE} bytes")
                if not text.endswith(b"\n"):
                    return
                yield text, _line_of(text, source)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _line_of(text: bytes, source: str) -> MetricsLine:
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source} is not JSON: {error}") from error
    # a run has a million lines of very few kinds; looking at each member of each would take long
    kind = (*value, *map(type, value.values())) if isinstance(value, dict) else ()
    if kind not in _GOOD_KINDS:
        as_record(MetricsLine, value, source, may_lack=_LATER)
        _GOOD_KINDS.add(kind)
    return cast(MetricsLine, value)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


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
