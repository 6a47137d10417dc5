"""Does a network that has learned fooling images as a class of their own still get fooled?"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from evofool.classifiers import cifar_cnn_card, lenet_card
from evofool.evolution import LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import FEW_EXAMPLES, NETWORK, Lab
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    at_least,
    captioned_sheet,
    cells,
    measured,
    note,
    notes,
    section,
)
from evofool.experiments.retraining import finetuning
from evofool.experiments.retraining.rounds import Longer, Plan, Round, Series, retrain
from evofool.images import chart, confidence_axis, on_axis
from evofool.measures import proportion_interval
from evofool.training import RECIPES, flip_and_shift

SHEET_ROUNDS = 6  # whose images are shown
LONGER_SHOWN = 5  # lines of the table

LAST = Claim(  # below the published median, but of the same kind
    what="median confidence, last round", paper="99.99 %", tolerance=at_least(LIKELY)
)
LOWEST = Claim(
    what="lowest median confidence of a round",
    paper="99.99 % in every round",
    tolerance=at_least(NEAR_CERTAIN),
)

POLISHED = Claim(
    what="lowest median confidence of a round, polished",
    paper=LOWEST.paper,
    tolerance=LOWEST.tolerance,
)
SHARE = Claim(what="fooling images in the last training set", paper="25 %")  # follows from the plan
CLAIMS = (LAST, LOWEST, POLISHED)


class Measures(NamedTuple):
    """A series of rounds for each seed."""

    series: list[Series]


def plan_digits(lab: Lab) -> Plan:
    """Plans rounds of the paper's set sizes: 300 runs of 20 images, then 50 runs of 20."""
    return Plan(
        network="lenet",
        card=lenet_card(),
        config=dataclasses.replace(RECIPES["lenet"].config, epochs=lab.choose(full=5, small=1)),
        examples=lab.choose(full=None, small=FEW_EXAMPLES),
        tests=lab.choose(full=None, small=2000),
        rounds=lab.choose(full=15, small=1),
        first_runs=lab.choose(full=300, small=4),
        later_runs=lab.choose(full=50, small=4),
        generations=lab.choose(full=50, small=5),
        steps=lab.choose(full=100, small=2),
        batch_size=lab.choose(full=200, small=50),
        longer_runs=lab.choose(full=10, small=4),
        longer=lab.choose(full=1000, small=10),
    )


def plan_objects(lab: Lab) -> Plan:
    """Plans five rounds in which the fooling images have the same shares as on MNIST."""
    recipe = RECIPES["cifar_cnn"].config
    return Plan(
        network="cifar_cnn",
        card=cifar_cnn_card(),
        config=dataclasses.replace(recipe, epochs=lab.choose(full=5, small=1)),
        augment=flip_and_shift,
        examples=lab.choose(full=None, small=1000),
        tests=lab.choose(full=None, small=500),
        rounds=lab.choose(full=5, small=1),
        first_runs=lab.choose(full=250, small=2),
        later_runs=lab.choose(full=42, small=2),
        generations=lab.choose(full=50, small=3),
        steps=lab.choose(full=100, small=2),
        batch_size=lab.choose(full=50, small=20),
        longer_runs=lab.choose(full=5, small=2),
        longer=lab.choose(full=500, small=6),
    )


def measure(lab: Lab, plan: Callable[[Lab], Plan]) -> Measures:
    """Trains and fools networks in turn."""
    return Measures([retrain(lab, plan(lab), repetition) for repetition in range(lab.seeds)])


