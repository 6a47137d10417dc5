"""Carrying a run out: calls of the compiled loop, and what happens between them.

The compiled loop knows nothing of files or clocks. Between its calls this module writes metrics,
lineage and checkpoints, and listens for Ctrl-C. None of that changes a result. When memory runs out
it goes on with smaller micro-batches, from a generation that it records.
"""

import dataclasses
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np

from evofool.classifiers import Classifier
from evofool.config import EvolveConfig
from evofool.evolution import checkpoint, lineage, metrics
from evofool.evolution.checkpoint import CheckpointWriter, load_newest
from evofool.evolution.driver import MAX_CHUNK, Driver
from evofool.evolution.encodings import Encoding
from evofool.evolution.generation import Log, RunState
from evofool.evolution.selection import best_of_class
from evofool.support import UserError, multihost, read_json, write_json

# why a run stopped before its end
INTERRUPTED, MAX_SECONDS = "interrupted", "max_seconds"
CALL_SECONDS = 0.5  # aim for calls of this length: progress and Ctrl-C feel immediate


@runtime_checkable
class Reporter(Protocol):
    """Is told how a run goes; every method may do nothing."""

    def message(self, text: str) -> None:
        """Takes something worth a line: compiling, growing, a damaged checkpoint."""

    def progress(self, generation: int, last: int, lines: list[dict[str, Any]]) -> None:
        """Is called after every device call; `lines` are the newest metrics, one per run."""


