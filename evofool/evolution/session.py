"""One process's work on a run: calls of the compiled loop, and the decisions between them.

The compiled loop knows nothing of files or clocks. Between its calls the session decides whether
and how far to go on, lets the journal write, and listens for Ctrl-C. None of that changes a result.
When memory runs out it goes on with smaller micro-batches, from a generation that it records.
"""

import signal
import time
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np

from evofool.classifiers import ClassifierError
from evofool.evolution import starters
from evofool.evolution.advice import resume_command
from evofool.evolution.calls import Call, Caller
from evofool.evolution.checkpoint import Checkpoint
from evofool.evolution.generation import RunState
from evofool.evolution.interrupts import listening_for_interrupts
from evofool.evolution.journal import Journal, Timing, cut_to, leave_word, restore
from evofool.evolution.loop import MAX_CHUNK
from evofool.evolution.manifest import MicroBatches
from evofool.evolution.metrics import MetricsLine
from evofool.evolution.plan import Plan
from evofool.evolution.reporting import Quiet, Reporter, Watcher, Wish
from evofool.evolution.rescoring import with_fitness_of
from evofool.evolution.selection import best_of_class
from evofool.support import UserError, multihost

Reason = Literal["generations", "target_confidence", "max_seconds", "interrupted"]
INTERRUPTED: Reason = "interrupted"
MAX_SECONDS: Reason = "max_seconds"
TARGET_REACHED: Reason = "target_confidence"

