"""Self-test: does a classifier recognise digits, and the user's photographs?"""

import dataclasses
import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, UInt8
from PIL import Image, ImageDraw, ImageFont

from evofool.classifiers import CERTAIN, Classifier, Params, confidence
from evofool.data import find_data, load_mnist
from evofool.evaluation.on_files import Accuracy, accuracy
from evofool.evaluation.preprocessing import try_preprocessings
from evofool.evaluation.recognition import recognize
from evofool.support import UserError, rounded_percent

DIGITS = tuple("0123456789")

LEAST_RIGHT = 7  # of ten drawn digits; a network without its weights gets about one
# Log-odds of the label of a drawn digit, in nats: near 0 when the input is scaled to nothing, in
# the hundreds when it is scaled by 255 too often.
LEAST_ODDS, MOST_ODDS = 1.0, 100.0
NOTHINGS, MOST_CERTAIN = 40, 0.9  # images of nothing, and the share that betrays a wrong scale
ACCURACY_TOLERANCE = 0.002  # other processors classify an image or two otherwise

PHOTOGRAPHS = 100  # of those given, the first
SWAP_GAIN = 0.1  # top-1 that a classifier gains from exchanged channels only if they are wrong


class Check(NamedTuple):
    """One part of the self-test.

    Attributes:
        name: what was tested.
        passed: whether the classifier passed.
        detail: the measurement, and what was expected.
    """

    name: str
    passed: bool
    detail: str


def check_digits(classifier: Classifier, data_dir: str | Path | None) -> list[Check]:
    """Tests a classifier of digits on digits drawn with a font, and on MNIST where it is there.

    Args:
        classifier: any; for one that does not classify digits there are no checks.
        data_dir: folder with MNIST; the usual places are searched unless given.
    """
    if not classifier.card.is_of_digits:
        return []
    checks = [check_drawn_digits(classifier)]
    try:
        find_data("mnist", data_dir)
    except UserError:
        return checks  # the report of the data sets says which folders were searched
    try:
        mnist = load_mnist(data_dir)
    except UserError as error:
        return [*checks, Check("MNIST test set", False, str(error))]
    return [*checks, _check_accuracy(classifier, mnist.test_images, mnist.test_labels)]


def check_drawn_digits(classifier: Classifier) -> Check:
    """Classifies ten digits drawn with a font.

    Catches weights that were not loaded (few are right) and an input on the wrong scale (the
    network is hardly certain of anything, or absurdly certain).
    """
    odds = recognize(classifier, drawn_digits()).log_odds[:, :10]
    right = int(np.sum(odds.argmax(axis=1) == np.arange(10)))
    typical = float(np.median(odds.max(axis=1)))
    # the log-odds of float32 probabilities end at 87: there `check_scale` finds too large a scale
    most = MOST_ODDS if classifier.is_jax else np.inf
    bound = f"{LEAST_ODDS:g} to {most:g}" if classifier.is_jax else f"{LEAST_ODDS:g} or more"
    return Check(
        "drawn digits",
        right >= LEAST_RIGHT and LEAST_ODDS <= typical <= most,
        f"{right} of 10 right (expected {LEAST_RIGHT} or more), typical log-odds {typical:.3g} "
        f"(expected {bound})",
    )


