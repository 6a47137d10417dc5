"""`torch:FILE.pt2`, `torch:module:factory`, `torchscript:FILE`: as ONNX, which JAX computes."""

import tempfile
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from evofool.classifiers.addresses.faces import MOST_BYTES, hash_of
from evofool.classifiers.addresses.onnx_files import load_file
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import blaming, first_line
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.own_code import make_own
from evofool.support import Address, UserError, check_file, needing

_SIZE = (224, 224, 3)  # of images for a module, which does not tell
_OUTSIDE = (b"from_file", b"torch.save", b"ops.prepacked", b"torch.classes")  # leave the program


def load(address: Address) -> Classifier:
    """Loads an exported program, a TorchScript program, or the module that a factory returns.

    Raises:
        UserError: the file may be a pickle, PyTorch cannot export the model, or the options do not
            fit.
    """
    options = read_options(address)
    if address.code is None:
        _check_file(address)
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
        elif address.scheme == "torchscript":
            _export_script(torch, address, options, path)
        else:
            _export_program(torch, address, path)
        classifier = load_file(address, path, options, sha256=sha256)
    if options.input_shape or options.card or address.path.suffix == ".pt2":
        return classifier
    card = replace(classifier.card, guessed=("input_shape", *classifier.card.guessed))
    return replace(classifier, card=card)


def _check_file(address: Address) -> None:
    """Refuses pickles, and TorchScript that reads or writes files, before anything is opened."""
    path = address.path
    check_file(path, most_bytes=MOST_BYTES)
    if address.scheme == "torch" and path.suffix == ".pt2":
        return
    if not _is_script(path):
        raise UserError(
            f"{address}: a {path.suffix or 'nameless'} file may be a pickle, which can run "
            "anything when it is opened; write torch.export.save(torch.export.export(model, "
            "(images,)), 'model.pt2'), or give torch:FILE.py:factory"
        )
    if address.scheme == "torch":
        raise UserError(f"{address} is a TorchScript program; give torchscript:{address.place}")
    with zipfile.ZipFile(path) as zipped:
        for name in filter(_is_source, zipped.namelist()):
            if any(word in zipped.read(name) for word in _OUTSIDE):
                raise UserError(f"{path} is refused: its program reads or writes files ({name})")


def _is_script(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as zipped:
        return any(map(_is_source, zipped.namelist()))


def _is_source(name: str) -> bool:
    return name.endswith(".py") and "/code/" in name


def _images(torch: Any, options: Options) -> Any:
    """Returns an image of the size that the user gives, for a model that does not tell."""
    given = options.input_shape or (options.card.input_shape if options.card else _SIZE)
    height, width, channels = given
    return torch.zeros(1, channels or 3, height, width)


def _export_module(torch: Any, address: Address, module: Any, options: Options, path: Path) -> None:
    if not isinstance(module, torch.nn.Module):
        raise UserError(f"{address} gave a {type(module).__name__}; expected a torch.nn.Module")
    images = _images(torch, options)
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


def _export_script(torch: Any, address: Address, options: Options, path: Path) -> None:
    images = _images(torch, options)
    with blaming(str(address), doing=f"on images of shape {tuple(images.shape)}"):
        script = torch.jit.load(str(address.path), map_location="cpu").eval()
        torch.onnx.export(script, (images,), str(path), dynamo=False)
