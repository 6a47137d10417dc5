"""`onnx:FILE`: computed in JAX where all its operators are known, else by ONNX Runtime."""

import warnings
from pathlib import Path

import numpy as np

from evofool.classifiers.addresses.describing import Input, find_input, labels_in, make_card
from evofool.classifiers.addresses.faces import by_batches, hash_of, inside_jax, on_host
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.folding import cut_ending
from evofool.classifiers.onnx_graphs.programs import make_program
from evofool.classifiers.onnx_graphs.reading import Graph, read_graph
from evofool.support import Address, ModelWarning, UserError, needing


def load(address: Address) -> Classifier:
    """Loads an ONNX file."""
    return load_file(address, address.path, read_options(address), sha256=hash_of(address.path))


def load_file(address: Address, path: Path, options: Options, *, sha256: str) -> Classifier:
    """Loads an ONNX file, perhaps one that was made of the model at the address.

    Args:
        address: of the model.
        path: of the ONNX file.
        options: of the address.
        sha256: of the model's own file.
    """
    graph = read_graph(path)
    _check_inputs(address, graph)
    names = [output.name for output in graph.outputs]
    if options.output is not None and options.output not in names:
        raise UserError(f"{address}: output is {options.output!r}; the file has {', '.join(names)}")
    image = find_input(address, graph.inputs[0].shape, options)
    if options.backend == "jax":
        try:
            return _in_jax(address, path, options, graph, image, sha256)
        except UnsupportedError as error:
            warnings.warn(
                f"{path.name} needs {error}, which evofool does not compute in JAX; ONNX Runtime "
                "computes it, without gradients",
                ModelWarning,
                stacklevel=2,
            )
    return _by_runtime(address, path, options, graph, image, sha256)


def _check_inputs(address: Address, graph: Graph) -> None:
    if len(graph.inputs) != 1:
        names = ", ".join(signature.name for signature in graph.inputs) or "none"
        raise UserError(f"{address} takes {len(graph.inputs)} inputs ({names}); expected one image")


def _in_jax(
    address: Address, path: Path, options: Options, graph: Graph, image: Input, sha256: str
) -> Classifier:
    program, outputs = make_program(
        graph,
        path,
        image_shape=image.shape,
        is_channels_first=image.is_channels_first,
        output=options.output,
    )
    card = make_card(
        address,
        options,
        image,
        outputs=outputs,
        scores=program.ending,
        sha256=sha256,
        dtype=graph.inputs[0].dtype,
        labels=labels_in(dict(graph.metadata)),
    )
    is_cut = program.ending != "logits" or card.scores == "score"
    return inside_jax(card, program.params(), program.apply, is_cut=is_cut)


def _by_runtime(
    address: Address, path: Path, options: Options, graph: Graph, image: Input, sha256: str
) -> Classifier:
    with needing("onnx files outside JAX", "onnxruntime"):
        import onnxruntime  # pyright: ignore[reportMissingImports]
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    # idle threads that spin would take the processor from JAX, which draws the images
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(path), settings, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise UserError(f"ONNX Runtime cannot load {path}: {first_line(error):.200}") from error
    signature = graph.inputs[0]
    name = options.output or graph.outputs[0].name

    def compute(images: np.ndarray) -> np.ndarray:
        if image.is_channels_first:
            images = images.transpose(0, 3, 1, 2)
        if len(signature.shape) < 4:
            images = images.reshape(len(images), *[s or -1 for s in signature.shape[1:]])
        values = session.run([name], {signature.name: images.astype(signature.dtype)})
        outputs = np.asarray(values[0])
        return outputs.reshape(len(images), -1)

    batch = signature.shape[0]
    host = by_batches(compute, batch) if batch else compute
    outputs = host(np.zeros((1, *image.shape), np.float32)).shape[1]
    ending = cut_ending(graph.nodes, name).ending
    card = make_card(
        address,
        options,
        image,
        outputs=outputs,
        scores=ending,
        sha256=sha256,
        dtype=signature.dtype,
        labels=labels_in(dict(graph.metadata)),
    )
    return on_host(card, host, is_cut=card.scores == "score" and ending == "logits")
