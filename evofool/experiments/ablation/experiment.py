"""Ablation: copies of repeated elements are removed, and parts of the networks that draw.

The paper removed repeated elements from some images and saw confidence fall, usually by a little
(its Fig. 10); it has no figures. Here copies are found, not chosen by eye, and patches that are no
copies are removed as well, for a hole alone may cost confidence.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from evofool.experiments.ablation import copies, lesions
from evofool.experiments.bench import NETWORK, Lab, every, evolve_long
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import Findings
from evofool.runs import Elite, Run


class Measures(NamedTuple):
    """What is left of elites.

    Attributes:
        removed: without copies; nothing of digits, whose elements of a few pixels are alike by
            chance.
        cut: without parts of the networks that draw them, for each run.
        polished: the same, after a climb; nothing of a thousand classes.
    """

    removed: list[copies.Removed]
    cut: list[lesions.Cut]
    polished: list[lesions.Cut]


def measure_digits(lab: Lab) -> Measures:
    """Cuts parts out of the networks that draw digits, as they evolved and polished."""
    runs = _evolve_digits(lab)
    polished = [lab.polish(run, steps=lab.choose(full=100, small=2)) for run in runs]
    cut, again = ([lesions.cut_all(_elites(run)) for run in some] for some in (runs, polished))
    return Measures([], cut, again)


def measure_thousand(lab: Lab) -> Measures:
    """Removes copies from images of a thousand classes, and cuts parts out of their networks."""
    runs, least = _evolve_thousand(lab), lab.choose(full=0.5, small=0.0)
    elites = [_elites(run, least) for run in runs]
    similarity = lab.choose(full=0.9, small=0.7)
    removed = copies.remove_all(elites, least_confidence=least, least_similarity=similarity)
    return Measures([removed], [lesions.cut_all(of_run) for of_run in elites], [])


def report(lab: Lab, measures: Measures, evolve: Callable[[Lab], list[Run]]) -> Findings:
    """Asks what repeated elements, and parts of networks, add to confidence."""
    runs = evolve(lab)
    without = [copies.report(lab, removed, runs) for removed in measures.removed]
    without.append(lesions.report(lab, measures.cut, runs))
    rows = [row for part in without for row in part.rows]
    if measures.polished:
        rows += lesions.compare(measures.cut, measures.polished)
    return Findings(
        rows=rows,
        result=without[0].result,
        tables=[table for part in without for table in part.tables],
        images=[image for part in without for image in part.images],
        notes=[note for part in without for note in part.notes],
        summary=without[0].summary,
    )


def _evolve_digits(lab: Lab) -> list[Run]:
    return [lab.evolve("lenet", generations=lab.choose(full=200, small=12), runs=lab.seeds)]


def _evolve_thousand(lab: Lab) -> list[Run]:
    small = {"generations": 12, "batch_size": 80, "classes": every(50)}
    return [evolve_long(lab, seed, small=small) for seed in range(lab.seeds)]


def _elites(run: Run, least_confidence: float = 0.0) -> list[Elite]:
    every = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    return [elite for elite in every if elite.confidence >= least_confidence]


EXPERIMENT = Experiment(
    name="ablation",
    title="What do repeated elements, and parts of CPPNs, add to confidence?",
    so_what=(
        "If a copy more of an element adds confidence, the network counts features and does not "
        "mind that no real object repeats them so."
    ),
    paper="Fig. 10",
    parts={
        "mnist": Part(
            measure=measure_digits,
            report=partial(report, evolve=_evolve_digits),
            networks=("lenet",),
            seeds=5,
        ),
        "imagenet": Part(
            measure=measure_thousand,
            report=partial(report, evolve=_evolve_thousand),
            claims=(copies.LOST, copies.USUALLY),
            networks=(NETWORK,),
            seeds=2,
        ),
    },
)
