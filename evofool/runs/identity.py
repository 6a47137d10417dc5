"""The classifier of a run: loaded as its directory says, and known again."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from evofool.classifiers import (
    CERTAIN,
    Card,
    Classifier,
    Fingerprint,
    answers_otherwise,
    differences,
    distance_of_faces,
    fingerprint,
    has_hash,
)
from evofool.config import EvolveConfig
from evofool.evolution import load_configured
from evofool.runs.backends import with_recorded_backend
from evofool.support import UserError, check_trust, rounded_percent, split_code, url_of


class Given(TypedDict, total=False):
    """What is known of a run's classifier besides what its directory says.

    Attributes:
        classifier: the one that the run was evolved for, or the user's name for it, where it cannot
            be loaded by the name in the run directory.
        weights: where its weights are, if no longer where the run found them.
        trust_code: whether to run the code of a classifier that only the run directory names.
    """

    classifier: str | Classifier | None
    weights: str | Path | None
    trust_code: bool


def load_recorded(config: EvolveConfig, given: Given, *, source: Path) -> Classifier:
    """Loads the classifier of a run.

    Args:
        config: of the run.
        given: may hold its name, the place of its weights, and the word to run its code.
        source: the file that `config` was read from.

    Raises:
        UserError: the file names code that is not trusted; or the classifier cannot be loaded.
    """
    name, weights = given.get("classifier"), given.get("weights")
    if not isinstance(name, str):
        name = config.classifier
        check_trust(name, source=source, trust_code=given.get("trust_code", False))
    if weights is None and config.weights and split_code(name) is None:
        weights = config.weights
        if url_of(weights):
            raise UserError(
                f"{source} says that the weights are at {weights}; nothing is fetched that only a "
                "file names: give --weights with that URL, or others"
            )
        if not Path(weights).exists():
            raise UserError(
                f"{source} says that the weights are at {weights}, where nothing is; say where "
                "they are with --weights"
            )
    name = with_recorded_backend(name, config.classifier)
    found = str(weights) if weights else None
    return load_configured(dataclasses.replace(config, classifier=name, weights=found))


def check_identity(
    folder: Path, classifier: Classifier, *, recorded: Card, answers: Fingerprint | None
) -> float:
    """Makes sure that a classifier is the one that a run was evolved for.

    Args:
        folder: of the run.
        classifier: as the run sees it.
        recorded: the card that the run began with.
        answers: what the classifier answered then; None in runs that did not record it.

    Returns:
        How far two answers to the same image are apart; 0 for a deterministic classifier.

    Raises:
        UserError: weights, classes or answers are others.
    """
    card = classifier.card
    who = f"{folder} was evolved for another classifier than {card.name!r} as it is now"
    remedy = "name the one it was evolved for with --classifier and --weights"
    if card.sha256 != recorded.sha256:
        raise UserError(
            f"{folder} was evolved for weights with sha256 {recorded.sha256 or 'unknown'}, but the "
            f"classifier {card.name!r} now has {card.sha256 or 'none'}; {remedy}"
        )
    changes = list(differences(recorded, card))
    if changes:
        raise UserError(f"{who}: {'; '.join(changes)}; {remedy}")
    if answers is None or has_hash(card):
        return 0.0
    now = fingerprint(classifier)
    if difference := answers_otherwise(answers, now):
        raise UserError(
            f"{who}: it answers test images otherwise, by up to {difference:.3g}; {remedy}"
        )
    return max(answers.spread, now.spread)


def remarks(classifier: Classifier, answers: Fingerprint) -> Iterator[str]:
    """Says what a user should know of a classifier before its scores are believed."""
    card = classifier.card
    apart = distance_of_faces(classifier) if classifier.is_jax else None
    if apart is not None:
        yield (
            f"{card.name} is computed in JAX; confidences of the runtime that it ships with differ "
            f"by {apart:.2g} at most, on test images (evofool doctor compares their speeds)"
        )
    if card.guessed:
        yield (
            f"the file of {card.name!r} does not tell its {', '.join(card.guessed)}, which are "
            "guessed; see evofool card, and evofool doctor with --images and --labels"
        )
    if answers.spread:
        yield not_deterministic(answers.spread)
    if answers.certain == 1:
        yield (
            f"the classifier is {CERTAIN:.0%} certain or more of every test image, though they are "
            "black, white, ramps and noise; check the scale of its input, which is in [0, 1]"
        )
    if answers.step:
        yield (
            f"the classifier's outputs come in steps of {answers.step:.3g}: confidences are known "
            f"to within {rounded_percent(answers.step, digits=2)}, and of images that tie the "
            "first one stays"
        )


def not_deterministic(spread: float) -> str:
    """Says that a classifier answers the same question differently."""
    return (
        "the classifier is not deterministic: asked twice about the same images, its answers are "
        f"up to {spread:.3g} apart, so that scores are not found again exactly"
    )