def report(
    lab: Lab, measures: Measures, plan: Callable[[Lab], Plan], claims: Sequence[Claim] = ()
) -> Findings:
    """Asks whether retrained networks are fooled, and whether more generations would do it."""
    planned, all_series = plan(lab), measures.series
    medians = [
        (
            series.rounds[0].median,
            series.rounds[-1].median,
            series.longer.final,
            series.rounds[-1].polished_median,
        )
        for series in all_series
    ]
    first, last, later, polished = (
        cells.spread(seeds, "%") for seeds in zip(*medians, strict=True)
    )
    rows = rows_of(all_series, len(lab.dataset().test_labels[: planned.tests]), claims)
    return Findings(
        rows=rows,
        result=note(
            "retraining",
            "result",
            plan=planned,
            first=first,
            last=last,
            later=later,
            polished=polished,
        ),
        summary=(rows[0].paper, f"{LAST.what}: {last}, polished {polished}"),
        tables=[
            *(tabulate_rounds(series.rounds, seed) for seed, series in enumerate(all_series)),
            *(tabulate_polished(series.rounds, seed) for seed, series in enumerate(all_series)),
            *(tabulate_longer(series.longer, seed) for seed, series in enumerate(all_series)),
        ],
        images=[draw(lab, all_series), show(lab, planned, all_series[0].rounds)],
        notes=notes("retraining", "rounds", plan=planned),
    )


def rows_of(all_series: Sequence[Series], tests: int, claims: Sequence[Claim] = ()) -> list[Row]:
    """Returns how networks are fooled and what they lost, judged by claims of the same `what`."""
    last, start = ([series.rounds[place] for series in all_series] for place in (-1, 0))
    longer = [series.longer for series in all_series]
    lowest = [min(done.median for done in series.rounds) for series in all_series]
    of_test, of_set = f"{tests:,} test images", f"{last[0].training_set:,} images"
    after = f"the same after {longer[0].generations[-1]} generations"
    polished = [[done.polished_median for done in series.rounds] for series in all_series]
    of_retrained = f"{len(polished[0]) - 1} networks"
    elites = [f"{done.confidence.size} elites" for done in (last[0], start[0])]
    return measured(
        [
            (LAST.what, [done.median for done in last], elites[0]),
            (after, [runs.final for runs in longer], f"{longer[0].medians.shape[1]} runs"),
            (LOWEST.what, lowest, f"{len(all_series[0].rounds)} rounds"),
            ("median confidence, round 0", [done.median for done in start], elites[1]),
            (SHARE.what, [done.fooling_share for done in last], of_set),
            ("error, round 0", [done.error for done in start], of_test),
            ("error, last round", [done.error for done in last], of_test),
            ("test images called fooling, last round", [done.rejected for done in last], of_test),
            (POLISHED.what, list(map(min, polished)), f"{len(polished[0])} rounds"),
            ("median confidence, last round, polished", [row[-1] for row in polished], elites[0]),
            (
                "retrained networks with a polished median >= 99.99 %",
                [float(np.mean(np.array(row[1:]) >= NEAR_CERTAIN)) for row in polished],
                of_retrained,
            ),
            (
                f"{after}, polished",
                [float(np.median(runs.polished)) for runs in longer],
                f"{longer[0].polished.size} elites",
            ),
        ],
        claims,
    )


def tabulate_rounds(rounds: Sequence[Round], seed: int) -> Table:
    """Returns what every network learned and lost, and how it was fooled."""
    header = ["round", "training images", "of them fooling", "error", "called fooling"]
    header += ["error without that output", "new images", "median confidence", "5th percentile"]
    rows = [
        [
            number,
            f"{done.training_set:,}",
            *map(cells.share, (done.fooling_share, done.error, done.rejected)),
            cells.share(done.error_among_classes),
            done.confidence.size,
            cells.confidence(done.median),
            cells.confidence(float(np.quantile(done.confidence, 0.05))),
            cells.share(float(np.mean(done.confidence >= NEAR_CERTAIN))),
        ]
        for number, done in enumerate(rounds)
    ]
    return Table(title=f"Rounds, seed {seed}", header=[*header, ">= 99.99 %"], rows=rows)


def tabulate_polished(rounds: Sequence[Round], seed: int) -> Table:
    """Returns how certain the last elites of every round are, and after they have climbed."""
    lines = []
    for number, done in enumerate(rounds):
        certain = int(np.sum(done.polished >= NEAR_CERTAIN))
        lines.append(
            {
                "round": number,
                "elites": done.polished.size,
                "evolved": cells.median(done.confidence.ravel()),
                "polished": cells.median(done.polished.ravel()),
                "polished, 5th percentile": cells.confidence(
                    float(np.quantile(done.polished, 0.05))
                ),
                "polished, >= 99.99 %": cells.share(
                    proportion_interval(certain, done.polished.size)
                ),
            }
        )
    return Table.of(f"Elites that are polished, seed {seed}: median confidence", lines)


