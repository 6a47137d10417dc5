"""Graphs made smaller before they are computed: constants folded, the last softmax cut off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evofool.classifiers.onnx_graphs.interpreting import run_node
from evofool.classifiers.onnx_graphs.reading import Graph, Node

Ending = Literal["logits", "probabilities", "sigmoids"]

_SOFTMAXES = ("Softmax", "com.microsoft.QLinearSoftmax")
_SIGMOIDS = ("Sigmoid", "com.microsoft.QLinearSigmoid")
# what may follow a softmax and leaves its numbers as they are, apart from their shape and rounding
_TRAILING = (
    *("Identity", "Cast", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"),
    *("QuantizeLinear", "DequantizeLinear"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """A graph that ends before its last activation function.

    Attributes:
        nodes: those that are left.
        output: the value to compute, whatever its shape.
        ending: what was cut off: "probabilities" for a softmax, "sigmoids" for a sigmoid, "logits"
            for nothing.
    """

    nodes: tuple[Node, ...]
    output: str
    ending: Ending


def cut_ending(nodes: Sequence[Node], output: str) -> Cut:
    """Cuts off the last softmax or sigmoid, and what only shapes or rounds its result."""
    makers = {name: node for node in nodes for name in node.outputs if name}
    name = output
    while (node := makers.get(name)) is not None and node.operator in _TRAILING:
        name = node.inputs[0]
    if node is None:
        return Cut(nodes=tuple(nodes), output=output, ending="logits")
    if (exponent := _exponent_of_quotient(node, makers)) is not None:
        return Cut(nodes=tuple(nodes), output=exponent, ending="probabilities")
    if node.operator not in (*_SOFTMAXES, *_SIGMOIDS):
        return Cut(nodes=tuple(nodes), output=output, ending="logits")
    ending: Ending = "probabilities" if node.operator in _SOFTMAXES else "sigmoids"
    if "QLinear" not in node.operator:
        return Cut(nodes=tuple(nodes), output=node.inputs[0], ending=ending)
    before = Node(
        operator="DequantizeLinear", inputs=node.inputs[:3], outputs=(f"{name} before",), opset=13
    )
    return Cut(nodes=(*nodes, before), output=before.outputs[0], ending=ending)


def _exponent_of_quotient(node: Node, makers: Mapping[str, Node]) -> str | None:
    """Returns z of exp(z) / sum(exp(z)), a softmax that is written out."""
    if node.operator != "Div":
        return None
    above, below = (makers.get(name) for name in node.inputs)
    if above is None or below is None or (above.operator, below.operator) != ("Exp", "ReduceSum"):
        return None
    return above.inputs[0] if below.inputs[0] == node.inputs[0] else None


def live_nodes(nodes: Sequence[Node], output: str) -> tuple[Node, ...]:
    """Returns the nodes that a value depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))


def fold(graph: Graph, output: str) -> Graph:
    """Computes what depends on constants only.

    Args:
        graph: any.
        output: the value that is wanted; what it does not depend on is left out.

    Returns:
        The graph with the rest of the nodes, and the constants that they take.
    """
    constants, left = dict(graph.constants), []
    for node in live_nodes(graph.nodes, output):
        if all(not name or name in constants for name in node.inputs):
            values = run_node(node, constants, constants)
            constants.update(
                (name, np.asarray(value)) for name, value in values.items() if value is not None
            )
        else:
            left.append(node)
    taken = {name for node in left for name in node.inputs} | {output}
    return replace(
        graph,
        nodes=tuple(left),
        constants={name: value for name, value in constants.items() if name in taken},
    )
