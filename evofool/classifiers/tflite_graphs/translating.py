"""Operations of TensorFlow Lite as nodes of ONNX's operators.

Values have their channels last, where ONNX has them first: a Transpose stands before each
convolution and one behind it, and `onnx_graphs` moves no number for either. Where a file has whole
numbers for the values between its operations, real ones are computed and rounded to the same steps.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.reading import Graph, Node, Signature
from evofool.classifiers.tflite_graphs.reading import File, Operation

_OPSET = 13
_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_PADDINGS = ("SAME_UPPER", "VALID")
_ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")  # LiteRT leaves others out
_BOUNDS = {"RELU_N1_TO_1": (-1.0, 1.0), "RELU6": (0.0, 6.0), "RELU_0_TO_1": (0.0, 1.0)}
_ROUNDED = ("uint8", "int8", "uint16", "int16")

_SAME = {  # operators that ONNX has, too
    **{name: name.title() for name in ("ADD", "SUB", "MUL", "DIV", "POW", "SQRT", "EXP", "LOG")},
    **{name: name.title() for name in ("ABS", "NEG", "FLOOR", "CEIL", "SIN", "COS", "TANH")},
    **{"MAXIMUM": "Max", "MINIMUM": "Min", "LOGISTIC": "Sigmoid", "RELU": "Relu", "ELU": "Elu"},
    **{"PRELU": "PRelu", "HARD_SWISH": "HardSwish", "SHAPE": "Shape", "LOG_SOFTMAX": "LogSoftmax"},
    # numbers are real ones already, and are rounded where they are given out
    **{"QUANTIZE": "Identity", "DEQUANTIZE": "Identity"},
}
_REDUCTIONS = {
    **{"MEAN": "ReduceMean", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax"},
    **{"REDUCE_MIN": "ReduceMin", "REDUCE_PROD": "ReduceProd"},
}


def translate(file: File) -> Graph:
    """Returns the graph of a file.

    Its input and outputs are float32, also where the file has whole numbers for them.

    Raises:
        UnsupportedError: an operator is missing, or asks for something that is not computed here.
    """
    writer = _Writer(file)
    for place in file.inputs:
        writer.round(place, _name(place))
    for operation in file.operations:
        writer.add(operation)
    return Graph(
        nodes=tuple(writer.nodes),
        constants=writer.constants,
        inputs=tuple(_signature(file, place, _name(place)) for place in file.inputs),
        outputs=tuple(_signature(file, place, writer.of(place)) for place in file.outputs),
    )


def _signature(file: File, place: int, name: str) -> Signature:
    return Signature(name=name, shape=(None, *file.tensors[place].shape[1:]), dtype="float32")


def _name(place: int) -> str:
    return f"tensor {place}"


class _Writer:
    """The nodes and constants of a graph, so far."""

    def __init__(self, file: File):
        self.file = file
        self.nodes: list[Node] = []
        self.constants = {
            _name(place): tensor.constant
            for place, tensor in enumerate(file.tensors)
            if tensor.constant is not None
        }
        self._values = {_name(place): _name(place) for place in range(len(file.tensors))}
        self._made = 0

    def add(self, operation: Operation) -> None:
        """Adds the nodes of an operation."""
        if operation.name not in _OPERATORS:
            raise UnsupportedError(f"the operator {operation.name}")
        outputs = _OPERATORS[operation.name](self, operation)
        activation = operation.options.get("fusedActivationFunction", 0)
        if activation >= len(_ACTIVATIONS):
            raise UnsupportedError(f"{operation.name} with the activation function {activation}")
        for place, value in zip(operation.outputs, outputs, strict=True):
            self.round(place, self.activated(_ACTIVATIONS[activation], value))

    def round(self, place: int, value: str) -> None:
        """Makes a value that of a tensor, rounded to its steps if it has some."""
        tensor = self.file.tensors[place]
        if tensor.steps is None or tensor.dtype not in _ROUNDED:
            self._values[_name(place)] = value
            return
        if tensor.steps.scale.ndim:
            raise UnsupportedError("values with steps of their own in each channel")
        steps = self.constant(tensor.steps.scale), self.constant(tensor.steps.zero)
        whole = self.node("QuantizeLinear", value, *steps)
        self._values[_name(place)] = self.node("DequantizeLinear", whole, *steps)

    def of(self, place: int) -> str:
        """Returns the name of a tensor's value; "" for one that is left out."""
        return "" if place < 0 else self._values[_name(place)]

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

    def activated(self, activation: str, value: str) -> str:
        """Applies an activation function."""
        if activation in _BOUNDS:
            least, most = _BOUNDS[activation]
            return self.node("Clip", value, min=least, max=most)
        return value if activation == "NONE" else self.node(_SAME[activation], value)

    def in_maps(self, operator: str, value: str, *others: str, **attributes: Any) -> str:
        """Adds a node that has its channels first."""
        first = self.node("Transpose", value, perm=_TO_FIRST)
        return self.node(
            "Transpose", self.node(operator, first, *others, **attributes), perm=_TO_LAST
        )


