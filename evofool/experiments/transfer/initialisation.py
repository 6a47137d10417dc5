"""Transfer to a network of the same architecture that began with other weights."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from evofool.experiments.bench import (
    NETWORK,
    Lab,
    evolve_digits,
    evolve_imagenet,
    evolve_imagenet_briefly,
)
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    MANY,
    SIGNIFICANT,
    SOME,
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    note,
    notes,
    section,
    settings,
)
from evofool.experiments.report.sheets import name_and_confidence
from evofool.experiments.transfer.measures import (
    Evolve,
    Measures,
    Pair,
    measure,
    share_of,
    share_row,
    tabulate_by_confidence,
)
from evofool.measures import Permuted, permutation_test
from evofool.runs import Run

DIGITS = ("lenet", "lenet-b")
OBJECTS = ("cifar_cnn", "cifar_cnn-b")
WIDER = "mobilenet_v1_0.75_192"
BEST = (6, 9, 2)  # the digits that the paper says transfer best
ON_A_SHEET = 20
TEMPLATE = "transfer-initialisation"

SAME_LABEL = Claim(what="same label on both", paper="many", tolerance=MANY)
BOTH_CERTAIN = Claim(what=">= 99.99 % on both", paper="some", tolerance=SOME)
CLAIMS = (SAME_LABEL, BOTH_CERTAIN)
BEST_DIGITS = Claim(
    what="6, 9 and 2 keep their label more often than other digits",
    paper="transfer best",
    tolerance=SIGNIFICANT,
    unit="p",
)


def evolve_two(lab: Lab, names: Sequence[str]) -> list[tuple[str, Run]]:
    """Evolves for two networks that differ in the seed of their weights and of their training."""
    return [("", evolve_digits(lab, name)) for name in names]


def evolve_early_too(lab: Lab) -> list[tuple[str, Run]]:
    """Evolves for two LeNets, and again for fewer generations.

    Images that have been certain for long all transfer: the digits differ before that.
    """
    early = [evolve_digits(lab, name, is_short=True) for name in DIGITS]
    return evolve_two(lab, DIGITS) + [(f", generation {run.generation}", run) for run in early]


def evolve_thousand(lab: Lab) -> list[tuple[str, Run]]:
    """Evolves for two MobileNetV1; no second initialisation of one width is published."""
    return [("", evolve_imagenet(lab)), ("", evolve_imagenet_briefly(lab, WIDER))]


evolve_objects = partial(evolve_two, names=OBJECTS)


def report(lab: Lab, measures: Measures, evolve: Evolve, claims: Sequence[Claim]) -> Findings:
    """Asks how many images keep their label."""
    pairs, runs = measures.pairs(), [run for _, run in evolve(lab)]
    there, back = (cells.share(share_of(pair.keeps_label)) for pair in pairs)
    return Findings(
        rows=rows_of(pairs, claims),
        result=note(TEMPLATE, f"{lab.domain} result", there=there, back=back),
        tables=[*map(tabulate_by_confidence, pairs)],
        images=[show(lab, runs[0], pairs[0])],
        notes=notes(TEMPLATE, lab.domain, settings=[*map(settings, runs)]),
    )


def report_digits(lab: Lab, measures: Measures) -> Findings:
    """Asks how many images keep their label, and whether those digits do that the paper names."""
    (_, run), _, (_, early_run), _ = evolve_early_too(lab)
    pairs = measures.pairs()
    late, early = pairs[:2], pairs[2:]
    tests = [test_best(pair, lab.seeds) for pair in early]
    per_digit, best = rank_digits(early)
    return Findings(
        rows=[
            *rows_of(late, CLAIMS),
            *rows_of(early),
            *(
                BEST_DIGITS.row([test.p], what=f"{pair.way}: {BEST_DIGITS.what}{pair.when}")
                for pair, test in zip(early, tests, strict=True)
            ),
        ],
        result=", ".join(map(str, sorted(best)))
        + (" transfer best" if len(best) == len(BEST) else " transfer alike: no three are best"),
        tables=[per_digit, *map(tabulate_by_confidence, late)],
        images=[show(lab, run, late[0])],
        notes=notes(
            TEMPLATE,
            "mnist",
            settings=settings(run),
            last=run.generation,
            odds=np.median(run.table["archive.fitness"]),
            early=early_run.generation,
            early_odds=np.median(early_run.table["archive.fitness"]),
            way=early[0].way,
            there=cells.test(tests[0]),
            back=cells.test(tests[1]),
        ),
    )


def rows_of(pairs: Sequence[Pair], claims: Sequence[Claim] = ()) -> list[Row]:
    """Returns how many images keep their label, and their confidence; `claims` judge some rows."""
    judge, rows = {claim.what: claim for claim in claims}, []
    for pair in pairs:
        for what, flags in (
            (SAME_LABEL.what, pair.keeps_label),
            ("the class it was evolved for on both", pair.before.is_fooled & pair.after.is_fooled),
            (BOTH_CERTAIN.what, pair.is_certain),
        ):
            rows.append(share_row(f"{pair.way}: {what}{pair.when}", flags, judge.get(what)))
        before, after = (float(np.median(look.confidence)) for look in (pair.before, pair.after))
        what = f"{pair.way}: median confidence in the class there{pair.when}"
        n = f"{len(pair.after.classes)} images, {cells.confidence(before)} here"
        rows.append(Row(what=what, ours=[after], unit="%", n=n))
    return rows


def rank_digits(pairs: Sequence[Pair]) -> tuple[Table, set[int]]:
    """Returns how the images of every digit transfer, and the three best: more where some tie."""
    classes, kept = pairs[0].before.classes, [pair.keeps_label for pair in pairs]
    log_odds = [pair.after.log_odds for pair in pairs]
    rows = []
    for digit in range(10):
        chosen = classes == digit
        shares = [cells.share(share_of(flags[chosen])) for flags in kept]
        together = float(np.mean([flags[chosen] for flags in kept]))
        odds = float(np.mean([np.median(values[chosen]) for values in log_odds]))
        rows.append([digit, *shares, together, odds])
    # digits that transfer alike are shown by how certain the other network is
    rows.sort(key=lambda row: (-row[-2], -row[-1]))
    title = "best first (of equal ones, the one with more log-odds)"
    table = Table(
        title=f"Same label on both{pairs[0].when}, {title}",
        header=["digit", pairs[0].way, "and back", "both ways", "log-odds after"],
        rows=rows,
    )
    return table, {row[0] for row in rows if row[-2] >= rows[len(BEST) - 1][-2]}


def test_best(pair: Pair, runs: int) -> Permuted:
    """Tests whether the digits in `BEST` keep their label more often; permutes within runs."""

    def more(labels: np.ndarray) -> float:
        is_best = np.isin(labels, BEST)
        return float(pair.keeps_label[is_best].mean() - pair.keeps_label[~is_best].mean())

    classes = pair.before.classes
    blocks = np.repeat(np.arange(runs), len(classes) // runs)
    return permutation_test(more, classes, within=blocks, alternative="greater")


def show(lab: Lab, run: Run, pair: Pair) -> Figure:
    """Leaves a sheet of the images of which the other network is most certain, and least."""
    elites, order = run.all_elites(), np.argsort(pair.after.log_odds, kind="stable")
    count, after = min(ON_A_SHEET, len(order) // 2), pair.after.confidence.tolist()

    def caption(place: int) -> list[str]:
        return [*name_and_confidence(elites[place]), f"then {cells.confidence(after[place])}"]

    sections = [
        section(heading, run.images([elites[place] for place in places]), map(caption, places))
        for heading, places in (
            ("Most certain to be taken for the same class", order[::-1][:count]),
            ("Least certain", order[:count]),
        )
    ]
    what = f"Evolved for {pair.way.replace(' to ', ', shown to ')}: confidence before and after"
    return captioned_sheet(lab, "sheet.jpg", what, sections)


EXPERIMENT = Experiment(
    name="transfer-initialisation",
    title="Do images fool a network that was trained from other initial weights?",
    so_what=(
        "If images fool a network that was trained anew, a weakness belongs to data and "
        "architecture, and training again does not remove it."
    ),
    paper="section 3.3, first part (300 MNIST and 1000 ImageNet images)",
    parts={
        "mnist": Part(
            measure=partial(measure, evolve=evolve_early_too),
            report=report_digits,
            claims=(*CLAIMS, BEST_DIGITS),
            networks=DIGITS,
            seeds=30,
        ),
        "cifar10": Part(
            measure=partial(measure, evolve=evolve_objects),
            report=partial(report, evolve=evolve_objects, claims=()),
            networks=OBJECTS,
            seeds=10,
        ),
        "imagenet": Part(
            measure=partial(measure, evolve=evolve_thousand),
            report=partial(report, evolve=evolve_thousand, claims=CLAIMS),
            claims=CLAIMS,
            networks=(NETWORK, WIDER),
        ),
    },
)
