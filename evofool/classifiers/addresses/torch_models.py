"""`torch:FILE.pt2`, `torch:module:factory`, `torchscript:FILE`: as ONNX, which JAX computes.

PyTorch itself is the other face, and computes what it cannot export.
"""

import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from evofool.classifiers.addresses.describing import Input, find_input, make_card
from evofool.classifiers.addresses.faces import (
    MOST_BYTES,
    Host,
    arranged,
    by_batches,
    gives_shares,
    hash_of,
    on_host,
)
from evofool.classifiers.addresses.onnx_files import load_file
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import blaming, first_line
from evofool.classifiers.classifier import Classifier, on_faces
from evofool.classifiers.onnx_graphs.reading import Graph
from evofool.classifiers.own_code import make_own
from evofool.support import Address, Foreign, ModelWarning, UserError, check_file, needing

PACKAGES = ("torch", "onnx", "onnxruntime", "onnxscript")
_SIZE = (224, 224, 3)  # of images for a module, which does not tell
_OUTSIDE = (b"from_file", b"torch.save", b"ops.prepacked", b"torch.classes")  # leave the program


def load(address: Address) -> Classifier:
    """Loads an exported program, a TorchScript program, or the module that a factory returns.

    Raises:
        UserError: the file may be a pickle, PyTorch cannot load it, or the options do not fit.
    """
    options = read_options(address)
    if address.code is not None:
        return load_module(address, make_own(str(address), *address.code), options)
    _check_file(address)
    torch, sha256 = _import_torch(), hash_of(address.path)
    with _exporting() as path:
        if address.scheme == "torchscript":
            model = _export_script(torch, address, options, path)
        else:
            model = _export_program(torch, address, path)
        native = _Native(torch, model, keeps_batch=address.scheme == "torch").host
        classifier = load_file(address, path, options, sha256=sha256, native=native)
    return classifier if address.scheme == "torch" else _with_guess(classifier, options)


def load_module(
    address: Address, module: Foreign, options: Options, *, sha256: str = ""
) -> Classifier:
    """Makes a classifier of a `torch.nn.Module`, which stays as it is.

    Args:
        address: that stands for it.
        module: takes images `[batch, channels, height, width]`.
        options: what it does not tell.
        sha256: of its weights, where they are in a file that the address names.

    Raises:
        UserError: it is something else, or fails; or the options do not fit.
    """
    torch = _import_torch()
    if not isinstance(module, torch.nn.Module):
        raise UserError(f"{address}: expected a torch.nn.Module, not a {type(module).__name__}")
    native = _Native(torch, module, keeps_batch=False)
    with _evaluating(module), _exporting() as path:
        images = native.images(options)
        guess = "" if options.input_shape or options.card else " (a guess: give input=HEIGHTxWIDTH)"
        with blaming(str(address), doing=f"on images of shape {tuple(images.shape)}{guess}"):
            module(images)
        try:
            torch.onnx.export(
                module, (images,), str(path), dynamo=True, external_data=False, verbose=False
            )
        except Exception as error:
            reason = first_line(error.__cause__ or error)
        else:
            classifier = load_file(address, path, options, sha256=sha256, native=native.host)
            return _with_guess(classifier, options)
    warnings.warn(
        f"PyTorch cannot export {address} to ONNX ({reason:.160}); it is computed by PyTorch, "
        "without gradients",
        ModelWarning,
        stacklevel=2,
    )
    return _with_guess(_by_torch(address, native, options, sha256), options)


def _by_torch(address: Address, native: "_Native", options: Options, sha256: str) -> Classifier:
    """Makes a classifier of a module that cannot be exported."""
    images = native.images(options)
    image = find_input(address, tuple(images.shape), replace(options, layout="NCHW"))
    compute = native.function(lambda values: arranged(values, image, images.shape))
    outputs = compute(np.zeros((1, *image.shape), np.float32)).shape[1]
    scores = "probabilities" if gives_shares(compute, image.shape) else "logits"
    card = make_card(address, options, image, outputs=outputs, scores=scores, sha256=sha256)
    return on_host(card, compute, is_cut=options.scores in ("", "logits", "score"))


def _import_torch() -> Foreign:
    # idle threads of OpenMP that spin would take the processor from JAX, which draws the images
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with needing("torch models", *PACKAGES):
        import onnxscript  # noqa: F401  # pyright: ignore[reportMissingImports]
        import torch  # pyright: ignore[reportMissingImports]
    return torch


@contextmanager
def _exporting() -> Iterator[Path]:
    """Gives the path of a file for a while."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's own parts to one another
        yield Path(folder) / "model.onnx"


@contextmanager
def _evaluating(module: Foreign) -> Iterator[None]:
    """Switches dropout off, and what else differs in training, for a while."""
    training = [part for part in module.modules() if part.training]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True


class _Native:
    """A model as PyTorch computes it."""

    def __init__(self, torch: Foreign, model: Foreign, *, keeps_batch: bool):
        self._torch, self._model, self._keeps_batch = torch, model, keeps_batch

    def images(self, options: Options) -> Foreign:
        """Returns a black image of the size that the user gives, for a model that has none."""
        given = options.input_shape or (options.card.input_shape if options.card else _SIZE)
        height, width, channels = given
        return self._on_device(np.zeros((1, channels or 3, height, width), np.float32))

    def host(self, graph: Graph, image: Input) -> Host:
        """Returns its function, given what the exported graph takes."""
        shape = graph.inputs[0].shape
        compute = self.function(lambda images: arranged(images, image, shape))
        return by_batches(compute, shape[0]) if shape[0] and self._keeps_batch else compute

    def function(self, arrange: Callable[[np.ndarray], np.ndarray]) -> Host:
        """Returns its function of images that are first arranged."""
        torch, model = self._torch, self._model

        def compute(images: np.ndarray) -> np.ndarray:
            values = self._on_device(np.ascontiguousarray(arrange(images)))
            with torch.inference_mode(), _evaluating(model):
                outputs = model(values)
            return outputs.float().cpu().numpy().reshape(len(images), -1)

        return compute

    def _on_device(self, images: np.ndarray) -> Foreign:
        first = next(iter(self._model.parameters()), None)
        values = self._torch.tensor(images)
        return values if first is None else values.to(first.device, first.dtype)


def _with_guess(classifier: Classifier, options: Options) -> Classifier:
    """Marks a size that nobody gave as guessed."""
    if options.input_shape or options.card:
        return classifier

    def mark(face: Classifier) -> Classifier:
        card = replace(face.card, guessed=("input_shape", *face.card.guessed))
        return replace(face, card=card)

    return on_faces(classifier, mark)


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


def _export_program(torch: Foreign, address: Address, path: Path) -> Foreign:
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
    return program.module()


def _export_script(torch: Foreign, address: Address, options: Options, path: Path) -> Foreign:
    with blaming(str(address)):
        script = torch.jit.load(str(address.path), map_location="cpu").eval()
    images = _Native(torch, script, keeps_batch=False).images(options)
    with blaming(str(address), doing=f"on images of shape {tuple(images.shape)}"):
        torch.onnx.export(script, (images,), str(path), dynamo=False)
    return script
