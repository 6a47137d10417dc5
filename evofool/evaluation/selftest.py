"""Whether a classifier recognises what it should: digits, and photographs of one's own."""

import dataclasses
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from evofool.classifiers import Classifier
from evofool.data import load_mnist
from evofool.evaluation.forward import evaluate, evaluate_log_odds
from evofool.evaluation.on_files import Accuracy, accuracy
from evofool.images import from_levels
from evofool.support import UserError

MICRO_BATCH = 500  # images classified together in the self-test
DIGITS = tuple("0123456789")

LEAST_RIGHT = 7  # of ten drawn digits; a network without its weights gets about one
# Log-odds of the label of a drawn digit, in nats: near 0 when the input is scaled to nothing, in
# the hundreds when it is scaled by 255 too often.
LEAST_ODDS, MOST_ODDS = 1.0, 100.0
ACCURACY_TOLERANCE = 0.002  # other processors classify an image or two otherwise

PHOTOGRAPHS = 100  # of those given, the first
SWAP_GAIN = 0.1  # top-1 that a classifier gains from exchanged channels only if they are wrong


class Check(NamedTuple):
    """One part of the self-test.

    Attributes:
        name: what was looked at.
        passed: whether it is as it should be.
        detail: what was found.
    """

    name: str
    passed: bool
    detail: str


def check_digits(classifier: Classifier, data_dir: str | Path | None) -> list[Check]:
    """Shows a digit classifier digits drawn with a font, and the real ones where they are found.

    Args:
        classifier: any; nothing is checked of one that is not of digits.
        data_dir: folder with MNIST; looked for in the usual places unless given.
    """
    if classifier.card.labels[:10] != DIGITS or classifier.card.input_shape != (28, 28, 1):
        return []
    checks = [check_drawn_digits(classifier)]
    try:
        mnist = load_mnist(data_dir)
    except UserError:
        return checks  # the report says where it was looked for
    return [*checks, _check_accuracy(classifier, mnist.test_images, mnist.test_labels)]


def check_drawn_digits(classifier: Classifier) -> Check:
    """Classifies ten digits drawn with a font.

    Catches weights that were not loaded (few are right) and an input on the wrong scale (the
    network is hardly certain of anything, or absurdly certain).
    """
    odds = evaluate_log_odds(classifier, drawn_digits(), 10)[:, :10]
    right = int(np.sum(odds.argmax(axis=1) == np.arange(10)))
    typical = float(np.median(odds.max(axis=1)))
    return Check(
        "drawn digits",
        right >= LEAST_RIGHT and LEAST_ODDS <= typical <= MOST_ODDS,
        f"{right} of 10 right (expected {LEAST_RIGHT} or more), typical log-odds {typical:.3g} "
        f"(expected {LEAST_ODDS:g} to {MOST_ODDS:g})",
    )


def drawn_digits() -> Float[np.ndarray, "10 28 28 1"]:
    """Draws the digits 0 to 9 much as MNIST has them: white on black, 20 pixels high, centred."""
    font = ImageFont.load_default(25)
    images = []
    for digit in DIGITS:
        image = Image.new("L", (28, 28))
        ImageDraw.Draw(image).text((14, 14), digit, fill=255, font=font, anchor="mm")
        images.append(from_levels(image)[..., None])
    return np.stack(images)


def _check_accuracy(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> Check:
    outputs = evaluate(classifier, from_levels(images), MICRO_BATCH)
    accuracy = float(np.mean(outputs.argmax(axis=1) == labels))
    expected = classifier.card.test_accuracy
    if expected is None:
        return Check("MNIST test set", accuracy > 0.9, f"accuracy {accuracy:.2%}")
    passed = abs(accuracy - expected) <= ACCURACY_TOLERANCE
    return Check("MNIST test set", passed, f"accuracy {accuracy:.2%}, on its card {expected:.2%}")


def check_photographs(
    classifier: Classifier, *, images: str | Path, labels: str | Path
) -> list[Check]:
    """Shows a classifier labelled photographs, and those in colour with red and blue exchanged.

    Catches another order of the classes, weights that were not loaded, most mistakes of
    preprocessing, and BGR for RGB.

    Args:
        classifier: any.
        images: folder of the images.
        labels: CSV file with their classes, as for `accuracy`.
    """
    try:
        found = accuracy(classifier, images=images, labels=labels, limit=PHOTOGRAPHS)
        checks = [_better_than_guessing(found, classifier.card.classes, labels)]
        if classifier.card.input_shape[2] == 3:
            swapped = accuracy(
                _swapped(classifier),
                images=images,
                labels=labels,
                limit=PHOTOGRAPHS,
                check_offset=False,
            )
            checks.append(_channels_in_order(found, swapped))
    except UserError as error:
        return [Check("photographs", False, str(error))]
    return checks


def _better_than_guessing(found: Accuracy, classes: int, labels: str | Path) -> Check:
    guessed = found.n / classes
    # four standard deviations above what guessing gets right
    least = min(found.n, math.ceil(guessed + 4 * math.sqrt(guessed)))
    return Check(
        "photographs",
        round(found.top1 * found.n) >= least,
        f"top-1 {found.top1:.2%}, top-5 {found.top5:.2%} of the first {found.n} in {labels} "
        f"(expected {least} right or more); {'; '.join(found.actions) or 'used as they are'}",
    )


def _channels_in_order(found: Accuracy, swapped: Accuracy) -> Check:
    return Check(
        "channel order",
        swapped.top1 - found.top1 <= SWAP_GAIN,
        f"top-1 {swapped.top1:.2%} with red and blue exchanged (expected no more than "
        f"{found.top1 + SWAP_GAIN:.2%})",
    )


def _swapped(classifier: Classifier) -> Classifier:
    """Returns the classifier of images whose red is blue."""

    def apply(params: Any, images: Any) -> Any:
        return classifier.apply(params, images[..., ::-1])

    # the probe and the members are those of the classifier as it is
    card = dataclasses.replace(classifier.card, probe=())
    return dataclasses.replace(classifier, card=card, apply=apply, members=())
