"""Nodes computed one after the other: with NumPy what is constant, with JAX the rest."""

import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers.onnx_graphs.calls import (
    MOST_VALUES,
    Call,
    Operator,
    UnsupportedError,
    call,
)
from evofool.classifiers.onnx_graphs.operators import OPERATORS
from evofool.classifiers.onnx_graphs.reading import Node
from evofool.classifiers.onnx_graphs.values import Value


def run_nodes(
    nodes: Sequence[Node],
    values: Mapping[str, Value],
    constants: Mapping[str, np.ndarray],
    output: str,
) -> Value:
    """Computes a value of a graph.

    Args:
        nodes: in an order in which they can be computed.
        values: of the graph's inputs and constants.
        constants: those of them that are known before compiling.
        output: the name of the value.

    Raises:
        UnsupportedError: an operator is missing, or asks for something that is not computed here.
    """
    known = dict(values)
    for node in nodes:
        known.update(run_node(node, known, constants))
    if output not in known:
        raise UnsupportedError(f"a value {output!r} that nothing computes")
    return known[output]


def run_node(
    node: Node, values: Mapping[str, Value], constants: Mapping[str, np.ndarray]
) -> dict[str, Value]:
    """Computes the outputs of a node; otherwise as `run_nodes`."""
    entry = OPERATORS.get(node.operator)
    if entry is None:
        raise UnsupportedError(f"the operator {node.operator}")
    missing = [name for name in node.inputs if name and name not in values]
    if missing:
        raise UnsupportedError(f"{node.operator} of {missing[0]!r}, which nothing computes")
    inputs = [values[name] if name else None for name in node.inputs]
    fixed = [_constant(name, value, constants) for name, value in zip(node.inputs, inputs)]  # noqa: B905
    is_constant = all(value is None or isinstance(value, np.ndarray) for value in inputs)
    request = Call(node, tuple(fixed), np if is_constant else jnp)
    if not is_constant:
        return _named(node, call(entry, request, inputs))
    _check_size(entry, request, inputs)
    with jax.ensure_compile_time_eval():
        outputs = call(entry, request, inputs)
        return _named(node, [None if out is None else _as_array(out) for out in outputs])


def _constant(
    name: str, value: Value | None, constants: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    return value if isinstance(value, np.ndarray) else constants.get(name)


def _as_array(value: Value) -> np.ndarray:
    array = np.asarray(value)
    kinds = {"float64": np.float32, "int64": np.int32}
    return array.astype(kinds.get(array.dtype.name, array.dtype))


def _check_size(entry: Operator, request: Call, inputs: Sequence[Value | None]) -> None:
    """Refuses a constant that would fill the memory, before it is computed."""
    shaped = Call(request.node, request.constants, jnp)
    sizes = jax.eval_shape(lambda: [out for out in call(entry, shaped, inputs) if out is not None])
    for size in sizes:
        _check_count(request.node, math.prod(size.shape))


def _named(node: Node, outputs: Sequence[Value | None]) -> dict[str, Value]:
    named = {
        name: value
        for name, value in zip(node.outputs, outputs, strict=False)
        if name and value is not None
    }
    for value in named.values():
        _check_count(node, math.prod(value.shape))
    return named


def _check_count(node: Node, count: int) -> None:
    if count > MOST_VALUES:
        raise UnsupportedError(
            f"{node.operator} with {count:,} values for one image; at most {MOST_VALUES:,} are "
            "computed here"
        )
