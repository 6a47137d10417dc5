"""Is everything in place? What was found, what a run would cost, and a self-test."""

import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from evofool.classifiers import Classifier, check_classifier, load_classifier, shipped_names
from evofool.config import EvolveConfig
from evofool.data import SOURCES, find_data, load_mnist
from evofool.errors import UserError
from evofool.evaluator import evaluate
from evofool.forecast import Forecast, forecast_run
from evofool.platforms import platform_facts
from evofool.scores import fitness_of

PACKAGES = ("evofool", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pillow")
MICRO_BATCH = 500  # pictures classified together in the self-test
DIGITS = tuple("0123456789")

LEAST_RIGHT = 7  # of ten drawn digits; a network without its weights gets about one
# Log-odds of the label of a drawn digit, in nats: near 0 when the input is scaled to nothing, in
# the hundreds when it is scaled by 255 too often.
LEAST_ODDS, MOST_ODDS = 1.0, 100.0
ACCURACY_TOLERANCE = 0.002  # other processors classify a picture or two otherwise


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


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What `doctor` found.

    Attributes:
        versions: of Python and the packages that matter.
        processor: its model.
        cores: of it that this process may use.
        devices: that JAX sees.
        cache: folder of compiled programs, or None.
        data: per data set, the folder it was found in or why it was not.
        weights: per classifier that ships with the package, its card in short.
        forecast: of the configured run, or None when it cannot be tried.
        checks: the self-test.
    """

    versions: dict[str, str]
    processor: str
    cores: int
    devices: list[str]
    cache: str | None
    data: dict[str, str]
    weights: dict[str, str]
    forecast: Forecast | None
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether the whole self-test passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values that JSON can hold, `passed` among them."""
        checks = [check._asdict() for check in self.checks]
        return {**asdict(self), "checks": checks, "passed": self.passed}


def doctor(config: EvolveConfig | None = None, *, data_dir: str | Path | None = None) -> Diagnosis:
    """Looks at the machine and the installation, and tries the classifier and the loop.

    Args:
        config: the run to forecast; the default run unless given.
        data_dir: folder with data sets; looked for in the usual places unless given.
    """
    config = config or EvolveConfig()
    forecast = None
    try:
        classifier = load_classifier(config.classifier, weights=config.weights)
        check_classifier(classifier)
    except UserError as error:
        checks = [Check("classifier", False, str(error))]
    else:
        checks = [Check("classifier", True, f"{classifier.card.name} tells pictures apart")]
        if classifier.is_jax:
            forecast = forecast_run(config, classifier)
        if classifier.card.labels[:10] == DIGITS and classifier.card.input_shape == (28, 28, 1):
            checks += _check_digits(classifier, data_dir)
    return Diagnosis(
        versions={"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        processor=platform_facts()["processor"],
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        devices=[
            f"{device.platform} {device.id}: {device.device_kind}" for device in jax.devices()
        ],
        cache=jax.config.values["jax_compilation_cache_dir"],
        data={name: _where(name, data_dir) for name in SOURCES},
        weights={name: _weights(name) for name in shipped_names()},
        forecast=forecast,
        checks=checks,
    )


def _check_digits(classifier: Classifier, data_dir: str | Path | None) -> list[Check]:
    """Shows a digit classifier digits drawn with a font, and the real ones where they are found."""
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
    outputs = evaluate(classifier, drawn_digits(), 10)
    odds = np.asarray(fitness_of(jnp.asarray(outputs), classifier.kind))[:, :10]
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
    pictures = []
    for digit in DIGITS:
        image = Image.new("L", (28, 28))
        ImageDraw.Draw(image).text((14, 14), digit, fill=255, font=font, anchor="mm")
        pictures.append(np.asarray(image, np.float32)[..., None] / np.float32(255))
    return np.stack(pictures)


def _check_accuracy(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> Check:
    outputs = evaluate(classifier, images.astype(np.float32) / np.float32(255), MICRO_BATCH)
    accuracy = float(np.mean(outputs.argmax(axis=1) == labels))
    expected = classifier.card.test_accuracy
    if expected is None:
        return Check("MNIST test set", accuracy > 0.9, f"accuracy {accuracy:.2%}")
    passed = abs(accuracy - expected) <= ACCURACY_TOLERANCE
    return Check("MNIST test set", passed, f"accuracy {accuracy:.2%}, on its card {expected:.2%}")


def _where(name: str, data_dir: str | Path | None) -> str:
    try:
        return str(find_data(name, data_dir))
    except UserError as error:
        return str(error)


def _weights(name: str) -> str:
    card = load_classifier(name).card
    accuracy = "" if card.test_accuracy is None else f", test accuracy {card.test_accuracy:.2%}"
    return f"{card.family}, {card.classes} classes, {card.input_shape}{accuracy}"
