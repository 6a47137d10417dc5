"""Transfer to a network of the same architecture that began with other weights."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

from evofool.analysis import Permuted, permutation_test
from evofool.classifiers import first_name
from evofool.experiments.bench import (
    NETWORK,
    Lab,
    evolve_digits,
    evolve_imagenet,
    evolve_imagenet_briefly,
)
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict, save_sheet, settings
from evofool.experiments.transfer.measures import by_own_confidence, near_certain, seen_by, share
from evofool.images import Section, draw_sheet, thumbnail
from evofool.runs import Run, Seen
from evofool.support import percent

DIGITS = ("lenet", "lenet-b")
OBJECTS = ("cifar_cnn", "cifar_cnn-b")
WIDER = "mobilenet_v1_0.75_192"
BEST = (6, 9, 2)  # the digits that the paper says transfer best
ON_A_SHEET = 20


def mnist(lab: Lab) -> Findings:
    """Two LeNets, which differ in the seed of their first weights and of their training."""
    runs = [evolve_digits(lab, name) for name in DIGITS]
    rows, tables, seen = _both_ways(lab, runs, DIGITS)
    # images that have been certain for long all transfer: the digits differ before that
    early = [evolve_digits(lab, name, is_short=True) for name in DIGITS]
    early_rows, _, early_seen = _both_ways(lab, early, DIGITS)
    when = f", generation {early[0].generation}"
    runs_of = np.repeat(np.arange(lab.seeds), 10)
    best = [
        _test_best(before.classes, before.top == after.top, runs_of) for before, after in early_seen
    ]
    per_digit, best_digits = _by_digit(early_seen, when)
    as_published = best_digits == set(BEST)
    digits = ", ".join(map(str, sorted(best_digits)))
    return Findings(
        rows=[*rows, *(dataclasses.replace(row, what=row.what + when) for row in early_rows)],
        tables=[per_digit, *tables],
        images=[_show(lab, runs[0], *seen[0], f"Evolved for {DIGITS[0]}, shown to {DIGITS[1]}")],
        notes=[
            settings(runs[0]),
            "Fitness is the log-odds, which go on rising where a confidence is 1 in float32: after "
            f"{runs[0].generation} generations the images have a median of "
            f"{_odds(runs[0])} nats. Which digits transfer best is seen before: after "
            f"{early[0].generation} generations, with a median of {_odds(early[0])} nats.",
            f"Do 6, 9 and 2 transfer better than the other digits{when}? {DIGITS[0]} to "
            f"{DIGITS[1]}: share more by {best[0]}; back: {best[1]}. (Labels of digits permuted "
            "within runs, one-sided.)",
        ],
        verdict=Verdict(
            outcome="reproduced" if as_published else "in part",
            because=f"{_shares(seen)}, generation {runs[0].generation}; "
            f"{_shares(early_seen)}{when}; "
            + (
                f"{digits} transfer best" + ("" if as_published else ", not 6, 9 and 2")
                if len(best_digits) == len(BEST)
                else f"{digits} transfer alike, so that no three are best"
            ),
        ),
    )


def cifar10(lab: Lab) -> Findings:
    """Two CIFAR-10 networks, likewise."""
    runs = [evolve_digits(lab, name) for name in OBJECTS]
    rows, tables, seen = _both_ways(lab, runs, OBJECTS)
    return Findings(
        rows=rows,
        tables=tables,
        images=[_show(lab, runs[0], *seen[0], f"Evolved for {OBJECTS[0]}, shown to {OBJECTS[1]}")],
        notes=[settings(runs[0]), "The paper did not do this with these images."],
        verdict=Verdict(outcome="new", because=_shares(seen)),
    )


def imagenet(lab: Lab) -> Findings:
    """Two MobileNetV1; no second initialisation of one width is to be had, so widths differ."""
    runs = [evolve_imagenet(lab), evolve_imagenet_briefly(lab, WIDER)]
    rows, tables, seen = _both_ways(lab, runs, (NETWORK, WIDER))
    return Findings(
        rows=rows,
        tables=tables,
        images=[_show(lab, runs[0], *seen[0], f"Evolved for {NETWORK}, shown to {WIDER}")],
        notes=[
            *map(settings, runs),
            "The paper trained AlexNet twice. These two networks have one architecture in two "
            "widths and input sizes (128 and 192 pixels) and were trained by others, so that more "
            "than the initial weights differs, and fewer images should transfer. Images are "
            "scaled to the other's input, whole.",
        ],
        verdict=Verdict(
            outcome="in part", because=f"{_shares(seen)}; the networks differ in width"
        ),
    )


def _both_ways(
    lab: Lab, runs: Sequence[Run], names: tuple[str, str]
) -> tuple[list[Row], list[Table], list[tuple[Seen, Seen]]]:
    """Shows the elites of two runs to both networks: rows, tables, and (own, other) for each."""
    rows, tables, seen = [], [], []
    for run, own, other in zip(runs, names, reversed(names), strict=True):
        found = seen_by(lab, run, (own, other))
        before, after = found[own], found[other]
        seen.append((before, after))
        way = f"{own} to {other}"
        for what, paper, kept in (
            ("same label on both", "many", before.top == after.top),
            ("the class it was evolved for on both", "", before.hits & after.hits),
            (">= 99.99 % on both", "some", near_certain(before, after)),
        ):
            found_share = share(kept)
            rows.append(
                Row(
                    what=f"{way}: {what}",
                    paper=paper,
                    ours=[found_share.share],
                    unit="%",
                    n=f"{found_share.n} images, [{found_share.low:.1%}, {found_share.high:.1%}]",
                )
            )
        rows.append(
            Row(
                what=f"{way}: median confidence in the class there",
                ours=[float(np.median(after.confidence))],
                unit="%",
                n=f"{len(after.confidence)} images, {np.median(before.confidence):.4%} here",
            )
        )
        tables.append(by_own_confidence(before, after, title=way))
    return rows, tables, seen


def _odds(run: Run) -> str:
    return f"{np.median(run.table['archive.fitness']):.1f}"


def _by_digit(seen: Sequence[tuple[Seen, Seen]], when: str) -> tuple[Table, set[int]]:
    """Returns how the images of every digit transfer, and the three best: more where some tie."""
    digits = range(10)
    kept = [
        [before.top[before.classes == d] == after.top[before.classes == d] for d in digits]
        for before, after in seen
    ]
    medians = [
        [float(np.median(after.log_odds[before.classes == d])) for d in digits]
        for before, after in seen
    ]
    together = [float(np.mean(np.concatenate(each))) for each in zip(*kept, strict=True)]
    # digits that transfer alike are shown by how sure the other network is
    odds = np.mean(medians, axis=0)
    order = sorted(digits, key=lambda d: (-together[d], -odds[d]))
    rows = [
        [d, *(str(share(of_way[d])) for of_way in kept), together[d], float(odds[d])] for d in order
    ]
    header = ["digit", f"{DIGITS[0]} to {DIGITS[1]}", "and back", "both ways", "log-odds after"]
    title = f"Same label on both{when}, best first (of equal ones, the one with more log-odds)"
    third = together[order[len(BEST) - 1]]
    return Table(title=title, header=header, rows=rows), {d for d in digits if together[d] >= third}


def _test_best(classes: np.ndarray, same: np.ndarray, runs: np.ndarray) -> Permuted:
    """Tests whether the digits in `BEST` keep their label more often than the others."""

    def more(labels: np.ndarray) -> float:
        is_best = np.isin(labels, BEST)
        return float(same[is_best].mean() - same[~is_best].mean())

    return permutation_test(more, classes, within=runs, alternative="greater")


def _show(lab: Lab, run: Run, before: Seen, after: Seen, what: str) -> Figure:
    """Leaves a sheet of the images of which the other network is surest, and least sure."""
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    order = np.argsort(after.log_odds, kind="stable")
    count = min(ON_A_SHEET, len(order) // 2)
    sections = []
    for heading, places in (
        ("Surest to be taken for the same class", order[::-1][:count]),
        ("Least sure", order[:count]),
    ):
        chosen = [elites[place] for place in places]
        captions = [
            [
                first_name(elites[place].label),
                percent(float(before.confidence[place])),
                f"then {percent(float(after.confidence[place]))}",
            ]
            for place in places
        ]
        images: list[Image.Image] = [thumbnail(image) for image in run.images(chosen)]
        sections.append(Section(heading, images, captions))
    save_sheet(draw_sheet(sections), lab.folder / "sheet.jpg")
    return Figure(file="sheet.jpg", caption=f"{what}: confidence in the class before and after")


def _shares(seen: Sequence[tuple[Seen, Seen]]) -> str:
    there, back = (share(before.top == after.top) for before, after in seen)
    return (
        f"{there.share:.1%} of {there.n} images keep their label one way and {back.share:.1%} of "
        f"{back.n} the other"
    )


EXPERIMENT = Experiment(
    name="transfer-initialisation",
    title="Do images fool a network that was trained from other initial weights?",
    paper="section 3.3, first part (300 MNIST and 1000 ImageNet images)",
    parts={
        "mnist": Whole(run=mnist, networks=DIGITS, seeds=30),
        "cifar10": Whole(run=cifar10, networks=OBJECTS, seeds=10),
        "imagenet": Whole(run=imagenet, networks=(NETWORK, WIDER)),
    },
)
