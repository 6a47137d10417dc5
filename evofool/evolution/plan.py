"""What a run's settings come to: its classifier, encoding, rates and cells, resolved once."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cppn import ACTIVATIONS
from evofool.classifiers import (
    Card,
    Classifier,
    at_size,
    is_own,
    label_of,
    load_classifier,
    resolve_classes,
)
from evofool.config import CELLS, ENCODINGS, FITNESSES, EvolveConfig
from evofool.evaluation import choose_micro_batch
from evofool.evolution.encodings import Encoding, Rates, make_encoding, make_rates
from evofool.evolution.expectation import Expectation, expectation_of
from evofool.evolution.memory import check_memory, climb_together
from evofool.evolution.objective import with_objective
from evofool.evolution.polishing import Climb
from evofool.evolution.selection import Selection, make_selection
from evofool.images import wear_named
from evofool.support import UserError, full_path, with_full_path

Part = tuple[Card, str, int, str]  # card, kind of outputs, views, name of the function


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
        climb: how elites are polished after evolution; None for not at all.
    """

    config: EvolveConfig
    classifier: Classifier
    encoding: Encoding
    rates: Rates
    selection: Selection
    micro_batch: int
    climb: Climb | None = None

    @property
    def expectation(self) -> Expectation | None:
        """How children are worn before they are classified; None for not at all."""
        return expectation_of(self.config)

    @property
    def own_parts(self) -> tuple[Part, ...] | None:
        """What the classifier and all that it consists of compute.

        None where functions of the user's are part of the run's programs: then neither cards nor
        settings say what those compute.
        """
        config = self.config
        hooks = ((ENCODINGS, config.encoding), (FITNESSES, config.fitness), (CELLS, config.cells))
        activations = [ACTIVATIONS[name] for name in config.cppn.activations]
        is_ours = (
            is_own(self.classifier)
            and all(registry.get(name) is None for registry, name in hooks)
            and all(function.__module__.startswith("cppn.") for function in activations)
        )
        return tuple(_parts_of(self.classifier)) if is_ours else None

    @property
    def polish_batch(self) -> int:
        """Elites of a run that are polished in one generation."""
        assert self.climb is not None
        return self.config.polish.batch_of(len(self.climb.cells))

    @property
    def polish_micro_batch(self) -> int:
        """Elites that are polished together."""
        assert self.climb is not None
        return climb_together(self.config, len(self.climb.cells), self.micro_batch)

    def evaluations_by(self, generation: int) -> int:
        """Returns how many images of a run were classified by the end of a generation.

        When an elite is polished, an image is looked at before every step and after the last, and
        the best once more when it is offered to the archive.
        """
        evolved = min(generation, self.config.last_generation)
        looks = self.config.polish.evolved_looks or self.config.looks
        evaluations = (evolved + 1) * self.config.batch_size * looks
        if generation > evolved:
            each = (self.config.polish.steps + 2) * self.config.looks
            evaluations += (generation - evolved) * self.polish_batch * each
        return evaluations

    @property
    def last_generation(self) -> int:
        """The generation at which the run ends by count, polishing included."""
        if self.climb is None:
            return self.config.last_generation
        return int(self.climb.starts[-1]) - 1


def make_plan(config: EvolveConfig, classifier: Classifier) -> Plan:
    """Resolves settings; the plan's `config` has the micro-batch that was chosen, and full paths.

    Args:
        config: the settings.
        classifier: the one they name, as `load_configured` or `configure` return it.

    Raises:
        UserError: the memory does not suffice, or the settings do not fit the classifier: unknown
            classes or wear, a colour for other channels, children that the classes cannot share
            equally.
    """
    encoding = make_encoding(config, classifier.card.input_shape)
    for kind in config.wear:
        wear_named(kind)
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
        climb=_make_climb(config, classifier, selection),
    )


def _parts_of(classifier: Classifier) -> Iterator[Part]:
    # An ensemble's ten crops have the card and the kind of a single view of that size.
    name = getattr(classifier.apply, "__qualname__", "")
    yield classifier.card, classifier.kind, classifier.views, name
    for member in classifier.members:
        yield from _parts_of(member)


def _make_climb(config: EvolveConfig, classifier: Classifier, selection: Selection) -> Climb | None:
    """Resolves the settings of polishing.

    Raises:
        UserError: the classifier has no gradients, or elites are no class's own.
    """
    polish = config.polish
    if polish.steps == 0:
        return None
    if not classifier.is_jax:
        raise UserError(
            f"polish.steps is {polish.steps}, but {classifier.card.name!r} runs outside JAX and "
            "has no gradients to climb by; give 0, and more generations instead"
        )
    if selection.slots > 1 or config.algorithm != "map-elites":
        raise UserError(
            f"polish.steps is {polish.steps}, which algorithm 'single-class' does not do; "
            "use 'map-elites'"
        )
    outputs = resolve_classes(classifier.card, polish.classes or config.classes)
    missing = [output for output in outputs if output not in selection.outputs]
    if missing:
        raise UserError(
            f"polish.classes names {label_of(classifier.card, missing[0])!r}, which is not among "
            "the classes that the run evolves"
        )
    rounds = polish.generations_of(len(outputs))
    return Climb(
        starts=np.cumsum([config.last_generation + 1, *rounds], dtype=np.int32),
        steps=np.array(polish.steps, np.int32),
        gain=np.array(polish.gain, np.float32),
        cells=np.array([selection.outputs.index(output) for output in outputs], np.int32),
    )


def _with_full_paths(config: EvolveConfig) -> EvolveConfig:
    """Names weights and files of code so that they are found from any folder."""
    weights = full_path(config.weights) if config.weights else config.weights
    members = map(with_full_path, config.classifier.split("+"))
    return dataclasses.replace(config, classifier="+".join(members), weights=weights)


def load_configured(config: EvolveConfig) -> Classifier:
    """Loads the classifier that a run's configuration names, as the run sees it."""
    classifier = load_classifier(
        config.classifier,
        weights=config.weights,
        combine=config.combine,
        image_size=config.image_size,
        views=config.views,
    )
    return with_objective(classifier, config)


def configure(classifier: Classifier, config: EvolveConfig) -> Classifier:
    """Makes of a classifier what a run's configuration asks for: image size, views, fitness."""
    classifier = at_size(classifier, image_size=config.image_size, views=config.views)
    return with_objective(classifier, config)
