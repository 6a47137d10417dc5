"""What proxies say of evolved and of real images: rows, tables, what they are worth."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from evofool.analysis import median_interval, p_text, proportion_interval
from evofool.classifiers import Card, confidence
from evofool.experiments.bench import Lab
from evofool.experiments.recognisability.images import write_extremes, write_quiz
from evofool.experiments.recognisability.measures import NEAR, Compared
from evofool.experiments.report import Findings, Row, Table, Verdict
from evofool.support import percent

LEAST_MEMBERS = 5  # of a group of classes in the table


def report(
    lab: Lab,
    compared: Mapping[str, Compared],
    *,
    judges: Sequence[str],
    spaces: Sequence[str],
    kind: Callable[[int], str],
    card: Card,
    examples: int,
    unmatched: Sequence[str],
) -> Findings:
    """Says what came out, and leaves the images.

    Args:
        lab: where images are left.
        compared: by encoding; "CPPN" is among them.
        judges: their names.
        spaces: in which the nearest example was looked for.
        kind: the class or group that counts as the same.
        card: of the network that is fooled.
        examples: number of images that the nearest was looked for among.
        unmatched: encodings without a pair.
    """
    is_grouped = kind(0) != str(0)
    return Findings(
        rows=_rows(compared),
        tables=[
            _judges_table(compared, judges),
            _neighbours_table(compared, spaces, examples, is_grouped),
            _kinds_table(compared, kind, is_grouped),
        ],
        images=[*write_quiz(lab, compared, card), write_extremes(lab, compared["CPPN"], card)],
        notes=_notes(compared, judges, card, unmatched, is_grouped),
        summary=(
            "unrecognisable (no figure)",
            "judges confirm {:.0%} of CPPN elites, {:.0%} of equally certain real images".format(
                *_shares(compared["CPPN"])
            ),
        ),
        verdict=_verdict(compared["CPPN"]),
    )


def _shares(one: Compared) -> tuple[float, float]:
    """Returns the mean share that judges confirm, of matched elites and of real images."""
    ours = one.of_elites.of(one.matched)
    return float(ours.confirmed.mean()), float(one.of_reals.confirmed.mean())


def _rows(compared: Mapping[str, Compared]) -> list[Row]:
    rows = []
    for encoding, one in compared.items():
        matched = one.of_elites.of(one.matched)
        real = f"real partners of {encoding} elites"
        for what, found in ((f"{encoding} elites", matched), (real, one.of_reals)):
            rows += [
                Row(
                    what=f"{what}: judges see the same class",
                    paper="" if found is one.of_reals else "unrecognisable to people",
                    ours=found.confirmed.mean(axis=1).tolist(),
                    unit="%",
                    n=f"{len(one.matched)} images, {len(found.confirmed)} judge(s)",
                ),
                Row(
                    what=f"{what}: cosine with the nearest real image, pixels, median",
                    ours=[float(np.median(found.nearest[0]))],
                    n=f"{len(one.matched)} images",
                ),
            ]
    return rows


def _judges_table(compared: Mapping[str, Compared], judges: Sequence[str]) -> Table:
    rows = []
    for encoding, one in compared.items():
        tests, matched = one.tests("log_odds"), one.of_elites.of(one.matched)
        rows += [
            [
                *(encoding, judge),
                *(
                    str(proportion_interval(int(hits.sum()), len(hits)))
                    for hits in (
                        one.of_elites.confirmed[place],
                        matched.confirmed[place],
                        one.of_reals.confirmed[place],
                    )
                ),
                *(tests[place].superiority, p_text(tests[place].p)),
            ]
            for place, judge in enumerate(judges)
        ]
    return Table(
        title="Share whose class a judge sees too [95 % interval], and the probability that the "
        "judge is more certain of an elite's than of a real image's",
        header=["encoding", "judge", "all elites", "matched elites", "real", "P", "p"],
        rows=rows,
    )


def _neighbours_table(
    compared: Mapping[str, Compared], spaces: Sequence[str], examples: int, is_grouped: bool
) -> Table:
    rows = []
    for encoding, one in compared.items():
        tests, matched = one.tests("nearest"), one.of_elites.of(one.matched)
        for place, space in enumerate(spaces):
            cosines = [median_interval(found.nearest[place]) for found in (matched, one.of_reals)]
            rows.append(
                [
                    *(encoding, space),
                    *(f"{each.median:.2f} [{each.low:.2f}, {each.high:.2f}]" for each in cosines),
                    *(tests[place].superiority, p_text(tests[place].p)),
                    *(f"{found.is_same[place].mean():.1%}" for found in (matched, one.of_reals)),
                    len(one.matched),
                ]
            )
    same = "of its group" if is_grouped else "of its class"
    return Table(
        title=f"The nearest of {examples} real images: median cosine [95 % interval], the "
        "probability that an elite's is larger, and how often that image is "
        f"{same}; matched pairs",
        header=["encoding", "compared by", "elites", "real", "P", "p", same, "real", "n"],
        rows=rows,
    )


def _kinds_table(
    compared: Mapping[str, Compared], kind: Callable[[int], str], is_grouped: bool
) -> Table:
    """Shows which elites judges recognise: digit by digit, or by groups of classes."""
    members: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for encoding, one in compared.items():
        for index, share in zip(
            one.elites.classes, one.of_elites.confirmed.mean(axis=0), strict=True
        ):
            members[kind(int(index))][encoding].append(float(share))
    least = LEAST_MEMBERS if is_grouped else 1
    large = {name: found for name, found in members.items() if len(found["CPPN"]) >= least}
    ranked = sorted(large.items(), key=lambda item: -np.mean(item[1]["CPPN"]))
    return Table(
        title="Mean share of judges that see the class, all elites",
        header=["group" if is_grouped else "class", "n", *compared],
        rows=[
            [name, len(found["CPPN"]), *(f"{np.mean(found[each]):.1%}" for each in compared)]
            for name, found in ranked
        ],
    )


def _notes(
    compared: Mapping[str, Compared],
    judges: Sequence[str],
    card: Card,
    unmatched: Sequence[str],
    is_grouped: bool,
) -> list[str]:
    pairs = ", ".join(
        f"{len(one.matched)} of {len(one.elites.classes)} {encoding} elites (median confidence "
        f"{percent(float(np.median(confidence(one.elites.log_odds[one.matched]))))})"
        for encoding, one in compared.items()
    )
    labelled = ", ".join(f"{one.labelled.mean():.1%}" for one in compared.values())
    notes = [
        f"Every elite that has one is paired with a real image that {card.name} is as certain "
        f"of, within {NEAR} nats of log-odds: {pairs}. For real images the class is what "
        f"{card.name} sees, right or wrong; their labels, which people gave, agree in {labelled}. "
        "Both kinds are scaled alike for judges of another input size.",
        "What a proxy can tell: where judges and neighbours confirm real images and not equally "
        "certain elites, the elites lack what real images of the class have. What it cannot: "
        "judges were trained on the same images as the network and share blind spots with it, so "
        "that what they confirm (it transfers) may still show nothing to a person; and a person "
        "may recognise what they reject. Only people who take the quiz can tell; none were asked. "
        "`evofool quiz RUN --out DIR` makes one of any run, with its key.",
    ]
    if "direct" in compared:
        confirmed = compared["direct"].of_elites.confirmed.mean(axis=1)
        notes.append(
            f"How far judges stand in for people: {judges[confirmed.argmax()]} confirms "
            f"{confirmed.max():.1%} of all directly encoded elites, which look like noise to "
            f"anybody, {judges[confirmed.argmin()]} {confirmed.min():.1%}. A judge that confirms "
            "many of them shares what fools the network and says nothing of people."
        )
    if is_grouped:
        notes.append(
            "There is one photograph for each class, so that the nearest other one to a photograph "
            "cannot be of its class: its group is compared."
        )
    if unmatched:
        notes.append(
            f"No real image is as uncertain as the elites of: {', '.join(unmatched)}; they are "
            "not compared."
        )
    return notes


def _verdict(one: Compared) -> Verdict:
    """Proxies can support the paper in part: people alone decide what they recognise."""
    ours, real = _shares(one)
    tests = one.tests("log_odds")
    fewer = ours < real and all(test.p < 0.05 and test.superiority < 0.5 for test in tests)
    because = (
        f"judges see the class of {ours:.0%} of CPPN elites and of {real:.0%} of real images of "
        f"the same certainty (n = {len(one.matched)} pairs)"
    )
    return Verdict(
        outcome="in part" if fewer else "differs", because=f"{because}; people were not asked"
    )
