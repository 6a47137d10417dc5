"""What to do, tried: a temperature, and a threshold.

A remedy is fitted to one half of the real images and measured on the other. The fooling images are
those that were found without it: a new search, against the remedied classifier, may find others.
"""

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import scipy
from jaxtyping import Float

from evofool.audits.calibration import calibration_error
from evofool.audits.figures import Metrics, as_given, plain, share
from evofool.audits.separation import passing
from evofool.audits.subject import Subject
from evofool.classifiers import confidence
from evofool.evaluation import evaluate_levels, recognize
from evofool.images import Levels
from evofool.support import rounded_percent, unknown_name

LEAST_LOG, MOST_LOG = np.log(0.05), np.log(100.0)  # of a temperature


class Remedy(TypedDict):
    """What a remedy changes.

    Attributes:
        name: temperature or threshold.
        setting: what was fitted, in words.
        lines: what it changes, in words.
    """

    name: str
    setting: str
    lines: list[str]


class RemediesPart(TypedDict):
    """The remedies that were tried.

    Attributes:
        remedies: in the order in which they were asked for.
        absent: why one was not tried, by its name.
        metrics: figures by name.
    """

    remedies: list[Remedy]
    absent: dict[str, str]
    metrics: Metrics


def check_remedies(names: Sequence[str]) -> None:
    """Refuses names of no remedy.

    Raises:
        UserError: says which there are.
    """
    for name in names:
        if name not in REMEDIES:
            raise unknown_name("remedy", name, REMEDIES)


def remedy(subject: Subject, names: Sequence[str], fooling: Levels) -> RemediesPart:
    """Tries remedies.

    Args:
        subject: the classifier, with real images.
        names: of the remedies.
        fooling: images of which it is certain, at least one.
    """
    part: RemediesPart = {"remedies": [], "absent": {}, "metrics": {}}
    for name in names:
        if name == "temperature" and subject.classifier.kind == "log_odds":
            part["absent"][name] = "the members of an ensemble have a temperature each"
        else:
            found, metrics = REMEDIES[name](subject, fooling)
            part["remedies"].append(found)
            part["metrics"] |= metrics
    return part


def _temperature(subject: Subject, fooling: Levels) -> tuple[Remedy, Metrics]:
    """Divides the logits by a number, as Guo et al. do (2017, arXiv:1706.04599)."""
    outputs, labels = subject.outputs.astype(float), subject.known.labels
    offset = subject.classifier.card.class_offset
    fitted, held_out = subject.reference, subject.held_out
    truth = labels[fitted] + offset

    def loss(log_temperature: float) -> float:
        odds = _log_softmax(outputs[fitted] / np.exp(log_temperature))
        return -float(odds[np.arange(len(truth)), truth].mean())

    best = scipy.optimize.minimize_scalar(loss, bounds=(LEAST_LOG, MOST_LOG), method="bounded")
    temperature = float(np.exp(best.x))
    of_fooling = evaluate_levels(subject.classifier, fooling).astype(float)

    def certainty(given: np.ndarray, divided_by: float) -> np.ndarray:
        return np.exp(_log_softmax(given / divided_by)[:, offset:].max(axis=1))

    right = subject.seen.classes[held_out] == labels[held_out]
    before, after = (certainty(outputs[held_out], t) for t in (1.0, temperature))
    fooled = [certainty(of_fooling, t) >= subject.threshold for t in (1.0, temperature)]
    errors = [calibration_error(values, right) for values in (before, after)]
    bar = as_given(subject.threshold)
    found: Remedy = {
        "name": "temperature",
        "setting": f"logits divided by {temperature:.3g}",
        "lines": [
            f"calibration error {_change(errors)}",
            f"fooling images at {bar} or more {_change([hits.mean() for hits in fooled])}",
            "real images at "
            f"{bar} or more {_change([np.mean(v >= subject.threshold) for v in (before, after)])}",
            "the likeliest class of no image changes",
        ],
    }
    return found, {
        "temperature": plain(temperature, len(fitted)),
        "ece.temperature": plain(errors[1], len(held_out)),
        "passed.temperature": share(fooled[1]),
        "rejected.temperature": share(after < subject.threshold),
    }


def _threshold(subject: Subject, fooling: Levels) -> tuple[Remedy, Metrics]:
    """Believes only what is as certain as 95 % of the real images."""
    odds = subject.seen.log_odds.max(axis=1).astype(float)
    bar = passing(odds[subject.reference])
    held_out = odds[subject.held_out] >= bar
    right = (subject.seen.classes == subject.known.labels)[subject.held_out]
    passed = recognize(subject.shipped, fooling).log_odds.max(axis=1) >= bar
    accepted = right[held_out]
    accuracies = [right.mean(), accepted.mean() if len(accepted) else 0.0]
    found: Remedy = {
        "name": "threshold",
        "setting": f"confidence {_confidence_text(bar)} or more is believed",
        "lines": [
            f"real images that pass: {rounded_percent(held_out.mean())}",
            f"fooling images that pass: {rounded_percent(passed.mean())}",
            f"accuracy on real images {_change(accuracies)} among those that pass",
        ],
    }
    return found, {
        "threshold": plain(float(confidence(bar)), len(subject.reference)),
        "passed.threshold": share(passed),
        "rejected.threshold": share(~held_out),
    }


REMEDIES: dict[str, Callable[[Subject, Levels], tuple[Remedy, Metrics]]] = {
    "temperature": _temperature,
    "threshold": _threshold,
}


def _change(values: Sequence[float | np.floating]) -> str:
    before, after = (rounded_percent(float(value)) for value in values)
    return f"{before} -> {after}"


def _confidence_text(odds: float) -> str:
    value = float(confidence(odds))
    return f"{value:.4g}" if value < 0.9999 else f"1 - {1 - value:.1g}"


def _log_softmax(outputs: Float[np.ndarray, "images outputs"]) -> np.ndarray:
    return outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
