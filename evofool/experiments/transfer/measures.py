"""Elites of one network as others recognise them: what both transfer experiments measure."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import Lab, Recognition, recognize_elites
from evofool.experiments.report import Claim, Figure, Row, Table, cells
from evofool.images import write_matrix
from evofool.measures import Share, proportion_interval
from evofool.runs import Run

Evolve = Callable[[Lab], Sequence[tuple[str, Run]]]
"""Evolves, or opens, the runs of an experiment; each with what tells it from others of its network,
for instance ", generation 20", or nothing."""


class Pair(NamedTuple):
    """Elites of one network, as that and another one recognise them."""

    way: str
    when: str
    before: Recognition
    after: Recognition

    @property
    def keeps_label(self) -> Bool[np.ndarray, " images"]:
        """Whether both networks find the same class likeliest."""
        return self.before.likeliest == self.after.likeliest

    @property
    def is_certain(self) -> Bool[np.ndarray, " images"]:
        """Whether both networks have a confidence of 99.99 % or more in the image's class."""
        return np.minimum(self.before.confidence, self.after.confidence) >= NEAR_CERTAIN


class Shown(NamedTuple):
    """Elites of a run, as all networks of the experiment recognise them.

    Attributes:
        own: name of the network that the images were evolved for.
        when: what tells the run from others of this network.
        by: what each network recognises, by its name.
    """

    own: str
    when: str
    by: dict[str, Recognition]

    def pairs(self) -> list[Pair]:
        """Returns what changes from its own network to each of the others."""
        before = self.by[self.own]
        return [
            Pair(f"{self.own} to {other}", self.when, before, after)
            for other, after in self.by.items()
            if other != self.own
        ]


class Measures(NamedTuple):
    """The elites of all runs."""

    runs: list[Shown]

    def pairs(self) -> list[Pair]:
        """Returns every run with every other network."""
        return [pair for shown in self.runs for pair in shown.pairs()]


def measure(lab: Lab, evolve: Evolve) -> Measures:
    """Shows the elites of every run to the networks of all."""
    runs = evolve(lab)
    networks = list(dict.fromkeys(run.config.classifier for _, run in runs))
    return Measures(
        [
            Shown(run.config.classifier, when, recognize_elites(lab, run, networks))
            for when, run in runs
        ]
    )


def share_of(flags: Bool[np.ndarray, " images"]) -> Share:
    """Returns the share of images for which something holds, with its interval."""
    return proportion_interval(int(np.sum(flags)), len(flags))


def share_row(what: str, flags: Bool[np.ndarray, " images"], claim: Claim | None = None) -> Row:
    """Returns the share of images for which something holds as a row; `claim` may judge it."""
    share = share_of(flags)
    n = f"{share.n} images, {cells.interval(share)}"
    return Row(what=what, ours=[share.share], unit="%", n=n).judged_by(claim)


def tabulate_by_confidence(pair: Pair) -> Table:
    """Tells whether images transfer better the more certain their own network is."""
    edges = (0.0, 0.5, 0.9, 0.99, 0.999, NEAR_CERTAIN, np.inf)
    rows = []
    for low, high in itertools.pairwise(edges):
        chosen = (pair.before.confidence >= low) & (pair.before.confidence < high)
        if chosen.any():
            name = f"{low:g} to {high:g}" if high < np.inf else f"{low:g} and more"
            median = float(np.median(pair.after.confidence[chosen]))
            share = cells.share(share_of(pair.keeps_label[chosen]))
            rows.append([name, int(chosen.sum()), share, median])
    header = ["confidence before", "images", "same label on both", "median confidence after"]
    return Table(title=pair.way + pair.when, header=header, rows=rows)


def show_labels(lab: Lab, runs: Sequence[Shown]) -> tuple[Figure, Table]:
    """Shows how many images keep their label: a row for each run, a column for each network."""
    shares = [
        [share_of(look.likeliest == shown.by[shown.own].likeliest) for look in shown.by.values()]
        for shown in runs
    ]
    names, columns = [shown.own + shown.when for shown in runs], list(runs[0].by)
    write_matrix(
        np.array([[share.share for share in row] for row in shares]),
        lab.folder / "matrix.png",
        rows=names,
        columns=columns,
        title="Share of images with the same label on both",
        row_axis="evolved for",
        column_axis="shown to",
        texts=[[f"{share.share:.0%}" for share in row] for row in shares],
    )
    table = Table(
        title="Same label on both networks [95 % interval], and median confidence in the class",
        header=["evolved for", "n", *columns],
        rows=[
            [
                name,
                row[0].n,
                *(
                    f"{cells.share(share.share)} {cells.interval(share)}, "
                    f"{np.median(look.confidence):.2g}"
                    for share, look in zip(row, shown.by.values(), strict=True)
                ),
            ]
            for name, row, shown in zip(names, shares, runs, strict=True)
        ],
    )
    caption = "Share of images with the same label on both; rows: evolved for, columns: shown to"
    return Figure(file="matrix.png", caption=caption), table
