"""Gradient ascent on a class, without regularisation: another way to fooling images."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import NETWORK, Lab
from evofool.experiments.gradient_ascent.ascents import (
    AS_CERTAIN,
    MILESTONES,
    Ascents,
    ascend,
    ascent,
    show,
)
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import MOST, Claim, Findings, Row, cells, note, rows_of

SHOWN = 50
MEDIAN, AT_END = (
    Claim(what=what, paper="99.99 % (Fig. 13)", tolerance=tolerance)
    for what, tolerance in (
        ("median confidence, rounded to 8 bits", AS_CERTAIN),
        ("share >= 99.99 % at the end, rounded to 8 bits", MOST),
    )
)


class Measures(NamedTuple):
    """The images of every seed."""

    seeds: list[Ascents]


def measure(lab: Lab, network: str) -> Measures:
    """Makes images of ten classes from ten starts each, or of every tenth of a thousand classes."""
    classes, starts = range(10), lab.choose(full=10, small=2)
    if network == NETWORK:
        classes, starts = range(0, 1000, lab.choose(full=10, small=100)), 1
    settings = [("plain", seed) for seed in range(lab.seeds)]
    return Measures(ascend(lab, network, classes, settings, starts=starts))


def report(lab: Lab, measures: Measures, network: str, *, claims: Sequence[Claim] = ()) -> Findings:
    """Asks how certain the network becomes, and how soon."""
    seeds, card = measures.seeds, lab.network(network).card
    first, count = seeds[0], len(seeds[0].images)
    rows = np.linspace(0, count - 1, min(SHOWN, count)).astype(int).tolist()
    n = f"{count} images of {len(np.unique(first.target))} classes"
    medians = [float(np.median(one.confidence)) for one in seeds]
    top, _, certain = ([one.share_reaching(m) for one in seeds] for m in MILESTONES.values())
    figures = {
        MEDIAN.what: medians,
        "share whose class becomes the likeliest": top,
        "share that exceeds 99.99 % at some step": certain,
        AT_END.what: [float(np.mean(one.confidence >= NEAR_CERTAIN)) for one in seeds],
    }
    steps = {what: [one.steps(m) for one in seeds] for what, m in MILESTONES.items()}
    return Findings(
        rows=[
            *rows_of(figures, claims=claims, n=n),
            *(
                Row(
                    what=f"first step with {what}, median of those that get there",
                    ours=[float(np.median(some)) for some in of_seeds if len(some)],
                    n=n,
                    seeds=len(seeds),
                )
                for what, of_seeds in steps.items()
                if any(map(len, of_seeds))
            ),
        ],
        result=f"median {cells.each(medians)}; {cells.each(certain)} of the images exceed 99.99 % "
        "on the way",
        images=[
            show(lab, card.labels, {"": first}, rows, "The first seed's images, evenly chosen")
        ],
        notes=[note("gradient-ascent", "plain", steps=ascent(lab, "plain").steps, mean=card.mean)],
    )


def _part(network: str, *, seeds: int, claims: tuple[Claim, ...] = ()) -> Part[Measures]:
    return Part(
        measure=partial(measure, network=network),
        report=partial(report, network=network, claims=claims),
        claims=claims,
        networks=(network,),
        seeds=seeds,
    )


EXPERIMENT = Experiment(
    name="gradient-ascent",
    title="Does following the gradient of a class from noise fool a network?",
    so_what=(
        "If a few gradient steps from noise do it, whoever has the weights needs no evolution to "
        "fool a network."
    ),
    paper="section 3.7, Fig. 13",
    parts={
        "mnist": _part("lenet", seeds=5),
        "cifar10": _part("cifar_cnn", seeds=3),
        "imagenet": _part(NETWORK, seeds=1, claims=(MEDIAN, AT_END)),
    },
)
