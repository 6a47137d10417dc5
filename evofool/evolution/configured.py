"""The classifier that the settings of a run ask for: image size, views, fitness."""

import dataclasses
from typing import Any

from evofool.classifiers import Classifier, as_probabilities, at_size, load_classifier
from evofool.config import EvolveConfig
from evofool.support import UserError


def load_configured(config: EvolveConfig) -> Classifier:
    """Loads the classifier that a run's configuration names, as the run sees it."""
    classifier = load_classifier(
        config.classifier,
        weights=config.weights,
        combine=config.combine,
        image_size=config.image_size,
        views=config.views,
    )
    return _with_fitness(classifier, config.fitness)


def configure(classifier: Classifier, config: EvolveConfig) -> Classifier:
    """Makes of a classifier what a run's configuration asks for: image size, views, fitness."""
    classifier = at_size(classifier, image_size=config.image_size, views=config.views)
    return _with_fitness(classifier, config.fitness)


def _with_fitness(classifier: Classifier, fitness: str) -> Classifier:
    if fitness == "log_odds":
        return classifier
    if not classifier.is_jax:
        raise UserError(
            f"fitness is 'probability', but {classifier.card.name!r} runs outside JAX and gives "
            "probabilities as it is; leave the setting out"
        )

    def apply(params: Any, images: Any) -> Any:
        return as_probabilities(classifier.log_odds(classifier.apply(params, images)))

    card = dataclasses.replace(classifier.card, probe=())
    return dataclasses.replace(
        classifier, card=card, apply=apply, kind="log_odds", members=(classifier,)
    )
