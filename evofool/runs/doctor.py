"""Is everything in place? What was found, what a run would cost, and a self-test."""

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import jax

from evofool.classifiers import Card, Classifier, fingerprint, load_classifier, shipped_names
from evofool.config import EvolveConfig
from evofool.data import SOURCES, describe_preprocessing, find_data
from evofool.evaluation import Check, check_digits, check_photographs, check_scale, compare_faces
from evofool.evolution import Forecast, forecast_run, load_configured
from evofool.runs.identity import not_deterministic
from evofool.support import JsonValue, UserError, platform_facts, rounded_percent

PACKAGES = ("evofool", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pillow")


@dataclass(frozen=True, kw_only=True)
class ClassifierFacts:
    """What decides whether a classifier is used rightly.

    Attributes:
        name: as on its card.
        family: its architecture.
        sha256: of its weights file; empty when there is none.
        outputs: of the network.
        class_offset: output of class 0.
        first_class: label of class 0.
        preprocessing: what happens to an image, in words.
    """

    name: str
    family: str
    sha256: str
    outputs: int
    class_offset: int
    first_class: str
    preprocessing: str


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
        classifiers: the configured one, or the members of an ensemble; none if it fails to load.
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
    classifiers: list[ClassifierFacts]
    forecast: Forecast | None
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether the whole self-test passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns plain values that JSON can hold, `passed` among them."""
        checks = [check._asdict() for check in self.checks]
        return {**asdict(self), "checks": checks, "passed": self.passed}


def doctor(
    config: EvolveConfig | None = None,
    *,
    data_dir: str | Path | None = None,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    invert: bool = False,
) -> Diagnosis:
    """Looks at the machine and the installation, and tries the classifier and the loop.

    Args:
        config: the run to forecast; the default run unless given.
        data_dir: folder with data sets; looked for in the usual places unless given.
        images: folder of labelled images to try the classifier on, with `labels`.
        labels: CSV file with their classes, as for `accuracy`; the first hundred rows are taken.
        invert: exchange dark and bright in these images.

    Raises:
        UserError: only one of `images` and `labels` is given, or `invert` without them.
    """
    if (images is None) != (labels is None):
        raise UserError("images and labels belong together; give both, or neither")
    if invert and images is None:
        raise UserError("invert is about labelled images; give images and labels")
    config = config or EvolveConfig()
    forecast, facts, checks = None, [], []
    try:
        classifier = load_classifier(
            config.classifier, weights=config.weights, combine=config.combine
        )
        facts = [_facts(member.card) for member in classifier.members or (classifier,)]
        for check in _checks_of(classifier):
            checks.append(check)  # and stays, where a later one fails
    except UserError as error:
        checks.append(Check("classifier", False, str(error)))
    else:
        if classifier.is_jax:
            forecast = forecast_run(config, load_configured(config))
        checks += check_digits(classifier, data_dir)
        if images is not None and labels is not None:
            checks += check_photographs(classifier, images=images, labels=labels, invert=invert)
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
        classifiers=facts,
        forecast=forecast,
        checks=checks,
    )


def _checks_of(classifier: Classifier) -> Iterator[Check]:
    """Yields what there is to say of a classifier, whatever it classifies.

    Raises:
        UserError: it fails, or gives no numbers.
    """
    answers = fingerprint(classifier)
    yield Check("classifier", True, f"{classifier.card.name} tells images apart")
    yield Check(
        "same answer twice",
        not answers.spread,
        not_deterministic(answers.spread) if answers.spread else "yes, to the last digit",
    )
    yield check_scale(classifier)
    if (speeds := compare_faces(classifier)) is not None:
        yield Check("backends", True, f"{speeds}; ?backend={speeds.faster} is the faster one")
    if answers.step:
        yield Check("steps of the output", True, f"multiples of {answers.step:.3g}")


def _where(name: str, data_dir: str | Path | None) -> str:
    try:
        return str(find_data(name, data_dir))
    except UserError as error:
        return str(error)


def _weights(name: str) -> str:
    card = load_classifier(name).card
    facts = f"{card.family}, {card.classes} classes, {card.input_shape}"
    if card.test_accuracy is None:
        return facts
    return f"{facts}, test accuracy {rounded_percent(card.test_accuracy, digits=2)}"


def _facts(card: Card) -> ClassifierFacts:
    return ClassifierFacts(
        name=card.name,
        family=card.family,
        sha256=card.sha256,
        outputs=card.outputs,
        class_offset=card.class_offset,
        first_class=card.labels[0],
        preprocessing=describe_preprocessing(card),
    )