def tabulate_longer(longer: Longer, seed: int) -> Table:
    """Shows about six of the times, each twice as late as the one before."""
    last = len(longer.generations) - 1
    shown = sorted({0, last, *(last // 2**halved for halved in range(LONGER_SHOWN))})
    quantiles = np.quantile(longer.medians, (0.5, 0, 1), axis=1).T
    return Table(
        title=f"More generations against the last network, seed {seed}: median confidence",
        header=["generation", "median of the runs", "lowest", "highest", "runs"],
        rows=[
            [
                int(longer.generations[i]),
                *map(cells.confidence, quantiles[i].tolist()),
                longer.medians.shape[1],
            ]
            for i in shown
        ],
    )


def draw(lab: Lab, all_series: Sequence[Series]) -> Figure:
    """Draws confidence and errors over the rounds, a colour per seed."""
    with chart(lab.folder / "rounds.png", size=(10, 4), panels=2) as (left, right):
        for seed, (rounds, _) in enumerate(all_series):
            at, color = range(len(rounds)), f"C{seed % 10}"
            quantiles = [np.quantile(done.confidence, (0.05, 0.5, 0.95)) for done in rounds]
            low, middle, high = on_axis(quantiles).T
            left.fill_between(at, low, high, color=color, alpha=0.15, linewidth=0)
            left.plot(at, middle, "o-", color=color, label=None if seed else "evolved")
            polished = on_axis([done.polished_median for done in rounds])
            left.plot(at, polished, "^--", color=color, label=None if seed else "polished")
            for values, style, label in (
                ([done.error for done in rounds], "o-", "error"),
                ([done.rejected for done in rounds], "s--", "called fooling"),
            ):
                shown = label if seed == 0 else None
                right.plot(at, 100 * np.array(values), style, color=color, label=shown)
        confidence_axis(left, "confidence of new images")
        left.legend()
        right.set_ylabel("% of the test images")
        right.set_ylim(bottom=0)
        right.legend()
        for axes in (left, right):
            axes.set_xlabel("round (times retrained)")
            axes.grid(alpha=0.3)
    return Figure(file="rounds.png", caption=note("retraining", "chart"))


def show(lab: Lab, plan: Plan, rounds: Sequence[Round]) -> Figure:
    """Leaves the elites of one run against the networks of some of the rounds, and polished."""
    chosen = np.unique(np.linspace(0, len(rounds) - 1, SHEET_ROUNDS).round().astype(int))
    sections = []
    for number in chosen:
        done = rounds[number]
        for heading, images, confidence in (
            (f"round {number}", done.images, done.confidence),
            (f"round {number}, polished", done.polished_images, done.polished),
        ):
            captions = zip(
                plan.card.labels, map(cells.confidence, confidence[0].tolist()), strict=True
            )
            sections.append(section(heading, images, captions))
    return captioned_sheet(lab, "sheet.jpg", note("retraining", "sheet"), sections)


EXPERIMENT = Experiment(
    name="retraining",
    title="Does a network that learned fooling images as one more class still get fooled?",
    so_what=(
        "If a network that has learned fooling images is fooled anew, the lesson covers the "
        "images that it has seen, and not the next ones."
    ),
    paper="section 'Training networks to recognize fooling images'",
    parts={
        "mnist": Part(
            measure=partial(measure, plan=plan_digits),
            report=partial(report, plan=plan_digits, claims=(*CLAIMS, SHARE)),
            claims=CLAIMS,
            images=True,
        ),
        "cifar10": Part(
            measure=partial(measure, plan=plan_objects),
            report=partial(report, plan=plan_objects),
            images=True,
        ),
        "imagenet": Part(
            measure=finetuning.measure,
            report=finetuning.report,
            claims=finetuning.CLAIMS,
            networks=(NETWORK, finetuning.OTHER),
            images=True,
        ),
    },
)
