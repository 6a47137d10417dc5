"""Models that others made, by address: `onnx:model.onnx`, `keras:model.keras`, `timm:resnet18`.

Each scheme has a module whose `load(address)` returns a `Classifier`. It is imported when an
address of its scheme is loaded, and imports the packages that it needs only then. What the image
becomes before it enters the model is on a card, as for every other classifier: `describing` makes
it from the file, and from the options of the address.
"""

import dataclasses
import importlib

from evofool.classifiers.classifier import Classifier
from evofool.support import Address, MissingPackageError, local_copy, url_of

_MODULES = {
    "onnx": "onnx_files",
    "jaxexport": "jax_exports",
    "tflite": "tflite_files",
    "keras": "keras_files",
    "torch": "torch_models",
    "torchscript": "torch_models",
    "timm": "hub_models",
    "hf": "hub_models",
}


def load_address(address: Address) -> Classifier:
    """Loads the model at an address.

    Raises:
        UserError: there is no such file, it is damaged, its format needs a package that is not
            installed, or the options do not fit the model.
    """
    module = importlib.import_module(f"{__name__}.{_MODULES[address.scheme]}")
    if address.code is None and url_of(address.place):
        address = dataclasses.replace(address, place=str(local_copy(address.path)))
    try:
        return module.load(address)
    except MissingPackageError as error:
        raise MissingPackageError(f"{address}: {error}") from error
