"""The blind quiz, and the elites that judges are most and least certain of."""

from collections.abc import Mapping, Sequence

import numpy as np

from evofool.classifiers import Card, confidence, first_name
from evofool.experiments.bench import Lab
from evofool.experiments.recognisability.measures import Compared, Shown
from evofool.experiments.report import Figure, save_sheet
from evofool.images import Section, draw_sheet, thumbnail
from evofool.support import percent

QUIZ = {"CPPN": 20, "direct": 10}  # elites in the blind quiz
QUIZ_REALS = 20
SHOWN = 20  # elites that the judges are most and least certain of


def write_quiz(lab: Lab, compared: Mapping[str, Compared], card: Card) -> list[Figure]:
    """Leaves a sheet of elites and real images, without answers and with them."""
    generator = np.random.default_rng(0)

    def draw(group: Shown, origin: str, count: int) -> list[tuple[np.ndarray, list[str]]]:
        return [
            (group.images[row], [_name(card, group, row), origin, _certainty(group, row)])
            for row in generator.permutation(len(group.classes))[:count].tolist()
        ]

    drawn = draw(compared["CPPN"].reals, "real", QUIZ_REALS)
    for encoding, one in compared.items():
        drawn += draw(one.elites, encoding, QUIZ[encoding])
    generator.shuffle(drawn)
    shown = [thumbnail(image) for image, _ in drawn]
    numbers = [[str(number)] for number in range(1, len(drawn) + 1)]
    answers = [
        [f"{number}: {name}", *rest]
        for (number,), (_, (name, *rest)) in zip(numbers, drawn, strict=True)
    ]
    question = "What does each image show: one of the classes, or nothing that you know?"
    told = f"What {card.name} takes each image for, where it is from, and its confidence."
    save_sheet(draw_sheet([Section(question, shown, numbers)]), lab.folder / "quiz.jpg")
    save_sheet(draw_sheet([Section(told, shown, answers)]), lab.folder / "answers.jpg")
    return [
        Figure(
            file="quiz.jpg",
            caption="The blind quiz: elites of both encodings and real images, shuffled",
            shows_photographs=lab.domain == "imagenet",
        ),
        Figure(
            file="answers.jpg",
            caption=f"Its answers: {told.lower()}",
            shows_photographs=lab.domain == "imagenet",
        ),
    ]


def write_extremes(lab: Lab, one: Compared, card: Card) -> Figure:
    """Leaves the elites that judges are most and least certain of."""
    order = np.argsort(-one.of_elites.log_odds.mean(axis=0), kind="stable").tolist()
    judged = np.median(confidence(one.of_elites.log_odds), axis=0)
    count = min(SHOWN, len(order) // 2)

    def section(heading: str, rows: Sequence[int]) -> Section:
        captions = [
            [_name(card, one.elites, row), _certainty(one.elites, row), f"judges {judged[row]:.2g}"]
            for row in rows
        ]
        return Section(heading, [thumbnail(one.elites.images[row]) for row in rows], captions)

    sections = [
        section("Most like their class to the judges", order[:count]),
        section("Least", order[::-1][:count]),
    ]
    save_sheet(draw_sheet(sections), lab.folder / "judged.jpg")
    return Figure(
        file="judged.jpg",
        caption="CPPN elites whose class the judges find likeliest and least likely, by mean "
        f"log-odds; below each the confidence of {card.name} and the median of the judges'",
    )


def _name(card: Card, group: Shown, row: int) -> str:
    return first_name(card.labels[group.classes[row]])


def _certainty(group: Shown, row: int) -> str:
    return percent(float(confidence(float(group.log_odds[row]))))
