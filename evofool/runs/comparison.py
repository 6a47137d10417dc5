"""Several runs side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evofool.evolution import (
    LIKELY,
    NEAR_CERTAIN,
    MetricsLine,
    generation_reaching,
)
from evofool.runs.run import Run
from evofool.runs.summary import nothing_yet
from evofool.support import UserError


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """One independent run in numbers, as of its last logged generation.

    Attributes:
        folder: the run directory.
        encoding: "cppn" or "direct".
        classifier: its name.
        seed: of the independent run.
        generation: the last one logged.
        evaluations: images classified by then.
        min_confidence: of the least certain class, in [0, 1].
        median_confidence: over the classes, in [0, 1].
        classes: number of classes evolved for.
        classes_ge_90: classes at or above .9; None if the run was logged before that was counted.
        classes_ge_99: classes at or above .99.
        classes_ge_9999: classes at or above .9999.
        median_at_90: first logged generation with a median of at least .9, or None.
        median_at_9999: the same for .9999.
        resolution: step of which the classifier's confidences are multiples; 0 if there is none.
    """

    folder: str
    encoding: str
    classifier: str
    seed: int
    generation: int
    evaluations: int
    min_confidence: float
    median_confidence: float
    classes: int
    classes_ge_90: int | None
    classes_ge_99: int
    classes_ge_9999: int
    median_at_90: int | None
    median_at_9999: int | None
    resolution: float = 0.0


def compare(runs: Iterable[str | Path | Run]) -> list[RunFacts]:
    """Describes runs in numbers, one entry for each independent run, in the order given.

    Args:
        runs: run directories; runs that are still going on are described as they stand.

    Raises:
        UserError: none given, or one is not a run directory or has logged nothing yet.
    """
    opened = map(Run.open, runs)  # one after the other: an archive may take much memory
    facts = [one for run in opened for one in _facts_of(run)]
    if not facts:
        raise UserError("no run directory given to compare")
    return facts


def _facts_of(run: Run) -> Iterator[RunFacts]:
    every = run.metrics
    for index in range(run.config.runs):
        lines = [line for line in every if line["run"] == index]
        if not lines:
            raise nothing_yet(run.folder, "has logged no generation yet")
        yield _facts(run, index, lines)


def _facts(run: Run, index: int, lines: list[MetricsLine]) -> RunFacts:
    last = lines[-1]
    return RunFacts(
        folder=str(run.folder),
        encoding=run.config.encoding,
        classifier=run.card.name,
        seed=last["seed"],
        generation=last["generation"],
        evaluations=last["evaluations"],
        min_confidence=last["min_confidence"],
        median_confidence=last["median_confidence"],
        classes=len(run.outputs),
        classes_ge_90=last.get("classes_ge_90"),
        classes_ge_99=last["classes_ge_99"],
        classes_ge_9999=last["classes_ge_9999"],
        median_at_90=generation_reaching(lines, LIKELY, index),
        median_at_9999=generation_reaching(lines, NEAR_CERTAIN, index),
        resolution=run.resolution,
    )
