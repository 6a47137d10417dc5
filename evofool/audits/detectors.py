"""Detectors of fooling images: scores that are higher for real images than for others.

    msp          the largest softmax probability (Hendrycks and Gimpel, 2017, arXiv:1610.02136)
    max-logit    the largest logit (Hendrycks et al., 2022, arXiv:1911.11132)
    energy       log sum exp of the logits (Liu et al., 2020, arXiv:2010.03759)
    entropy      of the softmax probabilities, negated
    odin         the largest probability at temperature 1000, after a step of 0.0014 along the
                 gradient that raises it (Liang et al., 2018, arXiv:1706.02690)
    mahalanobis  distance of the features to the nearest class mean, under one covariance for all
                 classes, negated (Lee et al., 2018, arXiv:1807.03888), shrunk as Ledoit and Wolf do
    knn          distance of the normalised features to the fifth nearest among real images, negated
                 (Sun et al., 2022, arXiv:2204.06507)

Those that are fitted, the last two, are fitted to one half of the real images, and all are measured
on the other half.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float, Int

from evofool.audits.figures import Metrics, plain
from evofool.audits.scikit import scikit
from evofool.audits.separation import Scores, Separation, separate
from evofool.audits.subject import Subject
from evofool.classifiers import confidence
from evofool.evaluation import (
    Model,
    choose_gradient_batch,
    evaluate_levels,
    extract_features,
    in_parts,
    model_of,
    once_per_model,
    recognize,
)
from evofool.images import Levels, from_levels
from evofool.support import UserError

SURE = 0.9  # confidence of the fooling images that are to be detected
TEMPERATURE, STEP = 1000.0, 0.0014  # of ODIN
NEIGHBOUR = 5  # whose distance counts


class DetectorsPart(TypedDict):
    """What the detectors are worth.

    Attributes:
        real: number of real images.
        fooling: number of fooling images.
        least: the confidence that these have at least; 0 where none is as sure as `SURE`.
        detectors: how each one separates the two.
        absent: why a detector was not measured, by its name.
        metrics: figures by name.
    """

    real: int
    fooling: int
    least: float
    detectors: dict[str, Separation]
    absent: dict[str, str]
    metrics: Metrics


class _Shown(NamedTuple):
    """Images, and what the classifier makes of them."""

    images: Levels
    outputs: Float[np.ndarray, "images outputs"]
    odds: Float[np.ndarray, "images classes"]
    features: Float[np.ndarray, "images features"] | None

    def of(self, rows: Int[np.ndarray, " rows"]) -> "_Shown":
        features = None if self.features is None else self.features[rows]
        return _Shown(self.images[rows], self.outputs[rows], self.odds[rows], features)


def detect(subject: Subject, fooling: Levels, least: float) -> DetectorsPart:
    """Measures all detectors.

    Args:
        subject: the classifier, with real images.
        fooling: images that it is to be kept from believing, at least one.
        least: the confidence that it has in them at least.
    """
    absent: dict[str, str] = {}
    real, fooled = (_show(subject, images, absent) for images in (subject.known.images, fooling))
    held_out, found = real.of(subject.held_out), {}
    for name, score in _scores(subject, real.of(subject.reference), absent).items():
        found[name] = separate(score(held_out), score(fooled), seed=subject.seed)
    metrics: Metrics = {
        f"{measure}.{name}": separation[measure]  # type: ignore[literal-required]
        for name, separation in found.items()
        for measure in ("auroc", "aupr", "fpr95")
    }
    if found:
        best = max(separation["auroc"]["value"] for separation in found.values())
        metrics["auroc.best"] = plain(best, len(fooling) + len(held_out.images))
    return {
        "real": len(held_out.images),
        "fooling": len(fooling),
        "least": least,
        "detectors": found,
        "absent": absent,
        "metrics": metrics,
    }


def _show(subject: Subject, images: Levels, absent: dict[str, str]) -> _Shown:
    classifier = subject.classifier
    features = None
    try:
        features = extract_features(classifier, images)
    except UserError as error:
        absent |= {"mahalanobis": str(error), "knn": str(error)}
    outputs = evaluate_levels(classifier, images)
    return _Shown(images, outputs, recognize(classifier, images).log_odds, features)


def _scores(
    subject: Subject, reference: _Shown, absent: dict[str, str]
) -> dict[str, Callable[[_Shown], Scores]]:
    """Returns the detectors that this classifier can have."""
    scores: dict[str, Callable[[_Shown], Scores]] = {"msp": _msp, "entropy": _entropy}
    kind = subject.classifier.kind
    if kind == "logits":
        scores |= {"max-logit": _max_logit, "energy": _energy, "odin": partial(_odin, subject)}
    else:
        reason = f"it gives {kind.replace('_', '-')} and no logits"
        absent |= dict.fromkeys(("max-logit", "energy", "odin"), reason)
    if reference.features is not None:
        labels = subject.known.labels[subject.reference]
        spread = len(labels) - len(np.unique(labels))
        if spread < len(np.unique(labels)):
            absent["mahalanobis"] = "most classes have one real image, and no spread about its mean"
        else:
            scores["mahalanobis"] = _mahalanobis(reference.features, labels)
        scores["knn"] = _knn(reference.features)
    return scores


def _msp(shown: _Shown) -> Scores:
    return shown.odds.max(axis=1).astype(float)  # orders as the probability, and does not saturate


def _entropy(shown: _Shown) -> Scores:
    p = confidence(shown.odds)
    return np.sum(p * np.log(np.maximum(p, np.finfo(float).tiny)), axis=1)


def _max_logit(shown: _Shown) -> Scores:
    return shown.outputs.max(axis=1).astype(float)


def _energy(shown: _Shown) -> Scores:
    return np.logaddexp.reduce(shown.outputs.astype(float), axis=1)


def _odin(subject: Subject, shown: _Shown) -> Scores:
    classifier = subject.classifier
    # one size for real and for fooling images, so that one program is compiled
    size = choose_gradient_batch(len(subject.known.images), classifier)
    function = partial(_odin_program(model_of(classifier)), classifier.params)
    return in_parts(lambda part: function(from_levels(part)), [shown.images], size).astype(float)


@once_per_model
def _odin_program(model: Model) -> Callable[..., Float[Array, " images"]]:
    def best(params, images):
        return jax.nn.log_softmax(model.apply(params, images) / TEMPERATURE).max(axis=1)

    def odin(params, images):
        slope = jax.grad(lambda x: best(params, x).sum())(images)
        return best(params, images + STEP * jnp.sign(slope))

    return jax.jit(odin)


def _mahalanobis(
    features: Float[np.ndarray, "images features"], labels: Int[np.ndarray, " images"]
) -> Callable[[_Shown], Scores]:
    known, place = np.unique(labels, return_inverse=True)
    means = np.stack([features[place == i].mean(axis=0) for i in range(len(known))])
    shrunk, _ = scikit("covariance").ledoit_wolf(features - means[place], assume_centered=True)
    precision = scipy.linalg.inv(shrunk)  # shrinking has made it positive definite

    def score(shown: _Shown) -> Scores:
        assert shown.features is not None
        x = shown.features.astype(float)
        # (x - m) P (x - m), multiplied out, so that no array has images x classes x features
        of_x = np.einsum("if,fg,ig->i", x, precision, x, optimize=True)
        of_means = np.einsum("cf,fg,cg->c", means, precision, means, optimize=True)
        return -(of_x[:, None] - 2 * x @ precision @ means.T + of_means).min(axis=1)

    return score


def _knn(features: Float[np.ndarray, "images features"]) -> Callable[[_Shown], Scores]:
    nearest = min(NEIGHBOUR, len(features))
    index = scikit("neighbors").NearestNeighbors(n_neighbors=nearest).fit(_normalised(features))

    def score(shown: _Shown) -> Scores:
        assert shown.features is not None
        return -index.kneighbors(_normalised(shown.features))[0][:, -1]

    return score


def _normalised(features: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(lengths, np.finfo(np.float32).tiny)
