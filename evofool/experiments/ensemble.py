"""Is an ensemble of three networks harder to fool than its members?"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.classifiers import confidence
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import NETWORK, Lab, Recognition, recognize_elites
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Findings,
    Table,
    cells,
    factor,
    measured,
    notes,
    sheet_of_most_certain,
)
from evofool.measures import mann_whitney
from evofool.runs import Run

MEAN = "mean of three"
COMBINED = {MEAN: "mean", "least of three": "min"}
SHOWN = 10  # images of each target on the sheet
FEW = 20  # images that are judged at small scale
FOOLED = Claim(what=f"{MEAN}: classes >= 90 %", paper="231", tolerance=factor(231), unit="")


class Group(NamedTuple):
    """Networks that are fooled together."""

    members: tuple[str, ...]
    outsider: str  # judges the images without a part in their evolution
    full: Mapping[str, int]  # settings of the runs
    small: Mapping[str, int]  # the same at small scale
    bars: tuple[float, float]  # confidences, the more important first
    claims: tuple[Claim, ...] = ()

    @property
    def judges(self) -> tuple[str, ...]:
        """The names of all networks."""
        return (*self.members, self.outsider)


# two LeNets of different initialisation and one of sigmoids; then a multilayer perceptron
DIGITS = Group(
    ("lenet", "lenet-b", "lenet-sigmoid"),
    "mlp",
    full={"generations": 200},
    small={"generations": 10},
    bars=(NEAR_CERTAIN, HIGH),
)
# two widths of MobileNetV1 and SqueezeNet; then MobileNetV2
OBJECTS = Group(
    (NETWORK, "mobilenet_v1_0.75_192", "squeezenet_v1.0_deepcompression"),
    "mobilenet_v2_1.0_224_qat",
    full={"generations": 300},
    small={"generations": 1, "batch_size": 20},
    bars=(LIKELY, HIGH),
    claims=(FOOLED,),
)


class Target(NamedTuple):
    """What images were evolved for: a network, or an ensemble."""

    log_odds: Float[np.ndarray, "runs classes"]  # of the elites, for the target
    generations: Int[np.ndarray, " times"]  # that are shown
    certain: Float[np.ndarray, " times"]  # classes of 90 % and more by then, median over runs
    medians: Float[np.ndarray, " times"]  # confidence by then, median over classes and runs
    judged: dict[str, Recognition]  # what every network recognises in the elites, by its name

    def counts(self, bar: float) -> list[int]:
        """Returns how many classes reach a confidence, for each run."""
        return np.sum(confidence(self.log_odds) >= bar, axis=1).tolist()


class Measures(NamedTuple):
    """The targets by name: a network, or a key of `COMBINED`."""

    targets: dict[str, Target]


def evolve(lab: Lab, group: Group) -> dict[str, Run]:
    """Evolves for each member, and for all together; at small scale for one and for the mean."""
    budget = {"runs": lab.seeds, **lab.choose(full=group.full, small=group.small)}
    # every target is a program to be compiled
    alone = lab.choose(full=group.members, small=group.members[:1])
    combined = lab.choose(full=COMBINED, small={MEAN: COMBINED[MEAN]})
    ensemble = "+".join(group.members)
    return {name: lab.evolve(name, **budget) for name in alone} | {
        name: lab.evolve(ensemble, combine=combine, **budget) for name, combine in combined.items()
    }


def measure(lab: Lab, group: Group) -> Measures:
    """Evolves for every target, and shows the elites to every network."""
    return Measures({name: _target(lab, run, group) for name, run in evolve(lab, group).items()})


def _target(lab: Lab, run: Run, group: Group) -> Target:
    log_odds = run.table["archive.fitness"]
    generations = np.unique(np.linspace(0, run.generation, 7).round().astype(int))
    logged = {generation: [] for generation in generations.tolist()}
    for line in run.metrics:
        if line["generation"] in logged:
            logged[line["generation"]].append((line["classes_ge_90"], line["median_confidence"]))
    certain, medians = np.median(list(logged.values()), axis=1).T
    step = lab.choose(full=1, small=-(-log_odds.size // FEW))
    judged = recognize_elites(lab, run, group.judges, step=step)
    return Target(log_odds, generations, certain, medians, judged)


def report(lab: Lab, measures: Measures, group: Group) -> Findings:
    """Asks how many classes fool an ensemble, and whom its images fool."""
    runs, targets, bar = evolve(lab, group), measures.targets, group.bars[0]
    run, n = next(iter(runs.values())), f"{targets[MEAN].log_odds.shape[1]} classes"
    counts = ", ".join(f"{np.median(of.counts(bar)):g} ({name})" for name, of in targets.items())
    ours = f"classes >= {100 * bar:g} %: {counts}"
    figures = [
        (f"{name}: classes >= {100 * at:g} %", target.counts(at), n)
        for at in group.bars
        for name, target in targets.items()
    ]
    return Findings(
        rows=sorted(measured(figures, group.claims, unit=""), key=lambda row: not row.paper),
        result=f"{ours} after {run.generation} generations",
        tables=[tabulate_growth(targets), tabulate_judges(targets, group), tabulate_tests(targets)],
        images=[sheet_of_most_certain(lab, runs, count=SHOWN)],
        notes=notes(
            "ensemble",
            "both",
            run=run,
            images=run.generation + 1,
            size=runs[MEAN].card.input_shape[0],
            members=", ".join(group.members),
            outsider=group.outsider,
        ),
        summary=(f"{FOOLED.paper} of 1000 classes >= 90 %" if group.claims else "", ours),
    )


def tabulate_growth(targets: Mapping[str, Target]) -> Table:
    """Returns how far evolution came when, the median over seeds."""
    columns = [
        [
            f"{count:g} / {cells.confidence(median)}"
            for count, median in zip(target.certain, target.medians.tolist(), strict=True)
        ]
        for target in targets.values()
    ]
    generations = targets[MEAN].generations.tolist()
    return Table(
        title="Classes >= 90 % / median confidence, over generations",
        header=["generation", *targets],
        rows=list(zip(generations, *columns, strict=True)),
    )


def tabulate_judges(targets: Mapping[str, Target], group: Group) -> Table:
    """Returns whom the images of every target fool: every network, and all members at once."""
    rows = []
    for name, target in targets.items():
        judged = [target.judged[judge] for judge in group.judges]
        members = judged[: len(group.members)]
        all_fooled = np.mean(np.all([look.is_fooled for look in members], axis=0))
        all_certain = np.mean(np.all([look.confidence >= LIKELY for look in members], axis=0))
        texts = [
            f"{np.mean(look.is_fooled):.0%} / {cells.confidence(float(np.median(look.confidence)))}"
            for look in judged
        ]
        both = [cells.share(float(share)) for share in (all_fooled, all_certain)]
        rows.append([name, *texts, *both, len(judged[0].classes)])
    return Table(
        title="Who is fooled: share of images whose class is the likeliest / median confidence",
        header=["evolved for", *group.judges, "all members", "all members >= 90 %", "images"],
        rows=rows,
    )


def tabulate_tests(targets: Mapping[str, Target]) -> Table:
    """Compares the log-odds of the mean of three with those of every other target."""
    mean = targets[MEAN].log_odds.ravel()
    return Table(
        title=f"Elites for the {MEAN} (a) against",
        header=["b", "log-odds of the elites"],
        rows=[
            [name, cells.test(mann_whitney(mean, target.log_odds.ravel()))]
            for name, target in targets.items()
            if name != MEAN
        ],
    )


def _part(group: Group, seeds: int) -> Part[Measures]:
    return Part(
        measure=partial(measure, group=group),
        report=partial(report, group=group),
        claims=group.claims,
        networks=group.judges,
        seeds=seeds,
    )


EXPERIMENT = Experiment(
    name="ensemble",
    title="Is an ensemble of three networks harder to fool than its members?",
    so_what=(
        "If three networks together are fooled, too, agreement between networks is no sign that "
        "an image shows its class."
    ),
    paper="231 of 1000 classes above 90 % after 4000 generations",
    parts={"mnist": _part(DIGITS, seeds=5), "imagenet": _part(OBJECTS, seeds=1)},
)
