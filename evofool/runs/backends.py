"""Which of a model's two faces a run is evolved against, where its address leaves that open."""

import dataclasses

from evofool.classifiers import Classifier, load_classifier
from evofool.config import EvolveConfig
from evofool.evaluation import compare_faces
from evofool.support import UserError, multihost, parse_address, with_backend


def settle_backend(config: EvolveConfig) -> tuple[EvolveConfig, str]:
    """Replaces `backend=auto` in a classifier's address by the faster one, as measured now.

    The run records the address that comes of it, so that it is resumed and verified in the same
    runtime, wherever that is done.

    Args:
        config: of a run that begins.

    Returns:
        The configuration, and what was measured in words; empty where nothing was left open.

    Raises:
        UserError: the classifier cannot be loaded.
    """
    address = parse_address(config.classifier)
    if address is None or address.options.get("backend") != "auto":
        return config, ""
    name, *found = multihost.from_first(lambda: _measure(config.classifier))
    return dataclasses.replace(config, classifier=name), "".join(found)


def with_recorded_backend(name: str, recorded: str) -> str:
    """Returns the name of a run's classifier with the backend that the run records.

    Args:
        name: that of the run, or another name for the same model.
        recorded: as in the run's configuration.
    """
    address, of_run = parse_address(name), parse_address(recorded)
    if address is None or of_run is None or "backend" in address.options:
        return name
    backend = of_run.options.get("backend")
    return with_backend(name, str(backend)) if backend else name


def _measure(name: str) -> list[str]:
    """Returns the address with the faster backend, and what was measured."""
    classifier = load_classifier(name)
    speeds = compare_faces(classifier)
    if speeds is None:
        chosen = "jax" if classifier.is_jax else "native"
        found = "it has one backend here"
    else:
        chosen, found = speeds.faster, str(speeds)
    text = f"{classifier.card.name}: {found}; evolving with backend={chosen}"
    return [with_backend(name, chosen), text]


def in_jax(classifier: Classifier, config: EvolveConfig) -> tuple[Classifier, EvolveConfig]:
    """Returns the face of a run's classifier that has gradients, and a configuration that says so.

    Raises:
        UserError: it has none, or no address that could say so.
    """
    if classifier.is_jax:
        return classifier, config
    face, name = classifier.face(in_jax=True), with_backend(config.classifier, "jax")
    if face is None or name == config.classifier:
        raise UserError(
            f"{classifier.card.name!r} runs outside JAX and has no gradients to climb by; evolve "
            "more generations instead"
        )
    return face, dataclasses.replace(config, classifier=name)
