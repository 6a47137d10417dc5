"""Does one archive for all classes do better than evolving for every class by itself?"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from evofool.classifiers import first_name, label_of
from evofool.evolution import LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import NETWORK, SPARSE, Lab
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    at_most,
    captioned_sheet,
    cells,
    elite_section,
    notes,
)
from evofool.experiments.single_class.strategies import (
    Strategies,
    Strategy,
    strategy,
    tabulate_budgets,
    tabulate_classes,
    tabulate_tests,
)
from evofool.runs import Run
from evofool.support import Setting, in_markdown

# the classes of the paper's gradient ascent
CLASSES = (
    *("200", "207", "215", "279", "366", "367", "390", "414", "445", "500"),
    *("509", "580", "643", "657", "704", "713", "782", "805", "826", "906"),
)
SHARED = "MAP-Elites"
POPULATIONS = (1, 100)  # of a class: a (1 + lambda) strategy, and the size in the authors' code
BUDGETS = {"equal": 1, "tenfold": 10}  # evaluations, in those that MAP-Elites has
CHILDREN = 20  # of each class of ImageNet in a generation
SHOWN = 10  # classes on the sheet

SIMILAR = {
    budget: Claim(
        what=f"P({SHARED} is higher), {budget} evaluations",
        paper="similar with one run for each class",
        tolerance=at_most(2 / 3),
        unit="",
    )
    for budget in BUDGETS
}


class Runs(NamedTuple):
    """The runs of an experiment: with one archive, a run for each seed or one of all; and singly.

    Attributes:
        shared: with one archive for all classes.
        singles: by the name of a strategy, one run of all seeds.
    """

    shared: Sequence[Run]
    singles: Mapping[str, Run]

    @property
    def outputs(self) -> Sequence[int]:
        """The output indices of the classes compared."""
        return next(iter(self.singles.values())).outputs


class Measures(NamedTuple):
    """The strategies by name, the shared archive first."""

    strategies: Strategies


def evolve_digits(lab: Lab) -> Runs:
    """Evolves ten digits against the LeNet that ships with evofool."""
    generations = lab.choose(full=200, small=10)
    shared = lab.evolve("lenet", generations=generations, runs=lab.seeds)
    return Runs([shared], _evolve_singly(lab, "lenet", lambda times: times * (generations + 1)))


def evolve_thousand(lab: Lab) -> Runs:
    """Evolves twenty of a thousand classes against the smallest MobileNetV1."""
    generations = lab.choose(full=5000, small=20)
    shared = [
        lab.evolve(NETWORK, generations=generations, batch_size=400, seed=seed, **SPARSE)
        for seed in range(lab.seeds)
    ]
    share = (generations + 1) * 400 / len(shared[0].outputs)
    singles = _evolve_singly(
        lab,
        NETWORK,
        lambda times: max(1, round(times * share / CHILDREN)),
        classes=CLASSES,
        batch_size=CHILDREN * len(CLASSES),
    )
    return Runs(shared, singles)


def _evolve_singly(
    lab: Lab, network: str, generations: Callable[[int], int], **settings: Setting
) -> dict[str, Run]:
    """Evolves with every budget and population.

    Args:
        lab: names the number of seeds.
        network: to fool.
        generations: of a multiple of the evaluations of MAP-Elites, the first one counted.
        **settings: further fields of `EvolveConfig`.
    """
    populations = lab.choose(full=POPULATIONS, small=POPULATIONS[-1:])  # each is compiled
    return {
        f"single-class of {population}, {budget}": lab.evolve(
            network,
            algorithm="single-class",
            population=population,
            generations=generations(times) - 1,
            runs=lab.seeds,
            **SPARSE,
            **settings,
        )
        for budget, times in BUDGETS.items()
        for population in populations
    }


def measure(lab: Lab, evolve: Callable[[Lab], Runs]) -> Measures:
    """Measures the strategies in the classes that were evolved for singly."""
    runs = evolve(lab)
    singles = {name: strategy([run], runs.outputs) for name, run in runs.singles.items()}
    return Measures({SHARED: strategy(runs.shared, runs.outputs)} | singles)


def report(lab: Lab, measures: Measures, evolve: Callable[[Lab], Runs], *, bar: float) -> Findings:
    """Asks whether one archive is as good as one run for each class; `bar` is what is certain."""
    runs, strategies = evolve(lab), measures.strategies
    seeds, classes = strategies[SHARED].log_odds.shape
    card = runs.shared[0].card
    return Findings(
        rows=[
            *similarity_rows(strategies),
            *(
                Row(what=f"{name}: {what}", ours=ours, unit="%", n=f"{classes} classes a seed")
                for name, one in strategies.items()
                for what, ours in (
                    ("median confidence", one.medians()),
                    (f"share >= {100 * bar:g} %", one.shares(bar)),
                )
            ),
        ],
        tables=[
            tabulate_budgets(strategies),
            tabulate_tests(strategies),
            tabulate_classes(
                strategies,
                [in_markdown(first_name(label_of(card, output))) for output in runs.outputs],
            ),
        ],
        images=[_show_elites(lab, runs)],
        notes=notes("single-class", "both", values=seeds * classes, seeds=seeds, classes=classes),
    )


def similarity_rows(strategies: Strategies) -> list[Row]:
    """Compares the shared archive with the better of the populations, for each budget."""
    shared = strategies[SHARED]
    rows = []
    for budget, claim in SIMILAR.items():
        rivals = [one for name, one in strategies.items() if name.endswith(budget)]
        test = shared.against(max(rivals, key=_median))
        n = f"{test.n_a} and {test.n_b} elites, {cells.test(test.p)}"
        rows.append(claim.row([test.superiority], n=n))
    return rows


def _median(one: Strategy) -> float:
    return float(np.median(one.log_odds))


def _show_elites(lab: Lab, runs: Runs) -> Figure:
    """Leaves elites of the first seed, the same classes of every strategy below each other."""
    shown = runs.outputs[:: -(-len(runs.outputs) // SHOWN)]
    sections = [
        elite_section(name, run, [elite for elite in run.elites() if elite.output in shown])
        for name, run in {SHARED: runs.shared[0], **runs.singles}.items()
    ]
    return captioned_sheet(lab, "sheet.jpg", "Elites of the first seed", sections, columns=SHOWN)


EXPERIMENT = Experiment(
    name="single-class",
    title="Does it matter that all classes share one archive?",
    so_what=(
        "If one archive does as well as a run for each class, a thousand classes are fooled for "
        "the price of few."
    ),
    paper="results were similar with one run for each class",
    parts={
        "mnist": Part(
            measure=partial(measure, evolve=evolve_digits),
            report=partial(report, evolve=evolve_digits, bar=NEAR_CERTAIN),
            claims=tuple(SIMILAR.values()),
            networks=("lenet",),
            seeds=5,
        ),
        "imagenet": Part(
            measure=partial(measure, evolve=evolve_thousand),
            report=partial(report, evolve=evolve_thousand, bar=LIKELY),
            claims=tuple(SIMILAR.values()),
            networks=(NETWORK,),
            seeds=2,
        ),
    },
)
