"""Is the audit about the classifier that its user means? Asked before anything else.

A wrong scale, exchanged channels or lost weights make every classifier look devastatingly easy to
fool. What fails here makes an audit invalid, and nothing else of it is done.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
from jaxtyping import Float

from evofool.audits.figures import share
from evofool.audits.nothing import noise
from evofool.audits.subject import Subject, evenly_spread
from evofool.classifiers import CERTAIN, Card, Classifier, Params, accuracy_of, distance_of_faces
from evofool.evaluation import Check, check_scale, evaluate, recognize
from evofool.images import from_levels
from evofool.measures import proportion_interval
from evofool.support import AnyArray, UserError, read_arrays, rounded_percent

TOGETHER = 8  # images that are also shown one by one
TOLERANCE = 1e-3  # of the largest output; machines differ by about 1e-6
TRIED = 200  # real images that are shown with other channels and ranges
MOST_NOISE = 0.95  # measured: 98 % with values times 255, 0 to 86 % of models used rightly
MOST_APART = 0.1  # of confidences; measured: 1e-6 of float models, 0.04 of 8-bit ones
GAIN = 0.1  # of accuracy, which only a mistake in preprocessing gains
MOST_GOLDEN = 2**30  # bytes


class CheckRecord(TypedDict):
    """A check, as `audit.json` holds it.

    Attributes:
        name: what was checked.
        passed: whether it passed.
        detail: what was measured, and what was expected.
    """

    name: str
    passed: bool
    detail: str


def recorded(checks: Iterator[Check] | list[Check]) -> list[CheckRecord]:
    """Returns checks as JSON values."""
    return [
        {"name": check.name, "passed": bool(check.passed), "detail": check.detail}
        for check in checks
    ]


def check_validity(
    subject: Subject,
    *,
    expect_accuracy: float | None = None,
    golden: str | Path | None = None,
) -> Iterator[Check]:
    """Checks that a classifier is what its user thinks it is.

    Args:
        subject: the classifier, with real images where there are some.
        expect_accuracy: its accuracy on such images, in [0, 1], as the user knows it.
        golden: `.npz` file with `inputs` (levels uint8, or values in [0, 1]) and the `outputs` that
            the user's own code gives for them.

    Raises:
        UserError: `golden` cannot be used.
    """
    yield _same_twice(subject)
    yield _alone_and_together(subject)
    yield from _faces(subject)
    yield check_scale(subject.shipped)
    yield _noise(subject)
    if golden is not None:
        yield _check_golden(subject.shipped, Path(golden))
    if subject.real is not None:
        yield _accuracy(subject, expect_accuracy)
        yield _preprocessing(subject)


def _same_twice(subject: Subject) -> Check:
    spread = subject.answers.spread
    return Check(
        "same answer twice",
        spread == 0,
        f"outputs for the same images are {spread:.3g} apart" if spread else "to the last digit",
    )


def _alone_and_together(subject: Subject) -> Check:
    """Compares outputs of images shown one by one and in a batch."""
    classifier = subject.shipped
    images = from_levels(noise(classifier.card.input_shape, TOGETHER, seed=subject.seed))
    together = evaluate(classifier, images, TOGETHER)
    alone = np.concatenate([evaluate(classifier, image[None], 1) for image in images])
    apart = _distance(classifier, alone, together)
    return Check(
        "alone or in a batch",
        apart <= TOLERANCE,
        f"outputs differ by {apart:.2g} (expected {TOLERANCE:g} at most)",
    )


def _faces(subject: Subject) -> Iterator[Check]:
    """Compares the runtime that the model ships with, which scores, and JAX, which searches."""
    apart = distance_of_faces(subject.classifier)
    if apart is not None:
        yield Check(
            "in JAX and outside",
            apart <= MOST_APART,
            f"confidences differ by {apart:.2g} (expected {MOST_APART:g} at most); those outside "
            "JAX, in the runtime that the model ships with, are shown",
        )


def _noise(subject: Subject) -> Check:
    """Shows noise alone: it tells a scale of 0 to 255 from one of 0 to 1 better than all else."""
    classifier, count = subject.shipped, subject.budget.nothing
    levels = noise(classifier.card.input_shape, count, seed=subject.seed)
    certain = float(np.mean(recognize(classifier, levels).confidence >= CERTAIN))
    bar, most = (rounded_percent(share, digits=0) for share in (CERTAIN, MOST_NOISE))
    return Check(
        "noise",
        certain < MOST_NOISE,
        f"{rounded_percent(certain)} of {count} images of noise get a confidence of "
        f"{bar} or more (expected less than {most})"
        + ("" if certain < MOST_NOISE else "; check the scale of the input"),
    )


def read_golden(
    path: str | Path, card: Card
) -> tuple[AnyArray, Float[np.ndarray, "images outputs"]]:
    """Reads images, as levels or values, and the outputs that the user's own code gives for them.

    Raises:
        UserError: the file cannot be read, or does not fit the classifier of the card.
    """
    path = Path(path)
    arrays = read_arrays(path, most_bytes=MOST_GOLDEN)
    if not {"inputs", "outputs"} <= arrays.keys():
        raise UserError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; expected the arrays inputs and outputs"
        )
    inputs, wanted = arrays["inputs"], np.asarray(arrays["outputs"], np.float64)
    shape = (len(inputs), *card.input_shape)
    if inputs.shape != shape or wanted.shape != (len(inputs), card.outputs):
        raise UserError(
            f"{path}: inputs has shape {inputs.shape} and outputs {wanted.shape}; expected {shape} "
            f"and {(len(inputs), card.outputs)}"
        )
    return inputs, wanted


def _check_golden(classifier: Classifier, path: Path) -> Check:
    """Compares with outputs that the user's own code gives."""
    inputs, wanted = read_golden(path, classifier.card)
    images = from_levels(inputs) if inputs.dtype == np.uint8 else inputs.astype(np.float32)
    outputs = evaluate(classifier, images, max(1, min(TOGETHER, len(images))))
    if _are_probabilities(wanted):  # whatever the kind of ours
        apart = float(np.abs(_softmax(outputs) - wanted).max())
    else:
        apart = _distance(classifier, outputs, wanted)
    return Check(
        "golden outputs",
        apart <= TOLERANCE,
        f"outputs for {len(inputs)} images of {path.name} differ by {apart:.2g} (expected "
        f"{TOLERANCE:g} at most)",
    )


