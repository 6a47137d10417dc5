"""What proxies say of evolved and of real images: rows, tables, the blind quiz."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from evofool.classifiers import confidence, first_name
from evofool.experiments.bench import Lab, images_of
from evofool.experiments.recognisability.measures import (
    NEAR,
    Answers,
    Compared,
    Measures,
    Question,
)
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    at_least,
    at_most,
    captioned_sheet,
    cells,
    note,
    notes,
    one_sided,
    section,
    significant,
)
from evofool.images import Levels
from evofool.measures import proportion_interval

LEAST_MEMBERS = 5  # of a group of classes in the table
QUIZ = {"CPPN": 20, "direct": 10}  # elites in the blind quiz
QUIZ_REALS = 20
SHOWN = 20  # elites of which the judges are most and least certain

CONFIRMED = Claim(  # people would recognise more of them; other networks share blind spots
    what="judges see the same class", paper="unrecognisable to people", tolerance=at_most(0.2)
)
LESS_LIKELY = significant(
    "judges find the class less likely than in equally certain real images",
    "unrecognisable to people",
)
# the paper's statement is about people, for whom networks are a stand-in: as long as none are
# asked, the experiment reproduces it in part at most
ASKED = Claim(what="people asked", paper="unrecognisable to people", tolerance=at_least(1), unit="")
CLAIMS = (CONFIRMED, LESS_LIKELY, ASKED)

Drawn = tuple[UInt8[np.ndarray, "height width channels"], list[str]]
"""An image of the quiz, and what to say of it: name, confidence, origin."""


def report(lab: Lab, measures: Measures, prepare: Callable[[Lab], Question]) -> Findings:
    """Asks whether judges and neighbours confirm elites as they do real images."""
    question, compared = prepare(lab), measures.compared
    shares = [cells.share(answers.confirmed.mean()) for answers in compared["CPPN"].pairs]
    return Findings(
        rows=[
            *(
                row
                for encoding in compared
                for row in confirmation_rows(encoding, compared[encoding])
            ),
            ASKED.row([0]),
        ],
        result=note(
            "recognisability",
            "result",
            elites=shares[0],
            reals=shares[1],
            pairs=len(compared["CPPN"].matched),
        ),
        tables=[
            _tabulate_judges(compared, list(question.judges)),
            _tabulate_neighbours(compared, question),
            _tabulate_kinds(compared, question),
        ],
        images=[*_draw_quiz(lab, question, compared), _draw_extremes(lab, question, compared)],
        notes=[*_notes(question, compared)],
        summary=(
            "unrecognisable (no figure)",
            f"judges confirm {shares[0]} of CPPN elites, {shares[1]} of equally certain real "
            "images",
        ),
    )


def _is_grouped(question: Question) -> bool:
    return question.kind(0) != str(0)


def confirmation_rows(encoding: str, one: Compared) -> list[Row]:
    """Returns what judges and pixels say of matched elites, and of their partners."""
    n = f"{len(one.matched)} images"
    judged = f"{n}, {len(one.reals.confirmed)} judge(s)"
    shares, cosines = zip(
        *(
            (each.confirmed.mean(axis=1).tolist(), [float(np.median(each.nearest[0]))])
            for each in one.pairs
        ),
        strict=True,
    )
    what, real = f"{encoding} elites", f"real partners of {encoding} elites"
    cosine = "cosine with the nearest real image, pixels, median"
    tests = [one_sided(test, greater=False) for test in one.tests("judged")]
    return [
        CONFIRMED.row(shares[0], n=judged, what=f"{what}: {CONFIRMED.what}"),
        LESS_LIKELY.row(tests, n=judged, what=f"{what}: {LESS_LIKELY.what}"),
        Row(what=f"{what}: {cosine}", ours=cosines[0], n=n),
        Row(what=f"{real}: {CONFIRMED.what}", ours=shares[1], unit="%", n=judged),
        Row(what=f"{real}: {cosine}", ours=cosines[1], n=n),
    ]


def _tabulate_judges(compared: Mapping[str, Compared], judges: Sequence[str]) -> Table:
    rows = []
    for encoding, one in compared.items():
        confirmed = [each.confirmed for each in (one.elites, *one.pairs)]
        for place, (judge, test) in enumerate(zip(judges, one.tests("judged"), strict=True)):
            shares = [
                cells.share(proportion_interval(int(each[place].sum()), each.shape[1]))
                for each in confirmed
            ]
            rows.append([encoding, judge, *shares, test.superiority, cells.test(test.p)])
    return Table(
        title="Share whose class a judge sees too [95 % interval], and the probability that the "
        "judge is more certain of an elite's than of a real image's",
        header=["encoding", "judge", "all elites", "matched elites", "real", "P", "p"],
        rows=rows,
    )


def _tabulate_neighbours(compared: Mapping[str, Compared], question: Question) -> Table:
    rows = []
    for encoding, one in compared.items():
        tests = zip(question.spaces(), one.tests("nearest"), strict=True)
        for place, (space, test) in enumerate(tests):
            cosines = [cells.median(each.nearest[place], unit="") for each in one.pairs]
            same = [cells.share(each.is_same[place].mean()) for each in one.pairs]
            p = cells.test(test.p)
            rows.append([encoding, space, *cosines, test.superiority, p, *same, len(one.matched)])
    same = "of its group" if _is_grouped(question) else "of its class"
    return Table(
        title=f"The nearest of {len(question.examples)} real images: median cosine [95 % "
        "interval], the probability that an elite's is larger, and how often that image is "
        f"{same}; matched pairs",
        header=["encoding", "compared by", "elites", "real", "P", "p", same, "real", "n"],
        rows=rows,
    )


def _tabulate_kinds(compared: Mapping[str, Compared], question: Question) -> Table:
    """Shows which elites judges recognise: digit by digit, or by groups of classes."""
    shares: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for encoding, one in compared.items():
        kinds = question.kinds(one.elites.classes).tolist()
        for kind, share in zip(kinds, one.elites.confirmed.mean(axis=0).tolist(), strict=True):
            shares[kind][encoding].append(share)
    least = LEAST_MEMBERS if _is_grouped(question) else 1
    large = {kind: by for kind, by in shares.items() if len(by["CPPN"]) >= least}
    ranked = sorted(large.items(), key=lambda item: -np.mean(item[1]["CPPN"]))
    return Table(
        title="Mean share of judges that see the class, all elites",
        header=["group" if _is_grouped(question) else "class", "n", *compared],
        rows=[
            [kind, len(by["CPPN"]), *(cells.share(float(np.mean(by[e]))) for e in compared)]
            for kind, by in ranked
        ],
    )


def _notes(question: Question, compared: Mapping[str, Compared]) -> Iterator[str]:
    pairs = (
        f"{len(one.matched)} of {len(one.elites.classes)} {encoding} elites (median confidence "
        f"{cells.confidence(float(np.median(confidence(one.pairs[0].log_odds))))})"
        for encoding, one in compared.items()
    )
    yield from notes(
        "recognisability",
        "both",
        network=question.network.card.name,
        near=NEAR,
        pairs=", ".join(pairs),
        labelled=", ".join(cells.share(one.labelled.mean()) for one in compared.values()),
    )
    if "direct" in compared:
        shares = compared["direct"].elites.confirmed.mean(axis=1)
        judges, (least, most) = list(question.judges), (shares.argmin(), shares.argmax())
        yield note(
            "recognisability",
            "direct",
            most_judge=judges[most],
            most=cells.share(shares[most]),
            least_judge=judges[least],
            least=cells.share(shares[least]),
        )
    if _is_grouped(question):
        yield note("recognisability", "groups")
    unmatched = [encoding for encoding in question.runs if encoding not in compared]
    if unmatched:
        yield note("recognisability", "unmatched", encodings=", ".join(unmatched))


def _draw_quiz(lab: Lab, question: Question, compared: Mapping[str, Compared]) -> list[Figure]:
    """Leaves a sheet of elites and real images, without answers and with them."""
    generator = np.random.default_rng(0)

    def draw(images: Levels, group: Answers, origin: str, count: int) -> list[Drawn]:
        rows = generator.permutation(len(images))[:count].tolist()
        return [(images[row], [*_caption(question, group, row), origin]) for row in rows]

    first = compared["CPPN"]
    drawn = draw(question.reals[first.partners], first.reals, "real", QUIZ_REALS)
    for encoding, one in compared.items():
        drawn += draw(_elites(question, encoding), one.elites, encoding, QUIZ[encoding])
    generator.shuffle(drawn)
    answer = (
        f"What {question.network.card.name} takes each image for, its confidence, and where the "
        "image is from."
    )
    numbers, answers = [], []
    for number, (_, (name, *rest)) in enumerate(drawn, start=1):
        numbers.append([str(number)])
        answers.append([f"{number}: {name}", *rest])

    def draw_sheet(file: str, caption: str, heading: str, captions: list[list[str]]) -> Figure:
        sections = [section(heading, [image for image, _ in drawn], captions)]
        is_photograph = lab.domain == "imagenet"
        return captioned_sheet(lab, file, caption, sections, shows_photographs=is_photograph)

    return [
        draw_sheet(
            "quiz.jpg",
            "The blind quiz: elites of both encodings and real images, shuffled",
            "What does each image show: one of the classes, or nothing that you know?",
            numbers,
        ),
        draw_sheet("answers.jpg", f"Its answers: {answer.lower()}", answer, answers),
    ]


def _draw_extremes(lab: Lab, question: Question, compared: Mapping[str, Compared]) -> Figure:
    """Leaves the CPPN elites of which judges are most and least certain."""
    elites, images = compared["CPPN"].elites, _elites(question, "CPPN")
    order = np.argsort(-elites.judged.mean(axis=0), kind="stable").tolist()
    judged = np.median(confidence(elites.judged), axis=0)
    count = min(SHOWN, len(order) // 2)
    sections = [
        section(
            heading,
            images[rows],
            [[*_caption(question, elites, row), f"judges {judged[row]:.2g}"] for row in rows],
        )
        for heading, rows in (
            ("Most like their class to the judges", order[:count]),
            ("Least", order[::-1][:count]),
        )
    ]
    return captioned_sheet(
        lab,
        "judged.jpg",
        "CPPN elites whose class the judges find likeliest and least likely, by mean log-odds; "
        f"below each the confidence of {question.network.card.name} and the median of the judges'",
        sections,
    )


def _elites(question: Question, encoding: str) -> Levels:
    run = question.runs[encoding]
    return images_of(run, run.all_elites())


def _caption(question: Question, group: Answers, row: int) -> list[str]:
    """Returns what the network takes an image for, and its confidence."""
    name = first_name(question.network.card.labels[group.classes[row]])
    return [name, cells.confidence(float(confidence(float(group.log_odds[row]))))]