def check_scale(classifier: Classifier) -> Check:
    """Shows a classifier images of nothing: noise, and one colour each from black to white.

    A network that is certain of nearly all of them was given values on the wrong scale, for
    instance 0 to 255 where it expects 0 to 1: its accuracy hardly suffers, but every confidence is
    exaggerated.
    """
    shape = classifier.card.input_shape
    shades = np.linspace(0, 255, NOTHINGS // 2).astype(np.uint8)
    flat = np.broadcast_to(shades[:, None, None, None], (len(shades), *shape))
    noise = np.random.default_rng(0).integers(0, 256, (NOTHINGS - len(shades), *shape), np.uint8)
    odds = recognize(classifier, np.concatenate([flat, noise])).log_odds
    certain = int(np.sum(confidence(odds.max(axis=1)) >= CERTAIN))
    passed = certain < MOST_CERTAIN * NOTHINGS
    advice = "" if passed else "; check the scale of the input, which is in [0, 1]"
    return Check(
        "scale of the input",
        passed,
        f"{certain} of {NOTHINGS} images of nothing get a confidence of {CERTAIN:.0%} or more "
        f"(expected fewer than {MOST_CERTAIN * NOTHINGS:.0f}){advice}",
    )


def drawn_digits() -> UInt8[np.ndarray, "10 28 28 1"]:
    """Draws the digits 0 to 9 in the manner of MNIST: white on black, 20 pixels high, centred."""
    font = ImageFont.load_default(25)
    images = []
    for digit in DIGITS:
        image = Image.new("L", (28, 28))
        ImageDraw.Draw(image).text((14, 14), digit, fill=255, font=font, anchor="mm")
        images.append(np.asarray(image)[..., None])
    return np.stack(images)


def _check_accuracy(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> Check:
    accuracy = float(np.mean(recognize(classifier, images).classes == labels))
    expected = classifier.card.test_accuracy
    detail = f"accuracy {rounded_percent(accuracy, digits=2)}"
    if expected is None:
        return Check("MNIST test set", accuracy > 0.9, detail)
    passed = abs(accuracy - expected) <= ACCURACY_TOLERANCE
    return Check(
        "MNIST test set", passed, f"{detail}, on its card {rounded_percent(expected, digits=2)}"
    )


def check_photographs(
    classifier: Classifier, *, images: str | Path, labels: str | Path, invert: bool = False
) -> list[Check]:
    """Tests a classifier on labelled photographs, and on the same with red and blue exchanged.

    Catches classes in another order, weights that were not loaded, most mistakes of preprocessing,
    and BGR in place of RGB.

    Args:
        classifier: any.
        images: folder of the images.
        labels: CSV file with their classes, as for `accuracy`.
        invert: exchange dark and bright.
    """
    measure = partial(accuracy, images=images, labels=labels, invert=invert, limit=PHOTOGRAPHS)
    try:
        measured = measure(classifier)
        checks = [_better_than_guessing(measured, classifier.card.classes, labels)]
        if classifier.card.input_shape[2] == 3:
            swapped = measure(_swapped(classifier), check_offset=False)
            checks.append(_channels_in_order(measured, swapped))
        tried = try_preprocessings(
            classifier, lambda seeing: measure(seeing, check_offset=False).top1
        )
        if tried is not None:
            checks.append(Check("usual preprocessings", *tried))
    except UserError as error:
        return [Check("photographs", False, str(error))]
    return checks


def _better_than_guessing(measured: Accuracy, classes: int, labels: str | Path) -> Check:
    guessed = measured.n / classes
    # four standard deviations above what guessing gets right
    least = min(measured.n, math.ceil(guessed + 4 * math.sqrt(guessed)))
    top1, top5 = (rounded_percent(share, digits=2) for share in (measured.top1, measured.top5))
    return Check(
        "photographs",
        round(measured.top1 * measured.n) >= least,
        f"top-1 {top1}, top-5 {top5} of the first {measured.n} in {labels} (expected {least} right "
        f"or more); {'; '.join(measured.actions) or 'used as they are'}",
    )


def _channels_in_order(measured: Accuracy, swapped: Accuracy) -> Check:
    return Check(
        "channel order",
        swapped.top1 - measured.top1 <= SWAP_GAIN,
        f"top-1 {rounded_percent(swapped.top1, digits=2)} with red and blue exchanged, "
        f"{rounded_percent(measured.top1, digits=2)} as they are (expected to gain "
        f"{rounded_percent(SWAP_GAIN, digits=0)} at most)",
    )


def _swapped(classifier: Classifier) -> Classifier:
    """Returns the classifier that takes the red of an image for blue, and blue for red."""

    def apply(params: Params, images: Array | np.ndarray) -> Array | np.ndarray:
        exchanged = images[..., ::-1]
        if isinstance(exchanged, np.ndarray):  # PyTorch refuses negative strides
            exchanged = np.ascontiguousarray(exchanged)
        return classifier.apply(params, exchanged)

    # the probe and the members are those of the classifier as it is
    card = dataclasses.replace(classifier.card, probe=())
    return dataclasses.replace(classifier, card=card, apply=apply, members=(), other=None)
