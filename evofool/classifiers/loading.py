"""From a name on the command line to a classifier: shipped, mock, from a file or from a module."""

import dataclasses
from pathlib import Path

from evofool.classifiers.addresses import load_address
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Classifier, Params, make_network, probe_outputs
from evofool.classifiers.ensembles import ensemble
from evofool.classifiers.mock import mock_classifier
from evofool.classifiers.names import current_name
from evofool.classifiers.own_code import load_own
from evofool.classifiers.services import load_service
from evofool.classifiers.specs import find_card
from evofool.classifiers.storage import load_weights, save_weights
from evofool.classifiers.views import with_views
from evofool.support import (
    UserError,
    is_service,
    local_copy,
    locked,
    parse_address,
    split_code,
    unknown_name,
)

SHIPPED = Path(__file__).parent / "weights"
PATIENCE = 60  # seconds to wait for another process that writes the same weights


def load_classifier(
    name: str,
    *,
    weights: str | Path | None = None,
    combine: str = "mean",
    image_size: int | None = None,
    views: str = "single",
) -> Classifier:
    """Loads a classifier, or the ensemble of several: "a+b+c".

    Args:
        name: a classifier that ships with the package ("lenet"), a mock ("mock:10",
            "mock:10:32x32x3"), or code, which is run: "FILE.py:factory" or "module:factory", a
            function without arguments in a file or an importable module (the working directory
            included) that returns a `Classifier`; or a service, `http://HOST/PATH#OPTIONS` or
            `cmd:PROGRAM#OPTIONS`; or the address of a model that others made, "onnx:FILE",
            "keras:FILE", "tflite:FILE", "torch:FILE.pt2", "jaxexport:FILE", "timm:NAME",
            "hf:OWNER/NAME", with options after a question mark, see docs/models.md. With `weights`,
            the name on their card or their family.
        weights: a safetensors file with its card beside it (same stem, .json, or an entry of
            specs.json), or a folder that holds `NAME.safetensors` and its card. Members of an
            ensemble that are not in the folder may be shipped ones.
        combine: how an ensemble joins the confidences of its members, see `ensemble`.
        image_size: side of the images in pixels; by default the input size.
        views: how an image becomes the input, see `with_views`.

    Returns:
        The classifier, with its weights checked tensor by tensor.

    Raises:
        UserError: the name is unknown, the weights or the card do not fit, the members of an
            ensemble do not fit together, or the factory fails.
    """
    if not name:
        raise UserError(
            "no classifier was named, and this preset is for one of your own: give --classifier "
            "NAME --weights DIR"
        )
    if is_service(name):
        if weights is not None:
            raise UserError(f"classifier {name!r} takes no weights; leave out {str(weights)!r}")
        return at_size(load_service(name), image_size=image_size, views=views)
    names = name.split("+")
    if not all(names):
        raise UserError(f"classifier {name!r}: expected names joined by +, for instance a+b")
    weights = None if weights is None else local_copy(weights)
    if len(names) == 1:
        return at_size(_load_one(name, weights), image_size=image_size, views=views)
    members = [_load_one(name, _weights_of_member(name, weights)) for name in names]
    channels = members[0].card.input_shape[2]
    shape = (image_size, image_size, channels) if image_size else None
    return ensemble(members, combine=combine, image_shape=shape, views=views)


def at_size(
    classifier: Classifier, *, image_size: int | None = None, views: str = "single"
) -> Classifier:
    """Returns a classifier of square images of `image_size`, by default of its input size.

    Args:
        classifier: of images of any size.
        image_size: height and width of the images in pixels; by default the input size.
        views: "single", or "ten-crop", whose softmax outputs are averaged.
    """
    height, width, channels = classifier.card.input_shape
    shape = (image_size or height, image_size or width, channels)
    return with_views(classifier, shape, views=views)


def _weights_of_member(name: str, weights: str | Path | None) -> str | Path | None:
    """Returns the folder with the weights of an ensemble's member; None where it needs none."""
    if weights is None or ":" in name:
        return None
    folder = Path(weights)
    if not folder.is_dir():
        raise UserError(f"weights is {str(weights)!r}; an ensemble needs the folder of its weights")
    is_shipped = name in shipped_names() and not (folder / f"{name}.safetensors").exists()
    return None if is_shipped else folder


def _load_one(name: str, weights: str | Path | None) -> Classifier:
    if ":" in name or name == "mock":
        if weights is not None:
            raise UserError(f"classifier {name!r} takes no weights; leave out {str(weights)!r}")
        address = parse_address(name)
        if address is not None:
            return load_address(address)
        code = split_code(name)
        return mock_classifier(name) if code is None else load_own(name, *code)
    if weights is None:
        if name not in shipped_names():
            raise _unknown(name)
        return read_classifier(SHIPPED / f"{name}.safetensors")
    path = Path(weights)
    classifier = read_classifier(_in_folder(path, name) if path.is_dir() else path)
    card = classifier.card
    if name != card.name and current_name(name) != card.family:
        raise UserError(
            f"{path} holds weights of {card.name!r} (family {card.family!r}), not of {name!r}; "
            f"give --classifier {card.name}"
        )
    return classifier


def _unknown(name: str) -> UserError:
    """Makes the error for a name that needs weights, or is a file that evofool does not read."""
    path = Path(name)
    if path.suffix == ".safetensors":
        return UserError(
            f"classifier {name!r} is a file of weights; give --classifier {path.stem} --weights "
            f"{name}"
        )
    if path.suffix.lower() in _SCHEME_OF:
        return UserError(
            f"classifier {name!r} is a file; give --classifier "
            f"{_SCHEME_OF[path.suffix.lower()]}:{name}"
        )
    if path.is_file():
        factory = f"{name}:factory" if path.suffix == ".py" else "FILE.py:factory"
        return UserError(
            f"classifier {name!r} is a file; expected the name of a classifier, or {factory}, a "
            "function that returns an evofool.Classifier"
        )
    valid = [*shipped_names(), "mock:10", "module:factory", "FILE.py:factory"]
    return UserError(
        f"{unknown_name('classifier', name, valid)}; any other network needs weights, the folder "
        f"with {name}.safetensors"
    )


_SCHEME_OF = {
    **{".onnx": "onnx", ".tflite": "tflite", ".pt2": "torch", ".jaxexport": "jaxexport"},
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "keras"),
}


def _in_folder(folder: Path, name: str) -> Path:
    there = sorted(path.stem for path in folder.glob("*.safetensors"))
    if there and name not in there:
        raise unknown_name(f"weights in {folder}", name, there)
    return folder / f"{name}.safetensors"


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


def write_classifier(path: Path, card: Card, params: Params) -> Card:
    """Writes weights and the card beside them; the inverse of `read_classifier`.

    The card comes last: where it is, the weights are those that it describes.

    Args:
        path: of the weights, ending in .safetensors; the card has the suffix .json.
        card: says what network it is.
        params: of that network.

    Returns:
        The card as written, with the sha256 of the weights and the probe outputs.

    Raises:
        UserError: they cannot be written, or another process takes too long to write them.
    """
    classifier = Classifier(card=card, params=params, apply=make_network(card).apply)
    probe = probe_outputs(classifier)
    card_path = path.with_suffix(".json")
    with locked(path, patience=PATIENCE):
        card_path.unlink(missing_ok=True)
        card = dataclasses.replace(card, sha256=save_weights(path, params), probe=probe)
        card.write(card_path)
    return card


def shipped_names() -> list[str]:
    """Returns the names of the classifiers that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))