_OPERATORS: dict[str, Callable[[_Writer, Operation], list[str]]] = {}


def _operator(*names: str) -> Callable[[Callable[[_Writer, Operation], str]], None]:
    """Enters an operator with one output."""

    def enter(function: Callable[[_Writer, Operation], str]) -> None:
        _OPERATORS.update(dict.fromkeys(names, lambda writer, op: [function(writer, op)]))

    return enter


@_operator(*_SAME)
def _same(writer: _Writer, op: Operation) -> str:
    return writer.node(_SAME[op.name], *writer.inputs(op))


@_operator(*_BOUNDS)
def _bounded(writer: _Writer, op: Operation) -> str:
    return writer.activated(op.name, writer.of(op.inputs[0]))


@_operator("SQUARE")
def _square(writer: _Writer, op: Operation) -> str:
    value = writer.of(op.inputs[0])
    return writer.node("Mul", value, value)


@_operator("SQUARED_DIFFERENCE")
def _squared_difference(writer: _Writer, op: Operation) -> str:
    difference = writer.node("Sub", *writer.inputs(op))
    return writer.node("Mul", difference, difference)


@_operator("RSQRT")
def _reciprocal_root(writer: _Writer, op: Operation) -> str:
    return writer.node("Reciprocal", writer.node("Sqrt", writer.of(op.inputs[0])))


@_operator("LEAKY_RELU")
def _leaky_relu(writer: _Writer, op: Operation) -> str:
    return writer.node("LeakyRelu", writer.of(op.inputs[0]), alpha=op.options["alpha"])


@_operator("GELU")
def _gelu(writer: _Writer, op: Operation) -> str:
    kind = "tanh" if op.options.get("approximate") else "none"
    return writer.node("Gelu", writer.of(op.inputs[0]), approximate=kind)


@_operator("CAST")
def _cast(writer: _Writer, op: Operation) -> str:
    kind = writer.file.tensors[op.outputs[0]].dtype
    if kind not in ("float32", "int32"):
        raise UnsupportedError(f"CAST to {kind}")
    return writer.node("Cast", writer.of(op.inputs[0]), to=1 if kind == "float32" else 6)


@_operator("SOFTMAX")
def _softmax(writer: _Writer, op: Operation) -> str:
    value, beta = writer.of(op.inputs[0]), op.options.get("beta", 1.0)
    if beta != 1.0:
        value = writer.node("Mul", value, writer.constant(beta, np.float32))
    return writer.node("Softmax", value, axis=-1)


@_operator("CONV_2D", "DEPTHWISE_CONV_2D")
def _convolution(writer: _Writer, op: Operation) -> str:
    tensors, options = writer.file.tensors, op.options
    value, kernel, *bias = writer.inputs(op)
    channels, shape = tensors[op.inputs[0]].shape[-1], tensors[op.inputs[1]].shape
    by_channel = op.name == "DEPTHWISE_CONV_2D"  # `[1, height, width, outputs]`, not outputs first
    kernel = writer.node("Transpose", kernel, perm=(3, 0, 1, 2) if by_channel else _TO_FIRST)
    return writer.in_maps(
        "Conv",
        value,
        kernel,
        *bias,
        strides=[options["strideH"], options["strideW"]],
        dilations=[options["dilationHFactor"], options["dilationWFactor"]],
        auto_pad=_PADDINGS[options["padding"]],
        group=channels if by_channel else channels // shape[-1],
    )


@_operator("AVERAGE_POOL_2D", "MAX_POOL_2D")
def _pool(writer: _Writer, op: Operation) -> str:
    return writer.in_maps(
        "MaxPool" if op.name == "MAX_POOL_2D" else "AveragePool",
        writer.of(op.inputs[0]),
        kernel_shape=[op.options["filterHeight"], op.options["filterWidth"]],
        strides=[op.options["strideH"], op.options["strideW"]],
        auto_pad=_PADDINGS[op.options["padding"]],
    )


@_operator("FULLY_CONNECTED")
def _affine(writer: _Writer, op: Operation) -> str:
    if op.options.get("weightsFormat", 0):
        raise UnsupportedError("FULLY_CONNECTED with shuffled weights")
    value, weights, *bias = writer.inputs(op)
    shape = writer.file.tensors[op.inputs[1]].shape
    rows = writer.node("Reshape", value, shape=[-1, shape[1]])
    result = writer.node("Gemm", rows, weights, *bias, transB=1)
    if not op.options.get("keepNumDims"):
        return result
    return writer.node("Reshape", result, shape=[*writer.file.tensors[op.outputs[0]].shape])


@_operator("BATCH_MATMUL")
def _matrix_product(writer: _Writer, op: Operation) -> str:
    return writer.node(
        "com.microsoft.FusedMatMul",
        *writer.inputs(op),
        transA=int(op.options.get("adjX", False)),
        transB=int(op.options.get("adjY", False)),
    )