class Quiet:
    """A reporter that says nothing."""

    def message(self, text: str) -> None:
        """Ignores it."""

    def progress(self, generation: int, last: int, lines: list[dict[str, Any]]) -> None:
        """Ignores it."""


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        state: the last state, on the devices.
        reason: "generations", "target_confidence", "max_seconds" or "interrupted".
        evaluations: made by this process, all runs together.
        evolve_seconds: spent in compiled calls, compilation left out.
        compile_seconds: tracing and compiling.
        seconds: wall time of all processes that worked on the run, one after the other.
    """

    state: RunState
    reason: str
    evaluations: int
    evolve_seconds: float
    compile_seconds: float
    seconds: float


class Runner:
    """One process's work on one run directory.

    Args:
        folder: the run directory; it exists and holds `config.json`, whose `micro_batches` lists
            from which generation on which micro-batch was used.
        config: resolved (with a micro-batch).
        classifier: the one the configuration names.
        reporter: is told how it goes.
    """

    def __init__(
        self, folder: Path, config: EvolveConfig, classifier: Classifier, reporter: Reporter
    ):
        self.folder = folder
        self.config = config
        self.classifier = classifier
        self.reporter = reporter if multihost.is_first() else Quiet()
        if not (classifier.is_jax or multihost.is_alone()):
            raise UserError(
                f"{classifier.card.name} computes outside JAX, and that is not shared between "
                "processes; run it without --distributed"
            )
        self._driver = Driver(config, classifier, self.reporter.message)
        self._target = np.float32(np.inf)
        if config.target_confidence is not None:
            self._target = np.float32(
                np.log(config.target_confidence) - np.log1p(-config.target_confidence)
            )
        self._started = time.perf_counter()
        self._past_seconds = 0.0
        self._evolve_seconds = 0.0
        self._evaluations = 0
        self._newest: list[dict[str, Any]] = []

    @property
    def encoding(self) -> Encoding:
        """The encoding of the state, with the room that its genomes have by now."""
        return self._driver.encoding

    def run(self) -> Outcome:
        """Evolves from the newest checkpoint, or from generation 0, to the end.

        Raises:
            UserError: the disk is full, a checkpoint does not fit the configuration, memory does
                not suffice, or another process of the job stopped.
        """
        while True:
            try:
                return self._evolve()
            except (jax.errors.JaxRuntimeError, ValueError) as error:
                if not is_out_of_memory(error):
                    if multihost.is_lost_process(error):
                        raise UserError(lost_process(self.folder)) from error
                    raise
                reason = str(error).split("\n")[0]
            # no longer in the handler, whose error keeps the arrays of the failed call alive
            self._halve_micro_batch(reason)

    def _evolve(self) -> Outcome:
        state = self._restore()
        recorder = lineage.Recorder(
            np.asarray(state.archive.items.born), slots=self._driver.selection.slots
        )
        saved = int(state.next_generation)
        length = 1
        with ExitStack() as stack:
            metrics_log = metrics.MetricsLog(self.folder / "metrics.jsonl")
            stack.callback(metrics_log.close)
            writer = CheckpointWriter(
                self.folder / "checkpoints", keep=self.config.keep_checkpoints
            )
            stack.callback(writer.close)
            interrupted = stack.enter_context(_listening_for_interrupts())
            while True:
                reason, length = self._decide(state, interrupted, length)
                if reason is not None:
                    break
                start = int(state.next_generation)
                try:
                    state, logs, had_room, seconds = self._driver.call(
                        state, self._stop_before(start, length), self._target
                    )
                except jax.errors.JaxRuntimeError as error:
                    if is_out_of_memory(error) and start > saved and _is_alive(state):
                        self._checkpoint(state, recorder, writer)
                    raise
                if multihost.is_first():
                    metrics_log.append(self._lines(start, logs, recorder, seconds))
                reached = int(state.next_generation)
                self.reporter.progress(reached - 1, self.config.last_generation, self._newest)
                length = _next_length(length, seconds)
                if not had_room:
                    state = self._driver.with_more_room(state)
                if reached > max(saved, 1) and (reached - 1) % self.config.checkpoint_every == 0:
                    saved = self._checkpoint(state, recorder, writer)
            if int(state.next_generation) > saved:
                self._checkpoint(state, recorder, writer)
        return Outcome(
            state=state,
            reason=reason,
            evaluations=self._evaluations,
            evolve_seconds=self._evolve_seconds,
            compile_seconds=self._driver.compile_seconds,
            seconds=self._seconds(),
        )

    def _restore(self) -> RunState:
        """Reads the newest checkpoint and cuts metrics and lineage to it."""
        table: dict[str, np.ndarray] | None = None

        def newest_generation() -> int:
            nonlocal table
            newest = load_newest(self.folder / "checkpoints", self.reporter.message)
            generation, table = newest or (-1, None)
            self._cut(generation)
            return generation

        generation = multihost.from_first(newest_generation)
        if generation >= 0 and table is None:  # in the other processes of a job
            table = checkpoint.load(self.folder / "checkpoints", generation)
        return self._driver.start(table)

    def _cut(self, generation: int) -> None:
        """Makes the run directory what it was when `generation` was done; -1: before the first."""
        checkpoint.cut(self.folder / "checkpoints", generation)
        metrics.cut(self.folder / "metrics.jsonl", lambda g: g <= generation and self._is_logged(g))
        lineage.cut(self.folder / "lineage", generation)
        for line in metrics.read(self.folder / "metrics.jsonl"):
            self._past_seconds = line["seconds"]
        manifest = read_json(self.folder / "config.json")
        sizes = [entry for entry in manifest.get("micro_batches", []) if entry[0] <= generation]
        if not sizes or sizes[-1][1] != self.config.micro_batch:
            sizes.append([generation + 1, self.config.micro_batch])
        if sizes != manifest.get("micro_batches"):
            write_json(self.folder / "config.json", manifest | {"micro_batches": sizes})

    def _halve_micro_batch(self, reason: str) -> None:
        """Prepares to go on from the newest checkpoint with micro-batches of half the size.

        Raises:
            UserError: they cannot be smaller, or other processes would have to do the same.
        """
        size = self.config.micro_batch
        assert size is not None
        if size == 1:
            raise UserError(
                f"out of memory even at micro_batch 1 ({reason}); use a smaller classifier or "
                "image size, fewer runs, or a device with more memory"
            )
        self.config = dataclasses.replace(self.config, micro_batch=size // 2)
        manifest = read_json(self.folder / "config.json")
        config = manifest["config"] | {"micro_batch": size // 2}
        write_json(self.folder / "config.json", manifest | {"config": config})
        if not multihost.is_alone():  # the others are in the middle of the same call
            raise UserError(
                f"out of memory with micro-batches of {size}; "
                f"'{resume_command(self.folder)}' goes on with {size // 2}"
            )
        self.reporter.message(
            f"out of memory with micro-batches of {size}: going on with {size // 2}"
        )
        self._driver.build(self._driver.encoding, size // 2)

    def _lines(
        self, start: int, logs: list[Log], recorder: lineage.Recorder, seconds: float
    ) -> list[dict[str, Any]]:
        """Books the generations of one call; returns the lines to log."""
        config = self.config
        evaluations = len(logs) * config.batch_size * config.runs
        self._evaluations += evaluations
        self._evolve_seconds += seconds
        timings = {
            "evaluations_per_second": round(evaluations / seconds, 1),
            "seconds": round(self._seconds(), 3),
        }
        lines = []
        for generation, log in enumerate(logs, start):
            changes = recorder.add(generation, log)
            if self._is_logged(generation) or log is logs[-1]:
                self._newest = [
                    line | timings
                    for line in metrics.lines_of(
                        generation,
                        log,
                        changes,
                        seed=config.seed,
                        batch=config.batch_size,
                        slots=self._driver.selection.slots,
                    )
                ]
                if self._is_logged(generation):
                    lines += self._newest
        return lines

    def _is_logged(self, generation: int) -> bool:
        """Says which generations get lines; a run that is extended forgets its former last."""
        is_last = generation == self.config.last_generation
        return is_last or generation % self.config.log_every == 0

    def _checkpoint(
        self, state: RunState, recorder: lineage.Recorder, writer: CheckpointWriter
    ) -> int:
        if multihost.is_first():
            recorder.write(self.folder / "lineage", int(state.next_generation) - 1)
        writer.save(state)
        return int(state.next_generation)

    def _decide(
        self, state: RunState, interrupted: list[int], length: int
    ) -> tuple[str | None, int]:
        """Returns why to stop, or None and how many generations to run; the same for a whole job.

        A signal to any process stops all; the first one's clock and speed count.
        """
        allowed = self.config.max_seconds
        is_late = allowed is not None and time.perf_counter() - self._started >= allowed
        votes = multihost.gather([bool(interrupted), is_late, length])
        next_generation = int(state.next_generation)
        reason = None
        if next_generation > self.config.last_generation:
            reason = "generations"
        elif next_generation > 0 and self._least(state) >= self._target:
            reason = "target_confidence"
        elif votes[0, 1]:
            reason = MAX_SECONDS
        elif votes[:, 0].any():
            reason = INTERRUPTED
        return reason, int(votes[0, 2])

    def _least(self, state: RunState) -> float:
        """Returns the fitness of the least class of all runs."""
        fitness = np.asarray(state.archive.fitness)
        return float(best_of_class(fitness, self._driver.selection.slots).min())

    def _stop_before(self, start: int, length: int) -> int:
        """Returns the generation before which a call ends: checkpoints are never run past."""
        every = self.config.checkpoint_every
        due = -(-max(start, 1) // every) * every
        return min(start + length, due + 1, self.config.last_generation + 1)

    def _seconds(self) -> float:
        return self._past_seconds + time.perf_counter() - self._started


def is_out_of_memory(error: Exception) -> bool:
    """Says whether a call or a compilation failed for lack of memory on a device."""
    is_jax = isinstance(error, jax.errors.JaxRuntimeError)
    return is_jax and ("RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error))


def resume_command(folder: Path) -> str:
    """Returns what to type to go on with a run."""
    return f"evofool resume {shlex.quote(str(folder))}"


def lost_process(folder: Path) -> str:
    """Returns what to say when another process of the job is gone."""
    return f"another process of this job stopped; go on with '{resume_command(folder)}'"


def _is_alive(state: RunState) -> bool:
    """Says whether a call that failed left the state it was to take over."""
    return not any(leaf.is_deleted() for leaf in jax.tree.leaves(state))


def _next_length(length: int, seconds: float) -> int:
    """Chooses how many generations the next call should run."""
    if seconds < CALL_SECONDS / 2:
        return min(2 * length, MAX_CHUNK)
    return max(1, int(length * CALL_SECONDS / seconds)) if seconds > 2 * CALL_SECONDS else length


@contextmanager
def _listening_for_interrupts() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM into a list; a second SIGINT interrupts at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number: int, frame: Any) -> None:
        del frame
        received.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
