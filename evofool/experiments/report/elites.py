"""How certain the elites of a run with few classes are, and since when."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.classifiers import confidence
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.report import cells
from evofool.experiments.report.claims import Claim, Row, Tolerance, at_least
from evofool.runs import Run

NEVER = -1  # in place of a generation
EVERY_CLASS = "first generation with every class >= 99.99 %"


class Certainty(NamedTuple):
    """How certain independent runs became, and how soon.

    Attributes:
        confidence: of every elite at the end, in [0, 1].
        all_at: generation at which every class first reached 99.99 %, or `NEVER`.
        median_at: generation at which the median first did, or `NEVER`.
        generation: the last one.
    """

    confidence: Float[np.ndarray, "runs classes"]
    all_at: Int[np.ndarray, " runs"]
    median_at: Int[np.ndarray, " runs"]
    generation: int

    @property
    def medians(self) -> list[float]:
        """The median confidence of every run."""
        return np.median(self.confidence, axis=1).tolist()

    @property
    def share(self) -> float:
        """The share of all elites of at least 99.99 %."""
        return float(np.mean(self.confidence >= NEAR_CERTAIN))


def certainty(run: Run) -> Certainty:
    """Measures how certain a run became."""
    return Certainty(
        confidence=confidences(run),
        all_at=first_generations(run, "min_confidence", NEAR_CERTAIN),
        median_at=first_generations(run, "median_confidence", NEAR_CERTAIN),
        generation=run.generation,
    )


def confidences(run: Run) -> Float[np.ndarray, "runs classes"]:
    """Returns the confidence of every elite."""
    return confidence(run.table["archive.fitness"])


def first_generations(run: Run, measure: str, bar: float) -> Int[np.ndarray, " runs"]:
    """Returns when a measure of `metrics.jsonl` first reached a bar in every run, or `NEVER`."""
    first = np.full(run.config.runs, NEVER)
    for line in run.metrics:
        if line[measure] >= bar and first[line["run"]] == NEVER:
            first[line["run"]] = line["generation"]
    return first


CERTAIN_MEDIAN = Claim(
    what="median confidence at the end",
    paper="99.99 % by generation 200",
    tolerance=at_least(NEAR_CERTAIN),
)


def every_class_by(paper: str, generation: int) -> Claim:
    """Claims a generation by which every class has reached 99.99 %."""
    return Claim(
        what=EVERY_CLASS,
        paper=paper,
        tolerance=Tolerance(high=generation),
        unit="",
    )


def generation_row(
    at: Int[np.ndarray, " runs"], what: str, *, claim: Claim | None = None, paper: str = ""
) -> Row:
    """Returns when runs got there; those that never did have no figure.

    Args:
        at: generation of every run, or `NEVER`.
        what: the measure.
        claim: decides; none unless given.
        paper: what is published, where there is no claim.
    """
    reached = at[at != NEVER].tolist()
    n = f"{len(reached)} of {len(at)} runs get there"
    if claim is None:
        return Row(what=what, paper=paper, ours=reached, n=n, seeds=len(at))
    return claim.row(reached, n=n, seeds=len(at), what=what)


def certainty_rows(
    measured: Certainty,
    *,
    every: Claim | None = None,
    soon: str = "",
    end: Claim | None = None,
) -> list[Row]:
    """Returns how certain runs became, and how soon.

    Args:
        measured: of one or more independent runs.
        every: claims the generation at which every class reached 99.99 %.
        soon: the published generation at which the median did; decides nothing.
        end: claims the median at the end.
    """
    last = f"generation {measured.generation}"
    what, n = f"median confidence at {last}", f"{measured.confidence.shape[1]} classes a run"
    return [
        generation_row(measured.all_at, EVERY_CLASS, claim=every),
        generation_row(measured.median_at, "first generation with a median >= 99.99 %", paper=soon),
        end.row(measured.medians, n=n, what=what)
        if end
        else Row(what=what, ours=measured.medians, unit="%", n=n),
        Row(
            what=f"share of elites >= 99.99 % at {last}",
            ours=np.mean(measured.confidence >= NEAR_CERTAIN, axis=1).tolist(),
            unit="%",
            n=f"{measured.confidence.size} images",
        ),
    ]


def share_certain(measured: Certainty) -> str:
    """Says which share of the elites is certain."""
    return f"{cells.share(measured.share)} of {measured.confidence.size} elites reach 99.99 %"


def settings(run: Run) -> str:
    """Says how a run was made."""
    config = run.config
    runs = f"{config.runs} runs of " if config.runs > 1 else ""
    return (
        f"CPPN images for {run.card.name}: {runs}{config.generations} generations of "
        f"{config.batch_size} children, {len(run.outputs)} classes."
    )
