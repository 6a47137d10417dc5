"""What a run's settings come to: its classifier, encoding, rates and cells, resolved once."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Array

from evofool.classifiers import (
    Classifier,
    Params,
    as_probabilities,
    at_size,
    load_classifier,
)
from evofool.config import EvolveConfig
from evofool.evaluation import choose_micro_batch
from evofool.evolution.encodings import Encoding, Rates, make_encoding, make_rates
from evofool.evolution.memory import check_memory
from evofool.evolution.selection import Selection, make_selection
from evofool.support import UserError, is_python_file, split_code


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A run, ready to be carried out.

    Attributes:
        config: the settings.
        classifier: the one they name, as the run sees it.
        encoding: how genomes are made, varied and drawn, with the room that they have at first.
        rates: how often the encoding varies what.
        selection: which cells there are, who competes for them, and who are parents.
        micro_batch: children that are made, drawn and classified together.
    """

    config: EvolveConfig
    classifier: Classifier
    encoding: Encoding
    rates: Rates
    selection: Selection
    micro_batch: int


def make_plan(config: EvolveConfig, classifier: Classifier) -> Plan:
    """Resolves settings; the plan's `config` has the micro-batch that was chosen, and full paths.

    Args:
        config: the settings.
        classifier: the one they name, as `load_configured` or `configure` return it.

    Raises:
        UserError: the memory does not suffice, or the settings do not fit the classifier: unknown
            classes, a colour for other channels, children that the classes cannot share equally.
    """
    encoding = make_encoding(config, classifier.card.input_shape)
    selection = make_selection(config, classifier.card)
    micro_batch = config.micro_batch
    if micro_batch is None:
        micro_batch = choose_micro_batch(
            config.batch_size, classifier, least_parts=encoding.least_parts
        )
    check_memory(config, classifier, encoding, selection, micro_batch)
    return Plan(
        config=_with_full_paths(dataclasses.replace(config, micro_batch=micro_batch)),
        classifier=classifier,
        encoding=encoding,
        rates=make_rates(config),
        selection=selection,
        micro_batch=micro_batch,
    )


def _with_full_paths(config: EvolveConfig) -> EvolveConfig:
    """Names weights and files of code so that they are found from any folder."""
    weights = str(Path(config.weights).absolute()) if config.weights else config.weights
    members = map(_with_full_path, config.classifier.split("+"))
    return dataclasses.replace(config, classifier="+".join(members), weights=weights)


def _with_full_path(name: str) -> str:
    code = split_code(name)
    if code is None or not is_python_file(code[0]):
        return name
    return f"{Path(code[0]).absolute()}:{code[1]}"


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

    def apply(params: Params, images: Array) -> Array:
        return as_probabilities(classifier.log_odds(classifier.apply(params, images)))

    card = dataclasses.replace(classifier.card, probe=())
    return dataclasses.replace(
        classifier, card=card, apply=apply, kind="log_odds", members=(classifier,)
    )
