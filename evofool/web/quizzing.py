"""The quiz in the browser: what does an image show? Elites among real images, four choices each.

Every visitor has a quiz of their own, which a reload goes on with. Answers are kept in memory, and
where a file is named each is a line of it at once: `evofool quiz --results` makes figures of that.
"""

import csv
import io
import random
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from evofool.classifiers import CIFAR10_LABELS, Card, first_name, label_of
from evofool.data import (
    LabelledImage,
    load_cifar10,
    load_mnist,
    read_image_folder,
    read_photographs,
)
from evofool.images import Levels
from evofool.runs import Run
from evofool.support import UserError, csv_cell, make_folder

CHOICES = 4
QUESTIONS = 20
MOST_QUIZZES = 1000  # that are remembered; the oldest are forgotten
COLUMNS = (
    *("quiz", "number", "kind", "class_index", "label", "answer_index", "answer_label"),
    *("right", "confidence", "seconds"),
)


class Question(NamedTuple):
    """One question of a quiz.

    Attributes:
        kind: "elite" or "real".
        image: levels.
        class_index: that is right: of an elite, the class that it was evolved for.
        choices: class indices to choose from.
        confidence: of the classifier in the class of an elite; None for real images.
    """

    kind: str
    image: Levels
    class_index: int
    choices: tuple[int, ...]
    confidence: float | None


@dataclass
class Quiz:
    """Somebody's quiz.

    Attributes:
        id: names it; nobody can guess it.
        questions: all of them.
        answers: class indices, as far as there are any.
        asked: when the next question was asked, by the clock of `time.monotonic`.
    """

    id: str
    questions: Sequence[Question]
    answers: list[int] = field(default_factory=list)
    asked: float = field(default_factory=time.monotonic)


