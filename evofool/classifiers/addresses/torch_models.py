"""`torch:FILE.pt2` and `torch:module:factory`: exported to ONNX, which JAX computes."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

from evofool.classifiers.addresses.faces import hash_of
from evofool.classifiers.addresses.onnx_files import load_file
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import blaming, first_line
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.own_code import make_own
from evofool.support import Address, UserError, needing

_SIZE = (224, 224, 3)  # of images for a module, which does not tell


def load(address: Address) -> Classifier:
    """Loads an exported program, or the module that a factory returns.

    Raises:
        UserError: the file may be a pickle, PyTorch cannot export the model, or the options do not
            fit.
    """
    options = read_options(address)
    if address.code is None and address.path.suffix != ".pt2":
        raise UserError(
            f"{address}: a {address.path.suffix or 'nameless'} file may be a pickle, which can run "
            "anything when it is opened; write torch.export.save(torch.export.export(model, "
            "(images,)), 'model.pt2'), or give torch:FILE.py:factory"
        )
    with needing("torch models", "torch", "onnx", "onnxruntime", "onnxscript"):
        import onnxscript  # noqa: F401  # pyright: ignore[reportMissingImports]
        import torch  # pyright: ignore[reportMissingImports]
    sha256 = "" if address.code is not None else hash_of(address.path)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's own parts to one another
        path = Path(folder) / "model.onnx"
        if address.code is not None:
            module = make_own(str(address), *address.code)
            _export_module(torch, address, module, options, path)
        else:
            _export_program(torch, address, path)
        return load_file(address, path, options, sha256=sha256)


def _export_module(torch: Any, address: Address, module: Any, options: Options, path: Path) -> None:
    if not isinstance(module, torch.nn.Module):
        raise UserError(f"{address} gave a {type(module).__name__}; expected a torch.nn.Module")
    given = options.input_shape or (options.card.input_shape if options.card else _SIZE)
    height, width, channels = given
    images = torch.zeros(1, channels or 3, height, width)
    with blaming(str(address), doing=f"on images of shape {tuple(images.shape)}"):
        torch.onnx.export(
            module.eval(), (images,), str(path), dynamo=True, external_data=False, verbose=False
        )


def _export_program(torch: Any, address: Address, path: Path) -> None:
    try:
        program = torch.export.load(address.path)
    except Exception as error:
        raise UserError(
            f"{address.path} is no usable exported program ({type(error).__name__}: "
            f"{first_line(error):.120}); write it with torch.export.save"
        ) from error
    try:
        torch.onnx.export(program, (), str(path), dynamo=True, external_data=False, verbose=False)
    except Exception as error:
        raise UserError(
            f"PyTorch cannot export {address.path} to ONNX: {first_line(error):.200}"
        ) from error