PAUSE_SECONDS = 0.05  # between two questions whether a pause is over
CALL_SECONDS = 0.5  # aim for calls of this length: progress and Ctrl-C feel immediate


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        state: the last state, on the devices.
        reason: why it ended.
        micro_batches: which were used from which generation on.
        evaluations: made by this process, all runs together.
        evolve_seconds: spent in compiled calls, compilation left out.
        compile_seconds: tracing and compiling.
        seconds: wall time of all processes that worked on the run, one after the other.
    """

    state: RunState
    reason: Reason
    micro_batches: MicroBatches
    evaluations: int
    evolve_seconds: float
    compile_seconds: float
    seconds: float


class Session:
    """One process's work on one run directory.

    Args:
        folder: the run directory; it exists and holds `config.json`.
        plan: of the run.
        reporter: is told how it goes.
    """

    def __init__(self, folder: Path, plan: Plan, reporter: Reporter):
        self.folder = folder
        self.plan = plan
        self.config = plan.config
        self.reporter = reporter if multihost.is_first() else Quiet()
        if not (plan.classifier.is_jax or multihost.is_alone()):
            raise UserError(
                f"{plan.classifier.card.name} computes outside JAX, and that is not shared between "
                "processes; run it without --distributed"
            )
        given = starters.load(folder, plan.encoding)
        self._caller = Caller(plan, self.reporter.message, starters=given)
        self._target = np.float32(np.inf)
        if (target := self.config.target_confidence) is not None:
            self._target = np.float32(np.log(target) - np.log1p(-target))
        self._started = time.perf_counter()
        self._past_seconds = 0.0
        self._evolve_seconds = 0.0
        self._evaluations = 0
        self._micro_batches: MicroBatches = []

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
        journal = Journal(
            self.folder,
            self.plan,
            state=state,
            micro_batches=self._micro_batches,
        )
        length = 1
        with journal, listening_for_interrupts() as interrupted:
            while True:
                reason, length = self._decide(state, interrupted, length)
                if reason is not None:
                    break
                start = int(state.next_generation)
                call = self._call(state, start, length, journal)
                state = call.state
                journal.add(start, call.logs, self._book(start, call))
                if call.logs:
                    self._report(int(state.next_generation) - 1, journal.newest)
                self._let_watch(state, interrupted)
                length = _next_length(length, call.seconds)
                if not call.had_room:
                    state = self._caller.with_more_room(state)
                journal.checkpoint_if_due(state)
            journal.checkpoint(state)
        return Outcome(
            state=state,
            reason=reason,
            micro_batches=self._micro_batches,
            evaluations=self._evaluations,
            evolve_seconds=self._evolve_seconds,
            compile_seconds=self._caller.compile_seconds,
            seconds=self._seconds(),
        )

    def _report(self, generation: int, newest: list[MetricsLine]) -> None:
        """Tells how far the phase is: evolution, then polishing, whose generations are longer."""
        last = self.config.last_generation
        if generation > last:
            last = self.plan.last_generation
        self.reporter.progress(generation, last, newest)
        if generation == last < self.plan.last_generation:
            self.reporter.message(f"polishing, to generation {self.plan.last_generation}")

    def _let_watch(self, state: RunState, interrupted: list[int]) -> None:
        """Shows the state to whoever watches, and waits for as long as that one wishes."""
        if not isinstance(self.reporter, Watcher):
            return
        self.reporter.look(self.plan, state)
        while (wish := self.reporter.wish()) == Wish.PAUSE and not interrupted:
            time.sleep(PAUSE_SECONDS)
        if wish == Wish.STOP:
            interrupted.append(signal.SIGINT)

    def _restore(self) -> RunState:
        """Returns the state of the newest checkpoint; chooses the micro-batch to go on with.

        It is the smallest of those that the configuration names, the run has used last, and the
        memory was found to hold: a run goes on with what it got through with.

        Raises:
            UserError: it is of a generation that the run does not have.
        """
        table, used, most, self._past_seconds = restore(self.folder, self.config, self.reporter)
        known = [self._caller.micro_batch, *(size for _, size in used[-1:])]
        size = min(known if most is None else [*known, most])
        self._caller.use_micro_batch(size)
        state = self._caller.start(table)
        if (newest := int(state.next_generation) - 1) > self.plan.last_generation:
            raise UserError(
                f"{self.folder} has a checkpoint of generation {newest}, but by config.json "
                f"generation {self.plan.last_generation} is the last: one of them was edited or is "
                "damaged"
            )
        if not used or used[-1][1] != size:
            used = [*used, (newest + 1, size)]
        self._micro_batches = used
        return state

    def _call(self, state: RunState, start: int, length: int, journal: Journal) -> Call:
        try:
            return self._caller.call(state, self._stop_before(start, length), self._target)
        except jax.errors.JaxRuntimeError as error:
            if is_out_of_memory(error) and _is_alive(state):
                journal.checkpoint(state)  # so that nothing is lost when it goes on with less
            raise
        except ClassifierError as error:
            if _is_alive(state):
                journal.checkpoint(state)  # answers may have been paid for
            command = resume_command(self.folder, classifier=self.plan.config.classifier)
            raise type(error)(f"{error}; go on with '{command}'") from error

    def _halve_micro_batch(self, reason: str) -> None:
        """Prepares to go on from the newest checkpoint with micro-batches of half the size.

        Raises:
            UserError: they cannot be smaller, or other processes would have to do the same.
        """
        size = self._caller.micro_batch
        if size == 1:
            raise UserError(
                f"out of memory even at micro_batch 1 ({reason}); use a smaller classifier or "
                "image size, fewer runs, or a device with more memory"
            )
        if not multihost.is_alone():  # the others are in the middle of the same call
            leave_word(self.folder, size // 2)
            raise UserError(
                f"out of memory with micro-batches of {size}; "
                f"'{resume_command(self.folder)}' goes on with {size // 2}"
            )
        self.reporter.message(
            f"out of memory with micro-batches of {size}: going on with {size // 2}"
        )
        self._caller.use_micro_batch(size // 2)

    def _book(self, start: int, call: Call) -> Timing:
        """Counts what a call did and how long it took; `start` is its first generation."""
        done = self.plan.evaluations_by(start + len(call.logs) - 1)
        evaluations = (done - self.plan.evaluations_by(start - 1)) * self.config.runs
        self._evaluations += evaluations
        self._evolve_seconds += call.seconds
        return Timing(evaluations, call.seconds, self._seconds())

    def _decide(
        self, state: RunState, interrupted: list[int], length: int
    ) -> tuple[Reason | None, int]:
        """Returns why to stop, or None and how many generations to run; the same for a whole job.

        A signal to any process stops all; the first one's clock and speed count.
        """
        allowed = self.config.max_seconds
        # whatever is allowed, a process gets on: else the run could never be continued
        is_late = (
            allowed is not None
            and self._evaluations > 0
            and time.perf_counter() - self._started >= allowed
        )
        votes = multihost.gather([bool(interrupted), is_late, length])
        next_generation = int(state.next_generation)
        reason: Reason | None = None
        if next_generation > self.plan.last_generation:
            reason = "generations"
        elif next_generation > 0 and self._least(state) >= self._target:
            reason = TARGET_REACHED
        elif votes[0, 1]:
            reason = MAX_SECONDS
        elif votes[:, 0].any():
            reason = INTERRUPTED
        return reason, int(votes[0, 2])

    def _least(self, state: RunState) -> float:
        """Returns the fitness of the least class of all runs."""
        fitness = np.asarray(state.archive.fitness)
        return float(best_of_class(fitness, self.plan.selection.slots).min())

    def _stop_before(self, start: int, length: int) -> int:
        """Returns the generation before which a call ends: checkpoints are never run past."""
        last = self.config.last_generation
        if start > last:
            return start + 1  # polishing
        every = self.config.checkpoint_every
        due = -(-max(start, 1) // every) * every
        return min(start + length, due + 1, last + 1)

    def _seconds(self) -> float:
        return self._past_seconds + time.perf_counter() - self._started


def begin_with(folder: Path, plan: Plan, newest: Checkpoint, *, anew: bool = False) -> None:
    """Writes the first checkpoint of a run that goes on from the elites of another.

    Args:
        folder: the new run directory, with `config.json`, and lineage and metrics of the other.
        plan: of the new run.
        newest: the checkpoint of the other run.
        anew: whether to score the elites again, as the other run had another fitness.
    """
    cut_to(folder, plan.config, newest.generation)
    caller = Caller(plan, lambda _: None)
    state = caller.start(newest.table)
    if anew:
        state = with_fitness_of(plan, caller.encoding, state)
    used = newest.micro_batches or [(0, caller.micro_batch)]
    with Journal(folder, plan, state=state, micro_batches=used) as journal:
        journal.checkpoint(state, anew=True)


def is_out_of_memory(error: Exception) -> bool:
    """Says whether a call or a compilation failed for lack of memory on a device."""
    is_jax = isinstance(error, jax.errors.JaxRuntimeError)
    return is_jax and ("RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error))


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
