"""What a run leaves in its directory while it goes on: metrics, lineage and checkpoints.

The three are kept in step: whatever was written after the newest whole checkpoint is cut off when a
run goes on from it, and then written again, the same.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np

from evofool.config import EvolveConfig
from evofool.evolution import checkpoint, lineage, lineage_files, metrics, polished
from evofool.evolution.advice import makes_again
from evofool.evolution.checkpoint import Checkpoint, CheckpointWriter, load_newest, load_whole
from evofool.evolution.generation import Log, RunState
from evofool.evolution.manifest import (
    MicroBatches,
    changed_settings,
    damaged_history,
    settings_message,
    settings_of,
)
from evofool.evolution.metrics import MetricsLine, MetricsLog
from evofool.evolution.plan import Plan
from evofool.evolution.reporting import Reporter
from evofool.support import (
    DamagedFileError,
    UserError,
    as_record,
    multihost,
    read_json,
    write_json,
)

MEMORY = "memory.json"  # where a process of a job that is short of memory leaves word of it


class Restored(NamedTuple):
    """Where a run stands when a process begins to work on it.

    Attributes:
        table: of the newest whole checkpoint; None before the first.
        micro_batches: that the run has used.
        most: the largest micro-batch that is known to fit the memory, or None.
        seconds: wall time that was spent on the run.
    """

    table: checkpoint.Table | None
    micro_batches: MicroBatches
    most: int | None
    seconds: float


class Word(TypedDict):
    """The content of `memory.json`.

    Attributes:
        micro_batch: the largest that is known to fit the memory.
    """

    micro_batch: int


class Timing(NamedTuple):
    """How long a call took.

    Attributes:
        evaluations: made by it.
        seconds: it took, compilation left out.
        since_start: wall time of the run when it was over.
    """

    evaluations: int
    seconds: float
    since_start: float


def restore(folder: Path, config: EvolveConfig, reporter: Reporter) -> Restored:
    """Reads the newest whole checkpoint and cuts metrics, lineage and checkpoints to it.

    Processes of a job wait here for the first one, which cuts.

    Raises:
        UserError: there are checkpoints, but none can be read.
    """
    newest: Checkpoint | None = None

    def cut_to_newest() -> tuple[int, int | None]:
        nonlocal newest
        newest = _newest_to_go_on_from(folder, reporter)
        generation = -1 if newest is None else newest.generation  # -1: before the first
        cut_to(folder, config, generation)
        return generation, _read_word(folder)

    generation, most = multihost.from_first(cut_to_newest)
    if generation >= 0 and newest is None:  # in the other processes of a job
        newest = _load_in_job(folder / "checkpoints", generation)
    seconds = 0.0
    for line in metrics.read(folder / "metrics.jsonl"):
        seconds = line.get("seconds", seconds)
    used = micro_batches(newest, read_json(folder / "config.json"))
    return Restored(newest and newest.table, used, most, seconds)


def _newest_to_go_on_from(folder: Path, reporter: Reporter) -> Checkpoint | None:
    """Reads the newest checkpoint with which lineage and metrics are whole as well.

    Raises:
        DamagedFileError: arrays are whole, but lineage or metrics are damaged before the oldest of
            them, or settings were changed.
    """
    checkpoints, find_damage = folder / "checkpoints", partial(damaged_history, folder)
    try:
        newest = load_newest(
            checkpoints,
            lambda damage: reporter.message(f"{damage}; using an older"),
            find_damage=find_damage,
        )
    except DamagedFileError:
        newest = load_whole(checkpoints)
        if newest is not None:
            raise DamagedFileError(
                f"{find_damage(newest.manifest)[0]}; {makes_again(folder)}, in a single process"
            ) from None
        reporter.message("no checkpoint can be used: beginning with generation 0")
    if newest and (changed := changed_settings(read_json(folder / "config.json"), newest.manifest)):
        raise DamagedFileError(settings_message(folder, changed))
    return newest


def _load_in_job(checkpoints: Path, generation: int) -> Checkpoint:
    try:
        return checkpoint.load(checkpoints, generation)
    except DamagedFileError as error:
        raise UserError(f"{error}; all processes of a job must see the run directory") from error


def cut_to(folder: Path, config: EvolveConfig, generation: int) -> None:
    """Removes checkpoints, metrics and lineage of later generations than a checkpoint's."""
    checkpoint.cut(folder / "checkpoints", generation)
    metrics.cut(folder / "metrics.jsonl", lambda g: g <= generation and is_logged(config, g))
    lineage_files.cut(folder / "lineage", generation)


