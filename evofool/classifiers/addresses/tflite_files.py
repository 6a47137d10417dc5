"""`tflite:FILE`: computed by LiteRT, and in JAX where all its operators are known."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from evofool.classifiers.addresses.describing import Input, find_input, make_card
from evofool.classifiers.addresses.faces import (
    by_batches,
    by_program,
    gives_shares,
    hash_of,
    in_jax_or_outside,
    on_host,
)
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.onnx_graphs.programs import make_program
from evofool.classifiers.tflite_graphs.reading import read_file
from evofool.classifiers.tflite_graphs.translating import translate
from evofool.support import Address, Foreign, UserError, needing


def load(address: Address) -> Classifier:
    """Loads a TensorFlow Lite file, with whole numbers at its ends or without.

    Raises:
        UserError: it is damaged, or takes or gives something else than images and scores.
    """
    path, options = address.path, read_options(address)
    sha256 = hash_of(path)
    with needing("tflite files", "ai-edge-litert"):
        from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingImports]
            Interpreter,
        )
    try:
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
    except Exception as error:
        raise UserError(f"LiteRT cannot load {path}: {first_line(error):.200}") from error
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1:
        raise UserError(f"{address} takes {len(inputs)} inputs; expected one image")
    shape = [None, *(int(size) for size in inputs[0]["shape"][1:])]
    image = find_input(address, shape, options)
    native = _Interpreted(interpreter, inputs[0], outputs[0])
    model = _Model(address, path, options, image, native, sha256)
    # LiteRT is several times as fast as JAX here, 8-bit files most of all
    is_wanted_outside = options.backend != "jax"
    return in_jax_or_outside(
        address, model.in_jax, model.outside, is_wanted_outside=is_wanted_outside
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """A file, and what is known of it."""

    address: Address
    path: Path
    options: Options
    image: Input
    native: "_Interpreted"
    sha256: str

    def in_jax(self) -> Classifier:
        """Returns the face with gradients."""
        graph = translate(read_file(self.path))
        program, outputs = make_program(
            graph,
            self.path,
            image_shape=self.image.shape,
            is_channels_first=self.image.is_channels_first,
        )
        return by_program(self._card(outputs, program.ending), program)

    def outside(self) -> Classifier:
        """Returns the face that the model ships with."""
        compute = by_batches(self.native.compute, 1)
        scores = "probabilities" if gives_shares(compute, self.image.shape) else "logits"
        return on_host(self._card(self.native.outputs, scores), compute)

    def _card(self, outputs: int, scores: str) -> Card:
        return make_card(
            self.address,
            self.options,
            self.image,
            outputs=outputs,
            scores=scores,
            sha256=self.sha256,
            statistics=self.native.statistics,
        )


class _Interpreted:
    """An interpreter that takes and gives numbers, whatever whole numbers they are inside."""

    def __init__(self, interpreter: Foreign, taken: dict[str, Foreign], given: dict[str, Foreign]):
        self._interpreter, self._taken, self._given = interpreter, taken, given
        self._lock = Lock()

    @property
    def outputs(self) -> int:
        """Numbers that it gives for an image."""
        return int(np.prod(self._given["shape"][1:]))

    @property
    def statistics(self) -> tuple[float, float] | None:
        """Mean and scale of an input of whole numbers, which stand for levels or for [0, 1]."""
        scale, _ = self._taken["quantization"]
        if np.dtype(self._taken["dtype"]).kind not in "iu":
            return None
        if abs(scale - 1) < 0.01:
            return 0.0, 1.0
        return (0.0, 1 / 255) if abs(scale - 1 / 255) < 1e-3 else None

    def compute(self, images: np.ndarray) -> np.ndarray:
        kind = np.dtype(self._taken["dtype"])
        if kind.kind in "iu":
            scale, zero = self._taken["quantization"]
            bounds = np.iinfo(kind)
            images = np.clip(np.round(images / (scale or 1) + zero), bounds.min, bounds.max)
        shape = self._taken["shape"]
        with self._lock:  # between these three, the interpreter is this image's
            self._interpreter.set_tensor(self._taken["index"], images.reshape(shape).astype(kind))
            self._interpreter.invoke()
            outputs = self._interpreter.get_tensor(self._given["index"])
        scale, zero = self._given["quantization"]
        if outputs.dtype.kind in "iu":
            outputs = (outputs.astype(np.float32) - zero) * (scale or 1)
        return outputs.reshape(len(images), -1).astype(np.float32)
