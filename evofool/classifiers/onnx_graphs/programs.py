"""A file's graph as a pure function of parameters and images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers.blaming import first_line
from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.folding import Ending, cut_ending, fold
from evofool.classifiers.onnx_graphs.interpreting import run_nodes
from evofool.classifiers.onnx_graphs.reading import Graph, Node, Signature
from evofool.classifiers.onnx_graphs.values import Maps, Value, plain
from evofool.support import Tree, UserError

Params = dict[str, Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A graph, ready to be computed for inputs of one size.

    Attributes:
        nodes: what depends on the image.
        constants: what the nodes take besides.
        input: name of the value that the image becomes, and its type.
        batch: images that the graph takes at a time, all of which are the same one.
        is_channels_first: whether the graph's input is.
        output: name of the value that is wanted.
        ending: what was cut off behind it.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    input: Signature
    batch: int
    is_channels_first: bool
    output: str
    ending: Ending

    def params(self) -> Params:
        """Returns the weights: constants that are numbers and no sizes."""
        return {
            name: jnp.asarray(value, jnp.float32)
            for name, value in self.constants.items()
            if value.dtype.name in ("float32", "int8", "uint8")
        }

    def apply(
        self, params: Params, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Computes the graph for preprocessed images, channels last."""
        return jax.vmap(self._apply_to_one, (None, 0))(params, images)

    def _apply_to_one(self, params: Params, image: Array) -> Array:
        images = jnp.broadcast_to(image, (self.batch, *image.shape))
        is_flat = len(self.input.shape) < 4
        first: Value = Maps(images) if self.is_channels_first and not is_flat else images
        if is_flat:
            first = images.reshape(self.batch, *self._flat_sides(image.shape))
        values = {**self.constants, **params, self.input.name: first}
        output = plain(run_nodes(self.nodes, values, self.constants, self.output))
        return jnp.asarray(output, jnp.float32).reshape(self.batch, -1)[0]

    def _flat_sides(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of an input without channels, or without sides."""
        return shape[:2] if len(self.input.shape) == 3 else (-1,)


def make_program(
    graph: Graph,
    path: Path,
    *,
    image_shape: tuple[int, int, int],
    is_channels_first: bool,
    output: str | None = None,
) -> tuple[Program, int]:
    """Folds a graph, cuts its ending off, and tries it on the shape of an image.

    Args:
        graph: as read.
        path: where it comes from, for messages.
        image_shape: (height, width, channels).
        is_channels_first: whether the graph's input is.
        output: the one that is wanted; by default the first.

    Returns:
        The program, and the number of its outputs.

    Raises:
        UnsupportedError: an operator is missing.
        UserError: the graph does not compute anything from an image of this size.
    """
    end = cut_ending(graph.nodes, output or graph.outputs[0].name)
    try:
        folded = fold(
            Graph(
                nodes=end.nodes,
                constants=graph.constants,
                inputs=graph.inputs,
                outputs=graph.outputs,
            ),
            end.output,
        )
        program = Program(
            nodes=folded.nodes,
            constants=folded.constants,
            input=graph.inputs[0],
            batch=graph.inputs[0].shape[0] or 1,
            is_channels_first=is_channels_first,
            output=end.output,
            ending=end.ending,
        )
        return program, _outputs(program, image_shape)
    except (UserError, UnsupportedError):
        raise
    except Exception as error:  # a graph from anywhere may ask for whatever it likes
        raise UserError(
            f"{path} does not compute scores from an image of {image_shape} (height, width, "
            f"channels): {type(error).__name__}: {first_line(error):.160}; check --input and "
            "layout, or use ?backend=native"
        ) from error


def _outputs(program: Program, image_shape: tuple[int, int, int]) -> int:
    shapes: Tree = jax.eval_shape(
        lambda params, images: program.apply(params, images),
        {
            name: jax.ShapeDtypeStruct(value.shape, jnp.float32)
            for name, value in program.constants.items()
            if value.dtype.name in ("float32", "int8", "uint8")
        },
        jax.ShapeDtypeStruct((1, *image_shape), jnp.float32),
    )
    return shapes.shape[1]