@runtime_checkable
class RealImages(Protocol):
    """Where real images come from."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def image(self, number: int) -> tuple[Levels, int]:
        """Returns an image and the index of its class."""
        ...


class Quizzes:
    """All quizzes of a server.

    Args:
        run: whose elites are shown.
        real: images to mix them with; None without.
        results: file to which answers are added; None for none.

    Raises:
        UserError: it cannot be written, or holds something else.
    """

    def __init__(self, run: Run, real: RealImages | None, results: Path | None):
        if results is not None:
            _begin(results)
        self._run, self._real, self._results = run, real, results
        self._lock = Lock()
        self._quizzes: OrderedDict[str, Quiz] = OrderedDict()

    def begin(self) -> str:
        """Makes a new quiz; returns its id."""
        dice = random.Random(secrets.randbits(64))
        elites = self._run.all_elites()
        count = min(QUESTIONS, len(elites) * (2 if self._real else 1))
        real = self._real
        is_real = [real is not None and number % 2 == 1 for number in range(count)]
        shown = dice.sample(elites, is_real.count(False))
        images = zip(shown, self._run.images(shown), strict=True)
        questions = []
        for wants_real in is_real:
            if wants_real and real is not None:
                image, index = real.image(dice.randrange(len(real)))
                kind, confidence = "real", None
            else:
                elite, image = next(images)
                kind, index, confidence = "elite", elite.class_index, elite.confidence
            choices = self._choices(dice, index)
            questions.append(Question(kind, image, index, choices, confidence))
        dice.shuffle(questions)
        quiz = Quiz(secrets.token_urlsafe(12), questions)
        with self._lock:
            self._quizzes[quiz.id] = quiz
            while len(self._quizzes) > MOST_QUIZZES:
                self._quizzes.popitem(last=False)
        return quiz.id

    def _choices(self, dice: random.Random, right: int) -> tuple[int, ...]:
        others = [index for index in range(self._run.card.classes) if index != right]
        chosen = [right, *dice.sample(others, min(CHOICES - 1, len(others)))]
        if len(others) < CHOICES:
            return tuple(sorted(chosen))
        dice.shuffle(chosen)
        return tuple(chosen)

    def state(self, id_: str) -> dict[str, object]:
        """Returns where a quiz stands: what was answered, and the next question.

        Raises:
            KeyError: there is no such quiz, or no more.
        """
        quiz = self._quizzes[id_]
        done = len(quiz.answers)
        pairs = list(zip(quiz.questions, quiz.answers, strict=False))
        state: dict[str, object] = {
            "id": quiz.id,
            "questions": len(quiz.questions),
            "answers": [
                {
                    "kind": question.kind,
                    "right": question.class_index == answer,
                    "label": self._name(question.class_index),
                    "answer": self._name(answer),
                    "confidence": question.confidence,
                }
                for question, answer in pairs
            ],
        }
        if done < len(quiz.questions):
            choices = quiz.questions[done].choices
            state["choices"] = [{"index": c, "label": self._name(c)} for c in choices]
        return state

    def image(self, id_: str, number: int) -> Levels:
        """Returns the image of a question that was asked.

        Raises:
            KeyError: there is no such quiz, or it has not come to that question.
        """
        quiz = self._quizzes[id_]
        if not 0 <= number <= min(len(quiz.answers), len(quiz.questions) - 1):
            raise KeyError(number)
        return quiz.questions[number].image

    def answer(self, id_: str, number: int, choice: int) -> None:
        """Takes an answer; one that was given already stays.

        Raises:
            KeyError: there is no such quiz.
            UserError: it is not the turn of that question, or not one of its choices.
        """
        with self._lock:
            quiz = self._quizzes[id_]
            done = len(quiz.answers)
            if number < done:  # a second window, or a second click
                return
            if number > done or done == len(quiz.questions):
                raise UserError(f"number is {number}; expected {done}, the next question")
            question = quiz.questions[number]
            if choice not in question.choices:
                raise UserError(f"choice is {choice}; expected one of {question.choices}")
            now = time.monotonic()
            quiz.answers.append(choice)
            line = self._line(quiz, number, now - quiz.asked)
            quiz.asked = now
            if self._results is not None:
                _append(self._results, line)

    def table(self, id_: str) -> str:
        """Returns the answers of a quiz as CSV.

        Raises:
            KeyError: there is no such quiz.
        """
        quiz, text = self._quizzes[id_], io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self._line(quiz, number, None) for number in range(len(quiz.answers)))
        return text.getvalue()

    def _line(self, quiz: Quiz, number: int, seconds: float | None) -> dict[str, object]:
        question, answer = quiz.questions[number], quiz.answers[number]
        share = question.confidence
        return {
            "quiz": quiz.id,
            "number": number + 1,
            "kind": question.kind,
            "class_index": question.class_index,
            "label": csv_cell(self._name(question.class_index)),
            "answer_index": answer,
            "answer_label": csv_cell(self._name(answer)),
            "right": int(answer == question.class_index),
            "confidence": "" if share is None else share,
            "seconds": "" if seconds is None else round(seconds, 2),
        }

    def _name(self, index: int) -> str:
        card = self._run.card
        return first_name(label_of(card, index + card.class_offset))


def _begin(path: Path) -> None:
    """Begins a table, whose first line names the columns, or makes sure that it has them."""
    make_folder(path.parent)
    try:
        with path.open("a+", encoding="utf-8", newline="") as stream:
            stream.seek(0)
            first = stream.readline(1000)
            if not first:
                csv.writer(stream).writerow(COLUMNS)
            elif first.rstrip("\r\n") != ",".join(COLUMNS):
                raise UserError(f"{path} holds something else than answers; name another file")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot add answers to {path}: {error}; name another file") from error


def _append(path: Path, line: dict[str, object]) -> None:
    with path.open("a", encoding="utf-8", newline="") as stream:
        csv.DictWriter(stream, COLUMNS).writerow(line)


class _Dataset:
    """The test images of a data set."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self._images, self._labels = images, labels

    def __len__(self) -> int:
        return len(self._images)

    def image(self, number: int) -> tuple[Levels, int]:
        return self._images[number], int(self._labels[number])


class _Folder:
    """Labelled photographs, read when they are asked for."""

    def __init__(self, photographs: Sequence[LabelledImage], card: Card):
        self._photographs, self._card = photographs, card

    def __len__(self) -> int:
        return len(self._photographs)

    def image(self, number: int) -> tuple[Levels, int]:
        photograph = self._photographs[number]
        return read_photographs([photograph.path], self._card)[0].levels, photograph.index


def real_images(card: Card, photographs: Path | None) -> RealImages | None:
    """Finds real images of a classifier's classes.

    Args:
        card: of the classifier.
        photographs: folder of labelled ones; else the test images of MNIST or CIFAR-10 where the
            classifier is one of these and they are found.

    Returns:
        The images, or None where there are none.

    Raises:
        UserError: `photographs` is given and has none.
    """
    if photographs is not None:
        return _Folder(read_image_folder(photographs, card), card)
    load = {(28, 28, 1): load_mnist, (32, 32, 3): load_cifar10}.get(card.input_shape)
    is_known = card.is_of_digits or card.labels == CIFAR10_LABELS
    if load is None or not is_known:
        return None
    try:
        found = load()
    except UserError:
        return None
    return _Dataset(found.test_images, found.test_labels)
