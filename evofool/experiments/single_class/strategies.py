"""Ways to spend evaluations, beside each other: budgets, tests, confidences, images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from PIL import Image

from evofool.analysis import TwoGroups, mann_whitney, signed_rank
from evofool.classifiers import confidence, first_name, label_of
from evofool.experiments.report import Table
from evofool.images import Section, draw_sheet, percent, thumbnail
from evofool.runs import Run

SHOWN = 10  # classes on the sheet


class Strategy(NamedTuple):
    """One way to spend evaluations.

    Attributes:
        name: in tables.
        runs: one of several seeds, or one for each.
        outputs: of the classes compared.
        evaluations: of a seed.
        seconds: wall time of a seed.
    """

    name: str
    runs: Sequence[Run]
    outputs: Sequence[int]
    evaluations: float
    seconds: float

    @property
    def log_odds(self) -> Float[np.ndarray, "seeds classes"]:
        """Of the elites. Confidences end near 1, where log-odds still tell elites apart."""
        places = [self.runs[0].outputs.index(output) for output in self.outputs]
        tables = [run.table["archive.fitness"] for run in self.runs]
        return np.concatenate(tables)[:, places].astype(np.float64)

    def medians(self) -> list[float]:
        """Returns the median confidence of every seed."""
        return np.median(confidence(self.log_odds), axis=1).tolist()

    def shares(self, bar: float) -> list[float]:
        """Returns the share of every seed's elites whose confidence is at least `bar`."""
        return np.mean(confidence(self.log_odds) >= bar, axis=1).tolist()

    def against(self, other: "Strategy") -> TwoGroups:
        """Compares all elites with those of another strategy."""
        return mann_whitney(self.log_odds.ravel(), other.log_odds.ravel())


def strategy(name: str, runs: Sequence[Run], outputs: Sequence[int]) -> Strategy:
    """Describes runs that are finished; for the arguments see `Strategy`."""
    seeds = sum(run.config.runs for run in runs)
    summaries = [run.summary or {} for run in runs]
    return Strategy(
        name=name,
        runs=runs,
        outputs=outputs,
        evaluations=sum(summary["evaluations"] for summary in summaries) / seeds,
        seconds=sum(summary["wall_seconds"] for summary in summaries) / seeds,
    )


def budgets(strategies: Sequence[Strategy]) -> Table:
    """Says what the strategies have spent."""
    rows = []
    for each in strategies:
        classes = len(each.runs[0].outputs)
        spent = (each.evaluations / classes, each.evaluations, each.seconds)
        rows.append([each.name, classes, *map(round, spent)])
    return Table(
        title="What was spent on a seed",
        header=["", "classes", "evaluations a class", "evaluations", "seconds"],
        rows=rows,
    )


def tests(first: Strategy, others: Sequence[Strategy]) -> Table:
    """Compares the first strategy with each of the others."""
    rows = []
    for other in others:
        a, b = (np.median(each.log_odds, axis=0) for each in (first, other))
        higher = f"{int(np.sum(a > b))} of {len(a)}"
        rows.append([other.name, str(first.against(other)), str(signed_rank(a, b)), higher])
    return Table(
        title=f"{first.name} (a) against",
        header=["b", "all elites", "pairs of classes", "classes in which a is higher"],
        rows=rows,
    )


def each_class(strategies: Sequence[Strategy]) -> Table:
    """Shows the confidence of every class."""
    card = strategies[0].runs[0].card
    medians = [confidence(np.median(each.log_odds, axis=0)) for each in strategies]
    return Table(
        title="Confidence in each class, median over seeds",
        header=["class", *(each.name for each in strategies)],
        rows=[
            [first_name(label_of(card, output)), *(percent(float(m[place])) for m in medians)]
            for place, output in enumerate(strategies[0].outputs)
        ],
    )


def draw_elites(strategies: Sequence[Strategy]) -> Image.Image:
    """Draws elites of the first seed, the same classes of every strategy below each other."""
    sections = []
    for each in strategies:
        shown = each.outputs[:: -(-len(each.outputs) // SHOWN)]
        elites = [elite for elite in each.runs[0].elites() if elite.output in shown]
        captions = [[first_name(elite.label), percent(elite.confidence)] for elite in elites]
        images = [thumbnail(image) for image in each.runs[0].images(elites)]
        sections.append(Section(each.name, images, captions))
    return draw_sheet(sections, columns=SHOWN)
