"""Do images that were asked to survive wear look more like their class?

Images are evolved as they are, and for the mean log-probability of worn copies. Four kinds of wear
are asked for, and the other four, like the stronger amounts of all, are held out.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.classifiers import confidence
from evofool.experiments.bench import NETWORK, Lab, Recognition, recognize_elites
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Findings,
    Table,
    cells,
    measured,
    notes,
    sheet_of_most_certain,
)
from evofool.images import WEAR
from evofool.measures import SurvivalPoint, mann_whitney, proportion_interval, survive
from evofool.runs import Run

ASKED = ("shift", "crop", "jpeg", "noise")
PLAIN, EXPECTING = "as they are", "asked to survive"
SHOWN = 10  # images of each kind on the sheet
FEW = 20  # images that are judged at small scale


class Setting(NamedTuple):
    """What is evolved against, and who judges."""

    network: str
    judges: tuple[str, ...]  # networks that had no part in evolution
    full: Mapping[str, int]  # settings of images that are asked to survive
    small: Mapping[str, int]  # the same at small scale


DIGITS = Setting("lenet", ("lenet-b", "mlp"), {"generations": 200}, {"generations": 3})
OBJECTS = Setting(
    NETWORK,
    ("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat"),
    {"generations": 500, "batch_size": 400},
    {"generations": 1, "batch_size": 20},
)


class Target(NamedTuple):
    """Images of one kind."""

    held_out: Float[np.ndarray, " points"]  # median confidence, of the points beyond what was asked
    # of all points, each with the ends of its 95 % interval
    medians: Float[np.ndarray, "points 3"]  # median confidence
    same_label: Float[np.ndarray, "points 3"]  # share with their label
    log_odds: Float[np.ndarray, "runs classes"]  # the fitness of the elites
    judged: dict[str, Recognition]  # what the judges recognise, by their names


class Measures(NamedTuple):
    """Images of both kinds, by name."""

    targets: dict[str, Target]


def evolve(lab: Lab, setting: Setting) -> dict[str, Run]:
    """Evolves images of both kinds, with the same number of images shown to the network."""
    budget = {"runs": lab.seeds, **lab.choose(full=setting.full, small=setting.small)}
    plain = budget | {"generations": len(ASKED) * (budget["generations"] + 1) - 1}
    return {
        PLAIN: lab.evolve(setting.network, **plain),
        EXPECTING: lab.evolve(setting.network, expect=",".join(ASKED), **budget),
    }


def measure(lab: Lab, setting: Setting) -> Measures:
    """Wears the elites of both kinds, and shows them to the judges."""
    runs = evolve(lab, setting)
    return Measures({name: _target(lab, run, setting, name) for name, run in runs.items()})


def _target(lab: Lab, run: Run, setting: Setting, name: str) -> Target:
    lab.say(f"wearing {run.folder.name}")
    points = survive(run, out=lab.folder / name.replace(" ", "-")).points
    log_odds = run.table["archive.fitness"]
    step = lab.choose(full=1, small=-(-log_odds.size // FEW))
    return Target(
        held_out=np.array([p.median_confidence for p in points if _is_held_out(p)]),
        medians=np.array([(p.median_confidence, p.low, p.high) for p in points]),
        same_label=np.array([(p.same_label, p.same_label_low, p.same_label_high) for p in points]),
        log_odds=log_odds,
        judged=recognize_elites(lab, run, setting.judges, step=step),
    )


def _is_held_out(point: SurvivalPoint) -> bool:
    """Says whether images were not asked to survive this: another kind, or a larger amount."""
    return point.wear != "none" and (point.wear not in ASKED or point.is_held_out)


def report(lab: Lab, measures: Measures, setting: Setting) -> Findings:
    """Asks what images keep under wear, and whom they fool besides."""
    runs, targets = evolve(lab, setting), measures.targets
    kept = {name: float(np.mean(target.held_out)) for name, target in targets.items()}
    both = ", ".join(f"{name} {cells.confidence(figure)}" for name, figure in kept.items())
    images = len(next(iter(targets[PLAIN].judged.values())).classes)
    figures = [
        (f"{name}: confidence under held-out wear", [kept[name]], f"{images} images")
        for name in targets
    ] + [
        (
            f"{name}: recognised by {judge}",
            [float(np.mean(look.is_fooled))],
            f"{images} images",
        )
        for judge in setting.judges
        for name, look in ((name, target.judged[judge]) for name, target in targets.items())
    ]
    return Findings(
        rows=measured(figures),
        result=f"confidence of {100 * kept[PLAIN]:.3g} % under held-out wear, of "
        f"{100 * kept[EXPECTING]:.3g} % where images were asked to survive",
        summary=("", "confidence under held-out wear: " + both),
        tables=[tabulate_wear(targets), tabulate_judges(targets, setting)],
        images=[sheet_of_most_certain(lab, runs, count=SHOWN)],
        notes=notes(
            "survival",
            "both",
            run=runs[EXPECTING],
            plain=runs[PLAIN].generation + 1,
            expecting=runs[EXPECTING].generation + 1,
            asked=", ".join(ASKED),
            copies=len(ASKED),
        ),
    )


def tabulate_wear(targets: Mapping[str, Target]) -> Table:
    """Returns the median confidence and the share with its label after each wear."""
    asked = [("none", 0.0)]
    asked += [(name, float(amount)) for name, kind in WEAR.items() for amount in kind.amounts]
    rows = []
    for point, (name, amount) in enumerate(asked):
        is_held_out = name != "none" and (name not in ASKED or amount > WEAR[name].most)
        rows.append(
            [
                f"{name} {amount:g} %{' *' if is_held_out else ''}" if amount else "none",
                *(_with_interval(target.medians[point]) for target in targets.values()),
                *(_with_interval(target.same_label[point]) for target in targets.values()),
            ]
        )
    return Table(
        title="Median confidence, and share of images with their label, after wear (* held out)",
        header=["wear", *targets, *(f"label kept, {name}" for name in targets)],
        rows=rows,
    )


def _with_interval(figure: Float[np.ndarray, " 3"]) -> str:
    value, low, high = map(cells.confidence, figure.tolist())
    return f"{value} [{low}, {high}]"


def tabulate_judges(targets: Mapping[str, Target], setting: Setting) -> Table:
    """Returns how many images other networks recognise, and compares their log-odds."""
    rows = []
    for judge in setting.judges:
        looks = {name: target.judged[judge] for name, target in targets.items()}
        shares = [
            cells.share(proportion_interval(int(np.sum(look.is_fooled)), len(look.classes)))
            for look in looks.values()
        ]
        medians = [
            cells.confidence(float(np.median(confidence(look.log_odds)))) for look in looks.values()
        ]
        test = mann_whitney(looks[EXPECTING].log_odds, looks[PLAIN].log_odds)
        rows.append([judge, *shares, *medians, cells.test(test)])
    return Table(
        title="Whom the images fool besides: share whose class is the likeliest, and median",
        header=[
            "judge",
            *targets,
            *(f"median, {name}" for name in targets),
            f"log-odds: {EXPECTING} (a) against {PLAIN} (b)",
        ],
        rows=rows,
    )


def _part(setting: Setting, seeds: int) -> Part[Measures]:
    return Part(
        measure=partial(measure, setting=setting),
        report=partial(report, setting=setting),
        networks=(setting.network, *setting.judges),
        seeds=seeds,
    )


EXPERIMENT = Experiment(
    name="survival",
    title="Do images that were asked to survive wear look more like their class?",
    so_what=(
        "If images that survive shifts, crops and JPEG show nothing either, a photograph or a "
        "print of one fools, too."
    ),
    paper="not asked; after Athalye et al. 2018 (expectation over transformation)",
    parts={"mnist": _part(DIGITS, seeds=5), "imagenet": _part(OBJECTS, seeds=1)},
)
