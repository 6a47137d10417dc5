"""`onnx:FILE`: computed in JAX where all its operators are known, and by ONNX Runtime."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from evofool.classifiers.addresses.describing import Input, find_input, labels_in, make_card
from evofool.classifiers.addresses.faces import (
    Host,
    arranged,
    by_batches,
    by_program,
    hash_of,
    in_jax_or_outside,
    on_host,
)
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.onnx_graphs.folding import cut_ending
from evofool.classifiers.onnx_graphs.programs import make_program
from evofool.classifiers.onnx_graphs.reading import Graph, read_graph
from evofool.support import Address, UserError, needing

Native = Callable[[Graph, Input], Host]
"""Makes the function of the runtime that a model ships with."""


def load(address: Address) -> Classifier:
    """Loads an ONNX file."""
    return load_file(address, address.path, read_options(address), sha256=hash_of(address.path))


def load_content(address: Address, content: bytes, options: Options) -> Classifier:
    """Loads the content of an ONNX file, in which all its weights are."""
    with tempfile.TemporaryDirectory() as folder:  # where no other file is found
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        native = partial(_onnx_runtime, content, options.output)
        return load_file(address, path, options, sha256=sha256, native=native)


def load_file(
    address: Address, path: Path, options: Options, *, sha256: str, native: Native | None = None
) -> Classifier:
    """Loads an ONNX file, perhaps one that was made of the model at the address.

    Args:
        address: of the model.
        path: of the ONNX file.
        options: of the address.
        sha256: of the model's own file.
        native: the runtime that the model ships with; ONNX Runtime unless given.
    """
    graph = read_graph(path)
    _check_inputs(address, graph)
    names = [output.name for output in graph.outputs]
    if options.output is not None and options.output not in names:
        raise UserError(f"{address}: output is {options.output!r}; the file has {', '.join(names)}")
    image = find_input(address, graph.inputs[0].shape, options)
    model = _Model(address, path, options, graph, image, sha256)
    if native is None or options.backend == "onnxruntime":
        native = partial(_onnx_runtime, str(path), options.output)

    return in_jax_or_outside(
        address,
        model.in_jax,
        partial(model.outside, native),
        is_wanted_outside=options.backend in ("native", "onnxruntime"),
    )


def _check_inputs(address: Address, graph: Graph) -> None:
    if len(graph.inputs) != 1:
        names = ", ".join(signature.name for signature in graph.inputs) or "none"
        raise UserError(f"{address} takes {len(graph.inputs)} inputs ({names}); expected one image")


@dataclass(frozen=True, eq=False)
class _Model:
    """A graph, and what is known of it."""

    address: Address
    path: Path
    options: Options
    graph: Graph
    image: Input
    sha256: str

    def in_jax(self) -> Classifier:
        """Returns the face with gradients."""
        program, outputs = make_program(
            self.graph,
            self.path,
            image_shape=self.image.shape,
            is_channels_first=self.image.is_channels_first,
            output=self.options.output,
        )
        return by_program(self._card(outputs, program.ending), program)

    def outside(self, native: Native) -> Classifier:
        """Returns the face that the model ships with."""
        host = native(self.graph, self.image)
        outputs = host(np.zeros((1, *self.image.shape), np.float32)).shape[1]
        name = self.options.output or self.graph.outputs[0].name
        ending = cut_ending(self.graph.nodes, name).ending
        card = self._card(outputs, ending)
        return on_host(card, host, is_cut=card.scores == "score" and ending == "logits")

    def _card(self, outputs: int, ending: str) -> Card:
        return make_card(
            self.address,
            self.options,
            self.image,
            outputs=outputs,
            scores=ending,
            sha256=self.sha256,
            dtype=self.graph.inputs[0].dtype,
            labels=labels_in(dict(self.graph.metadata)),
        )


def _onnx_runtime(source: str | bytes, output: str | None, graph: Graph, image: Input) -> Host:
    """Makes the function of a file, or of its content, in ONNX Runtime."""
    with needing("onnx files outside JAX", "onnxruntime"):
        import onnxruntime  # pyright: ignore[reportMissingImports]
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    # idle threads that spin would take the processor from JAX, which draws the images
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])
    except Exception as error:
        what = source if isinstance(source, str) else "the model"
        raise UserError(f"ONNX Runtime cannot load {what}: {first_line(error):.200}") from error
    signature = graph.inputs[0]
    name = output or graph.outputs[0].name

    def compute(images: np.ndarray) -> np.ndarray:
        values = arranged(images, image, signature.shape).astype(signature.dtype)
        (outputs,) = session.run([name], {signature.name: values})
        return np.asarray(outputs).reshape(len(images), -1)

    batch = signature.shape[0]
    return by_batches(compute, batch) if batch else compute