def micro_batches(newest: Checkpoint | None, manifest: Mapping[str, object]) -> MicroBatches:
    """Returns which micro-batches a run has used up to a checkpoint.

    Args:
        newest: the checkpoint, or None before the first.
        manifest: the run's `config.json`, which listed them before checkpoints did.
    """
    if newest is None or newest.micro_batches:
        return newest.micro_batches if newest else []
    listed: object = manifest.get("micro_batches", [])
    assert isinstance(listed, list)
    return [(start, size) for start, size in listed if start <= newest.generation]


def leave_word(folder: Path, micro_batch: int) -> None:
    """Notes which micro-batch to go on with, for the processes that resume a job."""
    write_json(folder / MEMORY, {"micro_batch": micro_batch})


def _read_word(folder: Path) -> int | None:
    """Reads what `leave_word` has left; None if there is nothing."""
    path = folder / MEMORY
    if not path.exists():
        return None
    size = as_record(Word, read_json(path), path)["micro_batch"]
    if size < 1:
        raise UserError(f"{path}: micro_batch is {size}; expected 1 or more")
    return size


class Journal:
    """Writes down what a run does; use as a context manager, from `restore` to the end.

    Args:
        folder: the run directory.
        plan: of the run.
        state: to begin with.
        micro_batches: that the run has used, the one that it goes on with included.

    Attributes:
        newest: the metrics of the last generation of the last call, one line per run.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        *,
        state: RunState,
        micro_batches: MicroBatches,
    ):
        self.newest: list[MetricsLine] = []
        self._folder, self._plan, self._config = folder, plan, plan.config
        self._micro_batches = micro_batches
        self._saved = int(state.next_generation)
        born, slots = np.asarray(state.archive.items.born), plan.selection.slots
        self._recorder = lineage.Recorder(born, slots=slots)
        self._settings = settings_of(read_json(folder / "config.json"))
        self._lineage = lineage_files.checksums(folder / "lineage")
        # no run is extended after polishing: all lines stay
        log_every = 1 if plan.climb is not None else plan.config.log_every
        self._metrics = MetricsLog(folder / "metrics.jsonl", log_every)
        self._checkpoints = CheckpointWriter(
            folder / "checkpoints", keep=plan.config.keep_checkpoints
        )

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._checkpoints.close()
        finally:
            self._metrics.close()

    def add(self, start: int, logs: list[Log], timing: Timing) -> None:
        """Books the generations of one call, of which `start` is the first."""
        if multihost.is_first():
            self._metrics.append(self._lines(start, logs, timing))

    def checkpoint(self, state: RunState, *, anew: bool = False) -> None:
        """Starts writing a checkpoint, unless this state has one; `anew` also if it has."""
        if int(state.next_generation) == self._saved and not anew:
            return
        generation = int(state.next_generation) - 1
        if multihost.is_first():
            # on the disk before the checkpoint, which then finds them after a power failure
            self._metrics.flush()
            self._lineage |= self._recorder.write(self._folder / "lineage", generation)
            if generation > self._config.last_generation:
                self._lineage |= polished.store(self._folder / "lineage", generation, state.archive)
        self._checkpoints.save(
            state,
            {
                "micro_batches": self._micro_batches,
                "settings": self._settings,
                "lineage": self._lineage,
                "metrics": self._metrics.extent,
            },
        )
        self._saved = int(state.next_generation)

    def checkpoint_if_due(self, state: RunState) -> None:
        """Starts writing a checkpoint after every `checkpoint_every` generations.

        A generation of polishing is as long as many of evolution: there each has one.
        """
        generation = int(state.next_generation) - 1
        is_polished = generation > self._config.last_generation
        if is_polished or (generation > 0 and generation % self._config.checkpoint_every == 0):
            self.checkpoint(state)

    def _lines(self, start: int, logs: list[Log], timing: Timing) -> list[MetricsLine]:
        """Returns the lines to log of the generations of one call."""
        config, lines = self._config, []
        for generation, log in enumerate(logs, start):
            changes = self._recorder.add(generation, log)
            if not (is_logged(config, generation) or log is logs[-1]):
                continue
            self.newest = metrics.lines_of(
                generation,
                log,
                changes,
                seed=config.seed,
                evaluations=self._plan.evaluations_by(generation),
                slots=self._plan.selection.slots,
                evaluations_per_second=round(timing.evaluations / timing.seconds, 1),
                seconds=round(timing.since_start, 3),
            )
            if is_logged(config, generation):
                lines += self.newest
        return lines


def is_logged(config: EvolveConfig, generation: int) -> bool:
    """Says which generations get lines; a run that is extended forgets its former last."""
    return generation >= config.last_generation or generation % config.log_every == 0