@_operator("RESHAPE")
def _reshape(writer: _Writer, op: Operation) -> str:
    value, *shape = writer.inputs(op)
    if shape:
        return writer.node("Reshape", value, *shape)
    return writer.node("Reshape", value, shape=[*writer.file.tensors[op.outputs[0]].shape])


@_operator("SQUEEZE")
def _squeeze(writer: _Writer, op: Operation) -> str:
    axes = op.options.get("squeezeDims")
    axes = {} if axes is None or not len(axes) else {"axes": [int(axis) for axis in axes]}
    return writer.node("Squeeze", writer.of(op.inputs[0]), **axes)


@_operator("EXPAND_DIMS")
def _expand(writer: _Writer, op: Operation) -> str:
    return writer.node("Unsqueeze", writer.of(op.inputs[0]), axes=writer.numbers(op, 1))


@_operator("TRANSPOSE")
def _transpose(writer: _Writer, op: Operation) -> str:
    return writer.node("Transpose", writer.of(op.inputs[0]), perm=writer.numbers(op, 1))


@_operator(*_REDUCTIONS)
def _reduce(writer: _Writer, op: Operation) -> str:
    axes = np.reshape(writer.numbers(op, 1), -1).tolist()
    keeps = int(op.options.get("keepDims", False))
    return writer.node(_REDUCTIONS[op.name], writer.of(op.inputs[0]), axes=axes, keepdims=keeps)


@_operator("PAD", "PADV2", "MIRROR_PAD")
def _pad(writer: _Writer, op: Operation) -> str:
    before, after = np.transpose(writer.numbers(op, 1)).tolist()
    value = float(np.reshape(writer.numbers(op, 2), ())) if op.name == "PADV2" else 0.0
    if op.name == "MIRROR_PAD" and op.options.get("mode", 0):
        raise UnsupportedError("MIRROR_PAD that repeats the border")
    mode = "reflect" if op.name == "MIRROR_PAD" else "constant"
    return writer.node(
        "Pad", writer.of(op.inputs[0]), pads=[*before, *after], value=value, mode=mode
    )


@_operator("CONCATENATION")
def _concatenate(writer: _Writer, op: Operation) -> str:
    return writer.node("Concat", *writer.inputs(op), axis=op.options["axis"])


@_operator("PACK")
def _pack(writer: _Writer, op: Operation) -> str:
    axis = op.options["axis"]
    parts = [writer.node("Unsqueeze", part, axes=[axis]) for part in writer.inputs(op)]
    return writer.node("Concat", *parts, axis=axis)


@_operator("SLICE")
def _slice(writer: _Writer, op: Operation) -> str:
    starts, sizes = writer.numbers(op, 1), writer.numbers(op, 2)
    ends = [2**30 if size < 0 else start + size for start, size in zip(starts, sizes, strict=True)]
    return writer.node("Slice", writer.of(op.inputs[0]), starts=starts, ends=ends)


@_operator("STRIDED_SLICE")
def _strided_slice(writer: _Writer, op: Operation) -> str:
    options = op.options
    if options["ellipsisMask"] or options["newAxisMask"] or options.get("offset"):
        raise UnsupportedError("STRIDED_SLICE with new axes")
    starts, ends, steps = (writer.numbers(op, index) for index in (1, 2, 3))
    gone = []
    for axis, step in enumerate(steps):
        bit = 1 << axis
        if options["shrinkAxisMask"] & bit:
            gone.append(axis)
            ends[axis] = starts[axis] + 1 or 2**30  # the place before 0 is the last
            continue
        if options["beginMask"] & bit:
            starts[axis] = 0 if step > 0 else 2**30
        if options["endMask"] & bit:
            ends[axis] = 2**30 if step > 0 else -(2**30)
    value = writer.node("Slice", writer.of(op.inputs[0]), starts=starts, ends=ends, steps=steps)
    return writer.node("Squeeze", value, axes=gone) if gone else value


@_operator("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def _resize(writer: _Writer, op: Operation) -> str:
    batch, _, _, channels = writer.file.tensors[op.inputs[0]].shape
    sizes = writer.constant([batch, *writer.numbers(op, 1), channels], np.int32)
    is_aligned, is_half = op.options["alignCorners"], op.options["halfPixelCenters"]
    return writer.node(
        "Resize",
        writer.of(op.inputs[0]),
        "",
        "",
        sizes,
        mode="linear" if op.name == "RESIZE_BILINEAR" else "nearest",
        coordinate_transformation_mode=(
            "align_corners" if is_aligned else "half_pixel" if is_half else "asymmetric"
        ),
        nearest_mode="round_prefer_ceil" if is_aligned or is_half else "floor",
    )


def _split(writer: _Writer, op: Operation) -> list[str]:
    axis = int(np.reshape(writer.numbers(op, 0), ()))
    value, count = writer.of(op.inputs[1]), len(op.outputs)
    return writer.several("Split", value, outputs=count, axis=axis)


_OPERATORS["SPLIT"] = _split
