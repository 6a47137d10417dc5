"""Ways to spend evaluations, beside each other: budgets, tests, confidences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.classifiers import confidence
from evofool.experiments.report import Table, cells
from evofool.measures import TwoGroups, mann_whitney, signed_rank
from evofool.runs import Run


class Strategy(NamedTuple):
    """One way to spend evaluations.

    Attributes:
        log_odds: of the elites of the classes compared. Confidences end near 1, where log-odds
            still distinguish elites.
        classes: that were evolved for, compared or not.
        evaluations: of a seed.
        seconds: wall time of a seed.
    """

    log_odds: Float[np.ndarray, "seeds classes"]
    classes: int
    evaluations: float
    seconds: float

    def medians(self) -> list[float]:
        """Returns the median confidence of every seed."""
        return np.median(confidence(self.log_odds), axis=1).tolist()

    def shares(self, bar: float) -> list[float]:
        """Returns the share of every seed's elites whose confidence is at least `bar`."""
        return np.mean(confidence(self.log_odds) >= bar, axis=1).tolist()

    def against(self, other: "Strategy") -> TwoGroups:
        """Compares all elites with those of another strategy."""
        return mann_whitney(self.log_odds.ravel(), other.log_odds.ravel())


Strategies = dict[str, Strategy]


def strategy(runs: Sequence[Run], outputs: Sequence[int]) -> Strategy:
    """Measures finished runs, one of several seeds or one for each, in some of their classes."""
    places = [runs[0].outputs.index(output) for output in outputs]
    tables = [run.table["archive.fitness"] for run in runs]
    seeds = sum(run.config.runs for run in runs)
    summaries = [run.summary or {} for run in runs]
    return Strategy(
        log_odds=np.concatenate(tables)[:, places].astype(np.float64),
        classes=len(runs[0].outputs),
        evaluations=sum(summary["evaluations"] for summary in summaries) / seeds,
        seconds=sum(summary["wall_seconds"] for summary in summaries) / seeds,
    )


def tabulate_budgets(strategies: Strategies) -> Table:
    """Returns what the strategies have spent."""
    return Table(
        title="What was spent on a seed",
        header=["", "classes", "evaluations a class", "evaluations", "seconds"],
        rows=[
            [
                name,
                spent.classes,
                round(spent.evaluations / spent.classes),
                round(spent.evaluations),
                round(spent.seconds),
            ]
            for name, spent in strategies.items()
        ],
    )


def tabulate_tests(strategies: Strategies) -> Table:
    """Compares the first strategy with each of the others."""
    (name, first), *others = strategies.items()
    rows = []
    for other_name, other in others:
        a, b = (np.median(one.log_odds, axis=0) for one in (first, other))
        higher = cells.count(int(np.sum(a > b)), len(a))
        tests = first.against(other), signed_rank(a, b)
        rows.append([other_name, *map(cells.test, tests), higher])
    return Table(
        title=f"{name} (a) against",
        header=["b", "all elites", "pairs of classes", "classes in which a is higher"],
        rows=rows,
    )


def tabulate_classes(strategies: Strategies, labels: Sequence[str]) -> Table:
    """Returns the confidence of every class."""
    medians = [confidence(np.median(one.log_odds, axis=0)) for one in strategies.values()]
    return Table(
        title="Confidence in each class, median over seeds",
        header=["class", *strategies],
        rows=[
            [label, *(cells.confidence(float(median[place])) for median in medians)]
            for place, label in enumerate(labels)
        ],
    )
