"""`tflite:FILE`: computed by LiteRT on the host."""

import numpy as np

from evofool.classifiers.addresses.describing import find_input, make_card
from evofool.classifiers.addresses.faces import by_batches, gives_shares, hash_of, on_host
from evofool.classifiers.addresses.options import read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.classifier import Classifier
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
    compute = by_batches(_Model(interpreter, inputs[0], outputs[0]).compute, 1)
    statistics, kind = None, np.dtype(inputs[0]["dtype"])
    scale, _ = inputs[0]["quantization"]
    if kind.kind in "iu":  # the input that the quantised model stands for takes levels, or [0, 1]
        is_of_levels = abs(scale - 1) < 0.01 or abs(scale - 1 / 255) < 1e-3
        statistics = (0.0, 1.0 if abs(scale - 1) < 0.01 else 1 / 255) if is_of_levels else None
    card = make_card(
        address,
        options,
        image,
        outputs=int(np.prod(outputs[0]["shape"][1:])),
        scores="probabilities" if gives_shares(compute, image.shape) else "logits",
        sha256=sha256,
        statistics=statistics,
    )
    return on_host(card, compute)


class _Model:
    """An interpreter that takes and gives numbers, whatever whole numbers they are inside."""

    def __init__(self, interpreter: Foreign, taken: dict[str, Foreign], given: dict[str, Foreign]):
        self._interpreter, self._taken, self._given = interpreter, taken, given

    def compute(self, images: np.ndarray) -> np.ndarray:
        kind = np.dtype(self._taken["dtype"])
        if kind.kind in "iu":
            scale, zero = self._taken["quantization"]
            bounds = np.iinfo(kind)
            images = np.clip(np.round(images / (scale or 1) + zero), bounds.min, bounds.max)
        shape = self._taken["shape"]
        self._interpreter.set_tensor(self._taken["index"], images.reshape(shape).astype(kind))
        self._interpreter.invoke()
        outputs = self._interpreter.get_tensor(self._given["index"])
        scale, zero = self._given["quantization"]
        if outputs.dtype.kind in "iu":
            outputs = (outputs.astype(np.float32) - zero) * (scale or 1)
        return outputs.reshape(len(images), -1).astype(np.float32)
