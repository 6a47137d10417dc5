"""Classes of images in files, and accuracy on labelled files.

Both show, before a long run, whether weights, class order and preprocessing are right.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.classifiers import (
    Card,
    Classifier,
    accuracy_of,
    check_classifier,
    confidence,
    label_of,
    load_classifier,
)
from evofool.config import EvolveConfig
from evofool.data import read_labels, read_photographs
from evofool.evaluation.recognition import recognize
from evofool.support import UserError, rounded_percent

CHUNK = 64  # images in memory
MOST_LINES = 8  # that summarise preprocessing
# Indices count as off by one if hardly any image is taken for its label and many for the class
# beside it, among so many classes that this cannot be chance.
FEW, MANY, LEAST_CLASSES = 0.1, 0.3, 10


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One of the likeliest classes of an image.

    Attributes:
        index: of the class; "background" is not counted.
        label: its name, or names.
        id: its WordNet id; empty when the card has none.
        confidence: softmax probability over all outputs, in [0, 1].
    """

    index: int
    label: str
    id: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Classified:
    """An image file with its likeliest classes.

    Attributes:
        image: path of the file.
        guesses: the likeliest classes, most likely first.
        actions: preprocessing of the image, for instance "turned upright (EXIF)", and what seems
            wrong with it.
    """

    image: str
    guesses: tuple[Guess, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """A classifier's accuracy on labelled images.

    Attributes:
        top1: share of the images whose label is the likeliest class, in [0, 1].
        top5: share of the images whose label is among the five likeliest classes, in [0, 1].
        n: number of images.
        actions: preprocessing of the images, a line for each kind.
    """

    top1: float
    top5: float
    n: int
    actions: tuple[str, ...]


def classify(
    images: str | Path | Sequence[str | Path],
    classifier: str | Classifier = EvolveConfig.classifier,
    *,
    weights: str | Path | None = None,
    top: int = 5,
    exact: bool = False,
    invert: bool = False,
) -> list[Classified]:
    """Classifies images in files, after the preprocessing that the classifier's card says.

    Args:
        images: a file, or several; `read_photographs` says which formats are read.
        classifier: a name, or a `Classifier`; that of `evolve` unless given.
        weights: as in `load_classifier`.
        top: number of classes to return for an image; all when there are fewer.
        exact: refuse an image that is not of the classifier's input size.
        invert: exchange dark and bright, for instance for black digits on white paper.

    Raises:
        UserError: a file that cannot be used, a classifier that cannot be used, or `top` below 1.
    """
    if top < 1:
        raise UserError(f"top is {top}; expected 1 or more classes")
    paths = [images] if isinstance(images, str | Path) else images
    if not paths:
        raise UserError("no images to classify; give their files")
    classifier = _usable(classifier, weights)
    card, classified = classifier.card, []
    for scores, chunk in _score(paths, classifier, exact, invert):
        ranks = _ranks(scores)[:, :top]
        for path, actions, row, best in zip(*chunk, confidence(scores), ranks, strict=True):
            guesses = tuple(
                Guess(
                    index=int(index),
                    label=label_of(card, int(index) + card.class_offset),
                    id=card.ids[index] if card.ids else "",
                    confidence=float(row[index]),
                )
                for index in best
            )
            classified.append(Classified(image=str(path), guesses=guesses, actions=actions))
    return classified


def accuracy(
    classifier: str | Classifier = EvolveConfig.classifier,
    *,
    images: str | Path,
    labels: str | Path,
    weights: str | Path | None = None,
    exact: bool = False,
    invert: bool = False,
    limit: int | None = None,
    check_offset: bool = True,
    on_chunk: Callable[[int, int], None] | None = None,
) -> Accuracy:
    """Measures a classifier's accuracy on labelled images.

    Args:
        classifier: a name, or a `Classifier`; that of `evolve` unless given.
        images: folder of the images.
        labels: CSV file with a column `file`, below that folder, and a column `index`, of the
            class (counted from 0, without "background"); others are ignored.
        weights: as in `load_classifier`.
        exact: refuse an image that is not of the classifier's input size.
        invert: exchange dark and bright, for instance for black digits on white paper.
        limit: number of rows to read, from the first; all unless given.
        check_offset: refuse indices that are clearly off by one.
        on_chunk: is called with the number of images done and of all images.

    Raises:
        UserError: a file or a row that cannot be used, a classifier that cannot be used, or
            indices that are clearly off by one.
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit is {limit}; expected 1 or more rows")
    classifier = _usable(classifier, weights)
    rows = read_labels(labels, classifier.card, images=images)[:limit]
    truth = np.array([row.index for row in rows])
    actions: Counter[str] = Counter()
    best: list[np.ndarray] = []
    for scores, chunk in _score([row.path for row in rows], classifier, exact, invert):
        best += list(_ranks(scores)[:, :5])
        actions.update(action for done in chunk.actions for action in done)
        if on_chunk is not None:
            on_chunk(len(best), len(rows))
    guesses = np.stack(best)
    if check_offset:
        _check_offset(guesses[:, 0], truth, classifier.card, labels)
    return Accuracy(
        top1=accuracy_of(guesses[:, 0], truth),
        top5=accuracy_of(guesses, truth),
        n=len(rows),
        actions=tuple(_lines(actions)),
    )


def summarize_actions(actions: Iterable[tuple[str, ...]]) -> list[str]:
    """Summarises the preprocessing of images: a line for each kind, with the number of images.

    Args:
        actions: preprocessing of each image.
    """
    return _lines(Counter(action for of_image in actions for action in of_image))


def _lines(counts: Counter[str]) -> list[str]:
    if len(counts) > MOST_LINES:  # photographs come in many sizes
        merged: Counter[str] = Counter()
        for action, count in counts.items():
            merged[re.sub(r"\d+x\d+ ->", "from various sizes ->", action)] += count
        counts = merged
    return [
        f"{count} image{'s' if count > 1 else ''} {action}"
        for action, count in counts.most_common()
    ]


class _Chunk(NamedTuple):
    paths: Sequence[str | Path]
    actions: list[tuple[str, ...]]


def _usable(classifier: str | Classifier, weights: str | Path | None) -> Classifier:
    if isinstance(classifier, str):
        classifier = load_classifier(classifier, weights=weights)
    elif weights is not None:
        raise UserError(f"weights is {str(weights)!r}, but the classifier given has its own")
    check_classifier(classifier)
    return classifier


def _score(
    paths: Sequence[str | Path], classifier: Classifier, exact: bool, invert: bool
) -> Iterator[tuple[Float[np.ndarray, "batch classes"], _Chunk]]:
    """Yields the log-odds of the classes, some images at a time."""
    for start in range(0, len(paths), CHUNK):
        some = paths[start : start + CHUNK]
        prepared = read_photographs(some, classifier.card, exact=exact, invert=invert)
        levels = np.stack([image.levels for image in prepared])
        actions = [image.actions for image in prepared]
        yield recognize(classifier, levels, names=some).log_odds, _Chunk(some, actions)


def _ranks(scores: Float[np.ndarray, "batch classes"]) -> Int[np.ndarray, "batch classes"]:
    """Returns the classes by falling score; the first of equals first."""
    return np.argsort(-scores, axis=1, kind="stable")


def _check_offset(
    guesses: Int[np.ndarray, " images"],
    truth: Int[np.ndarray, " images"],
    card: Card,
    labels: str | Path,
) -> None:
    """Refuses indices that are clearly off by one: the figures would only mislead."""
    if len(np.unique(truth)) < LEAST_CLASSES:
        return
    right = float(np.mean(guesses == truth))
    for shift, where in ((1, "after"), (-1, "before")):
        beside = float(np.mean(guesses == truth + shift))
        if right < FEW and beside > MANY:
            raise UserError(
                f"{rounded_percent(right)} of the images are taken for their class, but "
                f"{rounded_percent(beside)} for the class {where} it: the indices in {labels} or "
                f"the card's class_offset ({card.class_offset}) are off by one; class 0 is "
                f"{card.labels[0]!r}, output "
                f"{card.class_offset} of the network"
            )