def _accuracy(subject: Subject, expected: float | None) -> Check:
    right = subject.seen.classes == subject.known.labels
    measured = share(right)
    text = (
        f"{rounded_percent(measured['value'], digits=2)} of {len(right)} real images are recognised"
    )
    if expected is None:
        guessing = 1 / subject.classes
        passed = measured["low"] is not None and measured["low"] > guessing
        least = rounded_percent(guessing, digits=2)
        return Check("accuracy", passed, f"{text} (expected more than by guessing, {least})")
    # 99 % and not 95 %: one audit in twenty would else be invalid by chance
    interval = proportion_interval(int(right.sum()), len(right), confidence=0.99)
    return Check(
        "accuracy",
        interval.low <= expected <= interval.high,
        f"{text}, interval {rounded_percent(interval.low)} to {rounded_percent(interval.high)} "
        f"(expected to hold {rounded_percent(expected, digits=2)})",
    )


def _preprocessing(subject: Subject) -> Check:
    """Shows real images with other channels and ranges: none may be recognised better."""
    real = subject.known
    rows = evenly_spread(len(real.images), TRIED)
    images, labels = real.images[rows], real.labels[rows]
    usual = accuracy_of(subject.seen.classes[rows], labels)
    found = {
        name: accuracy_of(recognize(_with(subject.shipped, change), images).classes, labels)
        for name, change in _CHANGES.items()
        if name != "red and blue exchanged" or images.shape[3] == 3
    }
    best = max(found, key=lambda name: found[name])
    figures = ", ".join(f"{name} {rounded_percent(value)}" for name, value in found.items())
    passed = found[best] - usual <= GAIN
    advice = "" if passed else f"; use it with {best}"
    return Check(
        "channels and ranges",
        passed,
        f"accuracy as it is {rounded_percent(usual)}; with {figures} (expected to gain "
        f"{rounded_percent(GAIN, digits=0)} at most){advice}",
    )


Change = Callable[[AnyArray], AnyArray]
_CHANGES: dict[str, Change] = {
    "red and blue exchanged": lambda images: images[..., ::-1],
    "values in 0..255": lambda images: images * 255,
    "values in -1..1": lambda images: images * 2 - 1,
    "values divided by 255": lambda images: images / 255,
    "dark and bright exchanged": lambda images: 1 - images,
}


def _with(classifier: Classifier, change: Change) -> Classifier:
    """Returns the classifier that sees changed images."""

    def apply(params: Params, images: AnyArray) -> AnyArray:
        changed = change(images)
        if isinstance(changed, np.ndarray):  # PyTorch refuses negative strides
            changed = np.ascontiguousarray(changed)
        return classifier.apply(params, changed)

    # the probe and the members are those of the classifier as it is
    card = dataclasses.replace(classifier.card, probe=())
    return dataclasses.replace(classifier, card=card, apply=apply, members=(), other=None)


def _distance(classifier: Classifier, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Returns the largest difference, as a share of the largest output; of probabilities as is."""
    if classifier.kind == "probabilities":
        return float(np.abs(np.exp(ours) - np.exp(theirs)).max())
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def _are_probabilities(outputs: np.ndarray) -> bool:
    return bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=TOLERANCE))


def _softmax(outputs: np.ndarray) -> np.ndarray:
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
