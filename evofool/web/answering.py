"""What the classifier says to a drawing or a photograph that a window sends.

The same checks as of `evofool classify`: formats, sizes, rotation, transparency. A photograph with
its figure the wrong way round, dark on bright for a network of MNIST's digits, is inverted, and
that is said. A drawing of a digit is placed as MNIST's are.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import TypedDict

import numpy as np
from PIL import Image

from evofool.classifiers import Card, Classifier, confidence, label_of
from evofool.data import read_photographs
from evofool.evaluation import recognize
from evofool.images import Levels, as_data_url, is_negative
from evofool.support import UserError
from evofool.web.live import png_of

TOP = 5
DIGIT, BOX = 28, 20  # pixels: of MNIST's images, and of the box that a digit fills in them


class Guess(TypedDict):
    """One of the likeliest classes."""

    index: int
    label: str
    confidence: float


class Answer(TypedDict):
    """What the classifier says to an image.

    Attributes:
        guesses: the five likeliest classes, most likely first.
        actions: what was done to the image.
        seen: the image as the classifier gets it, as the address of a PNG.
    """

    guesses: list[Guess]
    actions: list[str]
    seen: str


class Answering:
    """Classifies what windows send: images that wait at the same time share a forward pass.

    Args:
        classifier: that answers.
    """

    def __init__(self, classifier: Classifier):
        self._classifier = classifier
        self._reading, self._classifying = Lock(), Lock()
        self._waiting: SimpleQueue[tuple[Levels, Future[np.ndarray]]] = SimpleQueue()

    @property
    def card(self) -> Card:
        """Of the classifier."""
        return self._classifier.card

    def facts(self) -> dict[str, object]:
        """Returns what the pad has to know: what to draw with on what."""
        ground = self.card.background
        return {
            "classifier": self.card.name,
            "digits": self.card.is_of_digits,
            "grey": self.card.input_shape[2] == 1,
            "ground": 255 if ground is None else ground,
        }

    def photograph(self, content: bytes) -> Answer:
        """Answers an image file.

        Raises:
            UserError: it is no image that can be read.
        """
        levels, actions = self._read(content, invert=False)
        ground = self.card.background
        if ground is not None and is_negative(levels, ground):
            levels, actions = self._read(content, invert=True)
        return self._answer(levels, actions)

    def drawing(self, content: bytes) -> Answer:
        """Answers what was drawn on the pad, an image file of it.

        Raises:
            UserError: it is no image that can be read.
        """
        if not self.card.is_of_digits:
            return self._answer(*self._read(content, invert=False))
        levels, _ = self._read(content, invert=False, size=10 * DIGIT)
        placed = placed_as_mnist(levels[..., 0])
        return self._answer(placed[..., None], ["placed as the digits of MNIST are"])

    def _read(
        self, content: bytes, *, invert: bool, size: int | None = None
    ) -> tuple[Levels, list[str]]:
        """Reads an image file, at the size of the classifier's input or another."""
        card = self.card
        if size is not None:
            card = dataclasses.replace(card, input_shape=(size, size, 1))
        with self._reading, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image"
            path.write_bytes(content)
            try:
                prepared = read_photographs([path], card, invert=invert)[0]
            except UserError as error:
                raise UserError(str(error).replace(str(path), "the image")) from error
        return prepared.levels, [action for action in prepared.actions if "--invert" not in action]

    def _answer(self, levels: Levels, actions: list[str]) -> Answer:
        log_odds = self._log_odds(levels)
        best = np.argsort(-log_odds, kind="stable")[:TOP].tolist()
        shares, offset = confidence(log_odds), self.card.class_offset
        return {
            "guesses": [
                {
                    "index": index,
                    "label": label_of(self.card, index + offset),
                    "confidence": float(shares[index]),
                }
                for index in best
            ],
            "actions": actions,
            "seen": data_address(levels),
        }

    def _log_odds(self, levels: Levels) -> np.ndarray:
        """Classifies an image, and with it all others that wait."""
        answer: Future[np.ndarray] = Future()
        self._waiting.put((levels, answer))
        with self._classifying:
            waiting = []
            while not self._waiting.empty():  # it is, where another has taken this one along
                waiting.append(self._waiting.get())
            if waiting:
                self._classify(waiting)
        return answer.result()

    def _classify(self, waiting: Sequence[tuple[Levels, Future[np.ndarray]]]) -> None:
        images, answers = zip(*waiting, strict=True)
        names = ["the image"] * len(images)
        try:
            rows = recognize(self._classifier, np.stack(images), names=names).log_odds
        except Exception as error:
            if len(waiting) == 1:
                answers[0].set_exception(error)
            else:  # the others have done nothing wrong
                for one in waiting:
                    self._classify([one])
            return
        for answer, row in zip(answers, rows, strict=True):
            answer.set_result(row)


def placed_as_mnist(drawn: np.ndarray) -> np.ndarray:
    """Places a digit as those of MNIST: scaled to a box of 20x20, its centre of mass in the middle.

    Args:
        drawn: uint8 `[height, width]`, bright on 0.

    Returns:
        uint8 `[28, 28]`; black if nothing is drawn.

    References:
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
    """
    placed = np.zeros((DIGIT, DIGIT), np.uint8)
    rows, columns = np.nonzero(drawn > 25)
    if not len(rows):
        return placed
    figure = drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = BOX / max(figure.shape)
    width, height = (max(1, round(side * scale)) for side in figure.shape[::-1])
    small = Image.fromarray(figure).resize((width, height), Image.Resampling.BOX)
    levels = np.asarray(small)
    total = max(1, int(levels.sum()))
    middle = [
        float((levels.sum(axis=1 - axis) * np.arange(levels.shape[axis])).sum()) / total
        for axis in (0, 1)
    ]
    top, left = (
        int(np.clip(round((DIGIT - 1) / 2 - centre), 0, DIGIT - side))
        for centre, side in zip(middle, levels.shape, strict=True)
    )
    placed[top : top + levels.shape[0], left : left + levels.shape[1]] = levels
    return placed


def data_address(levels: Levels) -> str:
    """Returns an image as an address that holds it."""
    return as_data_url(png_of(levels))
