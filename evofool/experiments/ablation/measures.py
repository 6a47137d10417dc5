"""The ablation experiment's measuring: log-odds without copies, and without other patches."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.analysis import (
    FILLS,
    Median,
    Paired,
    Repeats,
    ablate,
    find_repeats,
    median_interval,
    signed_rank,
)
from evofool.classifiers import confidence
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.runs import Elite, Run

LEAST_COPIES = 3
FILL = "membrane"  # where one is reported only
ELSEWHERE = ("anywhere", "alike")


class Removed(NamedTuple):
    """What is left of an elite's log-odds when copies are removed.

    Attributes:
        cell: of the elite.
        repeats: its element.
        left: by fill, then by what is removed ("copies", "anywhere", "alike"): the log-odds of the
            whole image and after 1, 2, ... patches; NaN where no more patches have room.
    """

    cell: int
    repeats: Repeats
    left: dict[str, dict[str, Float[np.ndarray, " patches"]]]

    def lost(self, what: str, patches: int, fill: str = FILL) -> float:
        """Returns the confidence that goes with so many patches (-1: all), in [-1, 1]."""
        odds = self.left[fill][what]
        return float(confidence(odds[0]) - confidence(odds[patches]))


def remove_all(
    lab: Lab, run: Run, elites: Sequence[Elite], least_similarity: float
) -> list[Removed]:
    """Removes the copies of every elite that has some, once.

    Args:
        lab: where the result is kept.
        run: of the elites.
        elites: some of them.
        least_similarity: of copies, as in `find_repeats`.
    """

    def compute() -> list[dict[str, Any]]:
        records = []
        for elite, image in zip(elites, run.images(elites), strict=True):
            repeats = find_repeats(
                image, least_copies=LEAST_COPIES, least_similarity=least_similarity
            )
            if repeats is not None:
                record = {name: np.asarray(v).tolist() for name, v in repeats._asdict().items()}
                left = {fill: _left(run, elite, image, repeats, fill) for fill in FILLS}
                records.append(record | {"cell": elite.cell, "left": left})
        return records

    assert run.summary is not None
    key = [run.summary["archive_sha256"], len(elites), least_similarity]
    return [
        Removed(
            cell=record["cell"],
            repeats=Repeats(
                size=record["size"],
                corners=np.array(record["corners"]),
                similarity=np.array(record["similarity"]),
            ),
            left={
                fill: {what: np.array(odds, float) for what, odds in of_fill.items()}
                for fill, of_fill in record["left"].items()
            },
        )
        for record in lab.step(f"copies-{run.folder.name}", compute, key=key)
    ]


def _left(
    run: Run, elite: Elite, image: np.ndarray, repeats: Repeats, fill: str
) -> dict[str, list[float | None]]:
    """The log-odds of `Removed`; None for NaN, which JSON does not know."""

    def score(images: np.ndarray) -> np.ndarray:
        return recognize(run.classifier, images).log_odds[:, elite.class_index]

    found = ablate(image, repeats, score, fill=fill, seed=elite.cell)
    series = {"copies": found.copies, "anywhere": found.anywhere, "alike": found.alike}
    return {
        what: [found.whole, *(None if np.isnan(odds) else float(odds) for odds in left)]
        for what, left in series.items()
    }


def comparable(every: Sequence[Removed], patches: int, fill: str = FILL) -> list[Removed]:
    """Returns those with as many copies (-1: all there are) and room for as many elsewhere."""
    return [
        one
        for one in every
        if patches <= len(one.repeats.corners)
        and not any(np.isnan(one.left[fill][what][patches]) for what in ELSEWHERE)
    ]


def medians(kept: Sequence[Removed], patches: int, fill: str = FILL) -> list[Median]:
    """Returns the confidence lost with copies, and with patches of each kind of `ELSEWHERE`."""
    return [
        median_interval([one.lost(what, patches, fill) for one in kept])
        for what in ("copies", *ELSEWHERE)
    ]


def paired(kept: Sequence[Removed], what: str, patches: int, fill: str = FILL) -> Paired:
    """Tests whether copies cost more log-odds than as many patches elsewhere.

    The differences are positive where copies cost more; `what` is one of `ELSEWHERE`.
    """
    elsewhere, copies = (
        [one.left[fill][which][patches] for one in kept] for which in (what, "copies")
    )
    return signed_rank(elsewhere, copies)
