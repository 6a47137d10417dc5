"""By what a classifier is known again: the sha256 of its weights, its classes, and its answers.

A classifier of the user's own has no weights file that evofool knows of. It is known by what it
answers to a few test images, the same for all classifiers of that image size.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import (
    PROBE_TOLERANCE,
    Classifier,
    built_in_apply,
    check_classifier,
)
from evofool.classifiers.scores import ABSENT, compiled_fitness_of, confidence
from evofool.support import JsonValue, UserError

CERTAIN = 0.99  # a confidence that an image of nothing should not get
TINY = np.finfo(np.float32).tiny
_ROUNDING, _LEAST_STEP = 1e-7, 1e-4
_SUMS = 10  # numbers that stand for the outputs of an image


class Fingerprint(NamedTuple):
    """A classifier's answers to the images of `check_classifier`.

    Attributes:
        answers: per image, sums of all its outputs, each weighted differently in every sum: another
            order of the outputs makes other sums.
        spread: largest difference between answers to the same images asked twice; 0 for a
            deterministic classifier.
        certain: share of these images, none of which shows anything, for which some class has a
            confidence of `CERTAIN` or more.
        step: of which all probabilities are multiples, as those of quantised models are; 0 if there
            is none.
    """

    answers: Float[np.ndarray, "images sums"]
    spread: float
    certain: float = 0.0
    step: float = 0.0

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns values that JSON can hold and `from_dict` reads back."""
        return {**self._asdict(), "answers": self.answers.round(6).tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, JsonValue]) -> "Fingerprint":
        """Reads what `to_dict` has made.

        Raises:
            UserError: it is something else.
        """
        try:
            numbers = {name: float(values[name]) for name in ("spread", "certain", "step")}
            return cls(answers=np.asarray(values["answers"], float), **numbers)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                "the fingerprint of the classifier in config.json is damaged"
            ) from error


def has_hash(card: Card) -> bool:
    """Says whether the sha256 of a classifier's weights, or of all its members', is known."""
    return all(card.sha256.split("+"))


def is_own(classifier: Classifier) -> bool:
    """Says whether a classifier's card, and those of its members, say all that its `apply` does.

    That is so of evofool's own networks, read from files, of views of them, and of their ensembles.
    """
    if classifier.members:
        module = getattr(classifier.apply, "__module__", "")
        return module.startswith("evofool.") and all(map(is_own, classifier.members))
    return has_hash(classifier.card) and classifier.apply is built_in_apply(classifier.card)


def fingerprint(classifier: Classifier) -> Fingerprint:
    """Checks a classifier and takes its fingerprint.

    It is asked twice, unless the hash of its weights is known: evofool's own networks are
    deterministic.

    Raises:
        UserError: as `check_classifier`.
    """
    outputs = check_classifier(classifier)
    again = outputs if has_hash(classifier.card) else check_classifier(classifier)
    confidences = _confidences(classifier, outputs)
    return Fingerprint(
        answers=_sums(outputs),
        spread=float(np.abs(_sums(again) - _sums(outputs)).max()),
        certain=float(np.mean(confidences.max(axis=1) >= CERTAIN)),
        step=resolution(classifier, outputs=outputs),
    )


def resolution(
    classifier: Classifier, *, outputs: Float[np.ndarray, "images outputs"] | None = None
) -> float:
    """Returns the step of which all probabilities of a classifier are multiples, or 0.

    Args:
        classifier: any.
        outputs: what `check_classifier` has returned for it, unless it is to be asked now.

    Raises:
        UserError: as `check_classifier`.
    """
    if classifier.is_jax:
        return 0.0
    return step_of(check_classifier(classifier) if outputs is None else outputs)


def distance_of_faces(classifier: Classifier) -> float | None:
    """Returns how far the confidences of a model's two faces are apart, on the test images.

    Returns:
        The largest difference, in [0, 1]; None for a model that has one face.

    Raises:
        UserError: as `check_classifier`.
    """
    faces = [classifier.face(in_jax=in_jax) for in_jax in (True, False)]
    confidences = [_confidences(face, check_classifier(face)) for face in faces if face is not None]
    return float(np.abs(confidences[0] - confidences[1]).max()) if len(confidences) == 2 else None


def _confidences(classifier: Classifier, outputs: np.ndarray) -> np.ndarray:
    odds = outputs if classifier.is_jax else np.log(np.maximum(outputs, TINY))
    return confidence(compiled_fitness_of(odds, kind=classifier.kind))


def step_of(probabilities: Float[np.ndarray, "images outputs"]) -> float:
    """Returns the step of which all probabilities are multiples; 0 if there is none above 1e-4."""
    values = np.unique(np.append(probabilities.astype(float), 0.0))
    steps = np.diff(values)
    step = float(steps[steps > _ROUNDING].min(initial=1.0))
    multiples = values / step
    is_step = step >= _LEAST_STEP and np.abs(multiples - multiples.round()).max() < 0.01
    return step if is_step else 0.0


def differences(recorded: Card, now: Card) -> Iterator[str]:
    """Tells in which facts about its images and classes a classifier is another than recorded.

    Args:
        recorded: the card as it was.
        now: the card as it is.
    """
    for field in ("input_shape", "outputs", "class_offset", "channel_order", "mean", "scale"):
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
    return np.where(outputs <= ABSENT, 0.0, outputs.astype(float)) @ weights
