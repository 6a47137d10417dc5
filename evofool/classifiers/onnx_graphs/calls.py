"""How an operator is called: with its node, and with values in the layout that it asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from evofool.classifiers.onnx_graphs.reading import Node
from evofool.classifiers.onnx_graphs.values import (
    Maps,
    Plain,
    Value,
    beside_maps,
    channels_last,
    last_axis_order,
    plain,
)

Layout = Literal["plain", "pointwise", "axes", "maps", "raw"]
MOST_VALUES = 2**28  # of one value of a graph, for one image


class UnsupportedError(Exception):
    """A graph asks for something that is not computed here; the message says what."""


@dataclass(frozen=True)
class Call:
    """An operation and what is known of its inputs.

    Attributes:
        node: the operation.
        constants: what each input is as a constant; None for those that are none.
        namespace: where functions are taken from, NumPy where all inputs are constants.
        rank: of the maps that the operator gets; 0 where values are as in the graph.
    """

    node: Node
    constants: tuple[np.ndarray | None, ...]
    namespace: ModuleType
    rank: int = 0

    @property
    def xp(self) -> Any:
        """The namespace, whose functions NumPy and JAX both have."""
        return self.namespace

    def get(self, name: str, default: Any = None) -> Any:
        """Returns an attribute."""
        return self.node.attributes.get(name, default)

    def constant(self, index: int) -> np.ndarray | None:
        """Returns an input that must be a constant; None for one that is left out.

        Raises:
            UnsupportedError: it depends on the image.
        """
        if index >= len(self.node.inputs) or not self.node.inputs[index]:
            return None
        value = self.constants[index]
        if value is None:
            raise UnsupportedError(
                f"{self.node.operator} with an input {self.node.inputs[index]!r} that depends on "
                "the image"
            )
        return value

    def setting(self, name: str, index: int, default: Any = None) -> Any:
        """Returns what older versions have as an attribute and newer ones as a constant input."""
        if name in self.node.attributes:
            return self.node.attributes[name]
        value = self.constant(index)
        return default if value is None else value.tolist()

    def axis(self, axis: int, rank: int) -> int:
        """Returns where an axis of the graph's value is in the array at hand.

        Args:
            axis: as in the graph; negative ones count from the end.
            rank: number of axes.

        Raises:
            UnsupportedError: there is no such axis.
        """
        if not -rank <= axis < rank:
            raise UnsupportedError(f"{self.node.operator} along axis {axis} of {rank}")
        axis %= rank
        return last_axis_order(rank).index(axis) if self.rank else axis


Function = Callable[..., Any]


@dataclass(frozen=True)
class Operator:
    """An operator and how it wants its values.

    Attributes:
        function: `function(call, *inputs)`; an input that is left out is None. It returns an
            array, or a tuple of arrays.
        layout: "plain": as in the graph. "pointwise": maps stay maps, and everything else is
            broadcast beside them. "axes": the first input may be maps and the outputs are, too; the
            function looks axes up with `Call.axis`. "maps": the first input is always channels
            last. "raw": the function gets and returns values itself.
    """

    function: Function
    layout: Layout = "plain"


Table = dict[str, Operator]


def operator(table: Table, *names: str, layout: Layout = "plain") -> Callable[[Function], Function]:
    """Enters a function into a table, under all its names."""

    def enter(function: Function) -> Function:
        table.update(dict.fromkeys(names, Operator(function, layout)))
        return function

    return enter


def call(entry: Operator, request: Call, inputs: Sequence[Value | None]) -> tuple[Value, ...]:
    """Calls an operator with values in its layout, and returns its outputs."""
    if entry.layout == "raw":
        return _as_tuple(entry.function(request, *inputs))
    ranks = {len(value.shape) for value in inputs if isinstance(value, Maps)}
    first = inputs[0] if inputs else None
    if entry.layout == "maps":
        assert first is not None
        arrays = [channels_last(first), *(v if v is None else plain(v) for v in inputs[1:])]
        return _in_maps(entry.function(replace(request, rank=len(first.shape)), *arrays))
    if entry.layout == "axes" and isinstance(first, Maps):
        others = [value if value is None else plain(value) for value in inputs[1:]]
        request = replace(request, rank=len(first.shape))
        return _in_maps(entry.function(request, first.array, *others))
    if entry.layout == "pointwise" and len(ranks) == 1:
        rank = ranks.pop()
        if all(value is None or len(value.shape) <= rank for value in inputs):
            beside = [value if value is None else beside_maps(value, rank) for value in inputs]
            return _in_maps(entry.function(replace(request, rank=rank), *beside))
    arrays = [value if value is None else plain(value) for value in inputs]
    return _as_tuple(entry.function(request, *arrays))


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return outputs if isinstance(outputs, tuple) and not isinstance(outputs, Maps) else (outputs,)


def _in_maps(outputs: Any) -> tuple[Value, ...]:
    return tuple(_as_maps(output) for output in _as_tuple(outputs))


def _as_maps(array: Plain) -> Value:
    """Keeps maps as such; what has no room for a side, and constants, are as in the graph."""
    if array.ndim <= 2:
        return array
    if isinstance(array, np.ndarray):
        return np.moveaxis(array, -1, 1)
    return Maps(jnp.asarray(array))
