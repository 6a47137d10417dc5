"""From a name on the command line to a classifier: shipped, mock, from a file, or one's own."""

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

from evofool.classifiers.base import Classifier, make_network, probe_outputs
from evofool.classifiers.card import Card
from evofool.classifiers.mock import mock_classifier
from evofool.classifiers.specs import find_card
from evofool.classifiers.storage import load_weights, save_weights
from evofool.errors import UserError, unknown_name

SHIPPED = Path(__file__).parent / "weights"


def load_classifier(name: str, *, weights: str | Path | None = None) -> Classifier:
    """Loads a classifier.

    Args:
        name: a classifier that ships with the package ("lenet"), a mock ("mock:10",
            "mock:10:32x32x3"), or "module:factory": a function without arguments in an importable
            module (the working directory included) that returns a `Classifier`. The name of a
            shipped classifier with `weights` asks for other weights of its family.
        weights: a safetensors file with its card beside it (same stem, .json, or an entry of
            specs.json), or a folder that holds `NAME.safetensors` and its card.

    Returns:
        The classifier, with its weights checked tensor by tensor.

    Raises:
        UserError: the name is unknown, or the weights or the card do not fit.
    """
    if ":" in name or name == "mock":
        if weights is not None:
            raise UserError(f"classifier {name!r} takes no weights; leave out {str(weights)!r}")
        return mock_classifier(name) if name.split(":")[0] == "mock" else _from_module(name)
    if weights is None:
        if name not in shipped_names():
            raise unknown_name("classifier", name, [*shipped_names(), "mock:10", "module:factory"])
        return read_classifier(SHIPPED / f"{name}.safetensors")
    path = Path(weights)
    classifier = read_classifier(path / f"{name}.safetensors" if path.is_dir() else path)
    card = classifier.card
    if name not in (card.name, card.family):
        raise UserError(
            f"{path} holds weights of {card.name!r} (family {card.family!r}), not of {name!r}; "
            f"give --classifier {card.name}"
        )
    return classifier


def read_classifier(path: Path) -> Classifier:
    """Reads weights and the card beside them.

    Raises:
        UserError: as `load_weights` and `Card.read`.
    """
    if not path.exists():
        raise UserError(f"no weights at {path}; give a .safetensors file, or the folder it is in")
    card = find_card(path)
    network = make_network(card)
    params, sha256 = load_weights(path, network.shapes, sha256=card.sha256)
    card = dataclasses.replace(card, sha256=sha256)
    return Classifier(card=card, params=params, apply=network.apply)


def write_classifier(path: Path, card: Card, params: Any) -> Card:
    """Writes weights and the card beside them; the inverse of `read_classifier`.

    Returns:
        The card as written, with the sha256 of the weights and outputs to check them by.
    """
    classifier = Classifier(card=card, params=params, apply=make_network(card).apply)
    probe = probe_outputs(classifier)
    card = dataclasses.replace(card, sha256=save_weights(path, params), probe=probe)
    card.write(path.with_suffix(".json"))
    return card


def shipped_names() -> list[str]:
    """Returns the names of the classifiers that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def _from_module(name: str) -> Classifier:
    module_name, _, factory_name = name.partition(":")
    if not module_name or not factory_name:
        raise UserError(f"classifier {name!r}: expected module:factory, for instance mine:make")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # a console script does not search it by itself
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise  # the module is there, and something that it imports is not
        raise UserError(
            f"classifier {name!r}: there is no module {module_name!r} in the working directory "
            "or among the installed packages"
        ) from error
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        functions = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
        raise unknown_name(f"function in {module.__file__}", factory_name, functions)
    classifier = factory()
    if not isinstance(classifier, Classifier):
        raise UserError(
            f"classifier {name!r} gave a {type(classifier).__name__}; "
            "expected an evofool.classifiers.Classifier"
        )
    return classifier
