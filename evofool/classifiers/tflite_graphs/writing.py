"""The graph that is being written: its nodes, constants, and the values of a file's tensors."""

from typing import Any

import numpy as np

from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.reading import Node
from evofool.classifiers.tflite_graphs.reading import File, Operation

_OPSET = 13
TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # where channels go
_ROUNDED = ("uint8", "int8", "uint16", "int16")


def name_of(place: int) -> str:
    """Returns the name of a tensor, as it comes in or is constant."""
    return f"tensor {place}"


class Writer:
    """The nodes and constants of a graph, so far."""

    def __init__(self, file: File):
        self.file = file
        self.nodes: list[Node] = []
        self.constants = {
            name_of(place): tensor.constant
            for place, tensor in enumerate(file.tensors)
            if tensor.constant is not None
        }
        self._values = [name_of(place) for place in range(len(file.tensors))]
        self._made = 0

    def round(self, place: int, value: str) -> None:
        """Gives a tensor its value, rounded to the steps of the tensor if it has some."""
        tensor = self.file.tensors[place]
        if tensor.steps is None or tensor.dtype not in _ROUNDED:
            self._values[place] = value
            return
        if tensor.steps.scale.ndim:
            raise UnsupportedError("values with steps of their own in each channel")
        steps = self.constant(tensor.steps.scale), self.constant(tensor.steps.zero)
        whole = self.node("QuantizeLinear", value, *steps)
        self._values[place] = self.node("DequantizeLinear", whole, *steps)

    def of(self, place: int) -> str:
        """Returns the name of a tensor's value; "" for one that is left out."""
        return "" if place < 0 else self._values[place]

    def inputs(self, operation: Operation) -> list[str]:
        """Returns the names of an operation's inputs."""
        return [self.of(place) for place in operation.inputs]

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node; returns the name of its output."""
        return self.several(operator, *inputs, outputs=1, **attributes)[0]

    def several(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Adds a node; returns the names of its outputs."""
        self._made += 1
        names = [f"{operator} {self._made}.{number}" for number in range(outputs)]
        self.nodes.append(
            Node(
                operator=operator,
                inputs=inputs,
                outputs=tuple(names),
                attributes=attributes,
                opset=_OPSET,
            )
        )
        return names

    def constant(self, value: Any, kind: type | None = None) -> str:
        """Adds a constant; returns its name."""
        self._made += 1
        name = f"constant {self._made}"
        self.constants[name] = np.asarray(value, kind)
        return name

    def numbers(self, operation: Operation, index: int) -> list:
        """Returns the numbers of an input that must be a constant.

        Raises:
            UnsupportedError: it is computed.
        """
        value = self.file.tensors[operation.inputs[index]].constant
        if value is None:
            raise UnsupportedError(f"{operation.name} with an input {index} that is computed")
        return value.tolist()

    def in_maps(self, operator: str, value: str, *others: str, **attributes: Any) -> str:
        """Adds a node whose operator takes and gives channels first."""
        first = self.node("Transpose", value, perm=TO_FIRST)
        return self.node(
            "Transpose", self.node(operator, first, *others, **attributes), perm=TO_LAST
        )
