"""Carrying a run out: calls of the compiled loop, and what happens between them.

The compiled loop knows nothing of files or clocks. Between its calls this module writes metrics,
lineage and checkpoints, listens for Ctrl-C, and makes room for genomes that grow. None of that
changes a result.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from evofool import checkpoint, lineage, metrics
from evofool.checkpoint import (
    CheckpointWriter,
    holds_smaller_arrays,
    load_newest,
    unflatten,
)
from evofool.classifiers import Classifier
from evofool.config import EvolveConfig
from evofool.encodings import Encoding, make_encoding, traced_rates
from evofool.evaluator import evaluate
from evofool.evolution import Log, RunState, make_engine
from evofool.labels import resolve_classes

MAX_CHUNK = 32  # generations in one device call at most
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
        seconds: wall time of all processes that worked on the run.
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
        folder: the run directory; it exists and holds `config.json`.
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
        self.reporter = reporter
        self._cells = resolve_classes(classifier.card, config.classes)
        self._set_encoding(make_encoding(config, classifier.card.input_shape))
        self._target = np.float32(np.inf)
        if config.target_confidence is not None:
            self._target = np.float32(
                np.log(config.target_confidence) - np.log1p(-config.target_confidence)
            )
        self._started = time.perf_counter()
        self._past_seconds = 0.0
        self._compile_seconds = self._evolve_seconds = 0.0
        self._evaluations = 0
        self._newest: list[dict[str, Any]] = []

    def run(self) -> Outcome:
        """Evolves from the newest checkpoint, or from generation 0, to the end.

        Raises:
            UserError: the disk is full, or a checkpoint does not fit the configuration.
        """
        state = self._restore()
        recorder = lineage.Recorder(np.asarray(state.archive.items.born))
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
            while (reason := self._reason_to_stop(state, interrupted)) is None:
                start = int(state.next_generation)
                state, logs, had_room, seconds = self._call(state, self._stop_before(start, length))
                metrics_log.append(self._lines(start, logs, recorder, seconds))
                reached = int(state.next_generation)
                self.reporter.progress(reached - 1, self.config.last_generation, self._newest)
                length = _next_length(length, seconds)
                if not had_room:
                    state = self._with_more_room(state)
                if reached > max(saved, 1) and (reached - 1) % self.config.checkpoint_every == 0:
                    saved = self._checkpoint(state, recorder, writer)
            if int(state.next_generation) > saved:
                self._checkpoint(state, recorder, writer)
        return Outcome(
            state=state,
            reason=reason,
            evaluations=self._evaluations,
            evolve_seconds=self._evolve_seconds,
            compile_seconds=self._compile_seconds,
            seconds=self._seconds(),
        )

    def _restore(self) -> RunState:
        """Reads the newest checkpoint and cuts metrics and lineage to it."""
        newest = load_newest(self.folder / "checkpoints", self.reporter.message)
        seeds = jnp.arange(self.config.runs, dtype=jnp.uint32) + np.uint32(self.config.seed)
        state = self._engine.init(seeds)
        generation = -1
        if newest is not None:
            generation, table = newest
            while holds_smaller_arrays(state, table):
                self._set_encoding(self.encoding.grown())
                state = self._engine.init(seeds)
            state = self._engine.place(unflatten(table, state))
            checkpoint.cut(self.folder / "checkpoints", generation)
        metrics.cut(self.folder / "metrics.jsonl", lambda g: g <= generation and self._is_logged(g))
        lineage.cut(self.folder / "lineage", generation)
        for line in metrics.read(self.folder / "metrics.jsonl"):
            self._past_seconds = line["seconds"]
        return state

    def _set_encoding(self, encoding: Encoding) -> None:
        """Builds the compiled loop anew, for genomes of another size."""
        assert self.config.micro_batch is not None
        self.encoding = encoding
        self._rates = traced_rates(encoding)
        self._engine = make_engine(
            encoding,
            self.classifier,
            cells=self._cells,
            runs=self.config.runs,
            batch=self.config.batch_size,
            micro_batch=self.config.micro_batch,
            chunk=MAX_CHUNK,
        )
        self._advance: Any = None

    def _with_more_room(self, state: RunState) -> RunState:
        """Doubles the room of every genome; the generation that lacked it was not counted."""
        elites = jax.device_get(state.archive)
        genomes = self.encoding.grow(elites.items.genome)
        self._set_encoding(self.encoding.grown())
        self.reporter.message(
            f"genomes outgrew their room at generation {int(state.next_generation)}: doubled it"
        )
        elites = elites._replace(items=elites.items._replace(genome=genomes))
        return self._engine.place(state._replace(archive=elites))

    def _call(self, state: RunState, stop: int) -> tuple[RunState, list[Log], bool, float]:
        """Runs generations up to `stop`; returns their logs and the seconds they took."""
        if not self.classifier.is_jax:
            return self._call_host(state)
        arguments = (self.classifier.params, self._rates, state, np.int32(stop), self._target)
        if self._advance is None:
            start = time.perf_counter()
            self.reporter.message("compiling")
            self._advance = self._engine.advance.lower(*arguments).compile()
            self._compile_seconds += time.perf_counter() - start
        start = time.perf_counter()
        state, logs, count, had_room = self._advance(*arguments)
        logs = jax.device_get(logs)  # waits for the call
        seconds = time.perf_counter() - start
        each = [Log(*(leaf[i] for leaf in logs)) for i in range(int(count))]
        return state, each, bool(had_room), seconds

    def _call_host(self, state: RunState) -> tuple[RunState, list[Log], bool, float]:
        """Runs one generation of a classifier that lives outside JAX."""
        start = time.perf_counter()
        offspring, images = self._engine.ask(self._rates, state)
        runs, batch, *shape = images.shape
        assert self.config.micro_batch is not None
        outputs = evaluate(
            self.classifier, np.asarray(images).reshape(-1, *shape), self.config.micro_batch
        )
        outputs = jnp.asarray(outputs.reshape(runs, batch, -1))
        state, log = self._engine.tell(state, offspring, outputs)
        had_room = bool(jnp.all(offspring.had_room))
        seconds = time.perf_counter() - start
        return state, [jax.device_get(log)] if had_room else [], had_room, seconds

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
                        generation, log, changes, seed=config.seed, batch=config.batch_size
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
        recorder.write(self.folder / "lineage", int(state.next_generation) - 1)
        writer.save(state)
        return int(state.next_generation)

    def _reason_to_stop(self, state: RunState, interrupted: list[int]) -> str | None:
        next_generation = int(state.next_generation)
        if next_generation > self.config.last_generation:
            return "generations"
        if next_generation > 0 and np.asarray(state.archive.fitness).min() >= self._target:
            return "target_confidence"
        if self.config.max_seconds is not None and self._seconds() >= self.config.max_seconds:
            return "max_seconds"
        return "interrupted" if interrupted else None

    def _stop_before(self, start: int, length: int) -> int:
        """Returns the generation before which a call ends: checkpoints are never run past."""
        every = self.config.checkpoint_every
        due = -(-max(start, 1) // every) * every
        return min(start + length, due + 1, self.config.last_generation + 1)

    def _seconds(self) -> float:
        return self._past_seconds + time.perf_counter() - self._started


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
