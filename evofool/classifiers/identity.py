"""By what a classifier is known again: the sha256 of its weights, its classes, and its answers.

A classifier of the user's own has no weights file that evofool knows of. It is known by what it
answers to a few test images, the same for all classifiers of that image size.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import PROBE_TOLERANCE, Classifier, check_classifier
from evofool.support import JsonValue

_SUMS = 10  # numbers that stand for the outputs of an image


class Fingerprint(NamedTuple):
    """A classifier's answers to the images of `check_classifier`.

    Attributes:
        answers: per image, sums of all its outputs, each weighted differently in every sum: another
            order of the outputs makes other sums.
        spread: largest difference between answers to the same images asked twice; 0 for a
            deterministic classifier.
    """

    answers: Float[np.ndarray, "images sums"]
    spread: float

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns values that JSON can hold and `from_dict` reads back."""
        return {"answers": self.answers.round(6).tolist(), "spread": self.spread}

    @classmethod
    def from_dict(cls, values: dict[str, JsonValue]) -> "Fingerprint":
        """Reads what `to_dict` has made."""
        return cls(np.asarray(values["answers"], float), float(values["spread"]))


def has_hash(card: Card) -> bool:
    """Says whether the sha256 of a classifier's weights, or of all its members', is known."""
    return all(card.sha256.split("+"))


def fingerprint(classifier: Classifier) -> Fingerprint:
    """Checks a classifier and takes its fingerprint.

    It is asked twice, unless the hash of its weights is known: evofool's own networks are
    deterministic.

    Raises:
        UserError: as `check_classifier`.
    """
    answers = _sums(check_classifier(classifier))
    if has_hash(classifier.card):
        return Fingerprint(answers, 0.0)
    return Fingerprint(answers, float(np.abs(_sums(check_classifier(classifier)) - answers).max()))


def differences(recorded: Card, now: Card) -> Iterator[str]:
    """Tells in which facts about its images and classes a classifier is another than recorded.

    Args:
        recorded: the card as it was.
        now: the card as it is.
    """
    for field in ("input_shape", "outputs", "class_offset"):
        before, after = getattr(recorded, field), getattr(now, field)
        if before != after:
            yield f"its {field} is {after}, not {before}"
    for field in ("labels", "ids"):
        pairs = zip(getattr(recorded, field), getattr(now, field), strict=False)
        changed = [index for index, (before, after) in enumerate(pairs) if before != after]
        if changed:
            first = changed[0]
            yield (
                f"{field} of {len(changed)} classes are others: class {first} is "
                f"{getattr(now, field)[first]!r}, not {getattr(recorded, field)[first]!r}"
            )


def answers_otherwise(recorded: Fingerprint, now: Fingerprint) -> float:
    """Returns how far a classifier's answers are from the recorded ones; 0 if near enough.

    Machines differ in the last digits, and a classifier that is not deterministic by its spread.
    """
    if recorded.answers.shape != now.answers.shape:
        return float("inf")
    largest = max(1.0, float(np.abs(recorded.answers).max()))
    noise = 10 * max(recorded.spread, now.spread)  # a second sample of it may be larger
    difference = float(np.abs(recorded.answers - now.answers).max())
    return difference if difference > max(PROBE_TOLERANCE * largest, noise) else 0.0


def _sums(outputs: Float[np.ndarray, "images outputs"]) -> Float[np.ndarray, "images sums"]:
    weights = np.cos(np.outer(np.arange(outputs.shape[1]) + 1, np.arange(_SUMS) + 1))
    return outputs.astype(float) @ weights
