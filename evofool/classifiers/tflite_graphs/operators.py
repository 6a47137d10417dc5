"""What each operation of TensorFlow Lite is in ONNX's operators."""

from collections.abc import Callable

import numpy as np

from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.tflite_graphs.reading import Operation
from evofool.classifiers.tflite_graphs.writing import TO_FIRST, Writer

_PADDINGS = ("SAME_UPPER", "VALID")
_BOUNDS = {"RELU_N1_TO_1": (-1.0, 1.0), "RELU6": (0.0, 6.0), "RELU_0_TO_1": (0.0, 1.0)}
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

OPERATORS: dict[str, Callable[[Writer, Operation], list[str]]] = {}
"""By their names: adds the nodes of an operation, and returns the names of its outputs."""


def activated(writer: Writer, activation: str, value: str) -> str:
    """Applies an activation function to a value."""
    if activation in _BOUNDS:
        least, most = _BOUNDS[activation]
        return writer.node("Clip", value, min=least, max=most)
    return value if activation == "NONE" else writer.node(_SAME[activation], value)


def _operator(*names: str) -> Callable[[Callable[[Writer, Operation], str]], None]:
    """Enters an operator with one output."""

    def enter(function: Callable[[Writer, Operation], str]) -> None:
        OPERATORS.update(dict.fromkeys(names, lambda writer, op: [function(writer, op)]))

    return enter


@_operator(*_SAME)
def _same(writer: Writer, op: Operation) -> str:
    return writer.node(_SAME[op.name], *writer.inputs(op))


@_operator(*_BOUNDS)
def _bounded(writer: Writer, op: Operation) -> str:
    return activated(writer, op.name, writer.of(op.inputs[0]))


@_operator("SQUARE")
def _square(writer: Writer, op: Operation) -> str:
    value = writer.of(op.inputs[0])
    return writer.node("Mul", value, value)


@_operator("SQUARED_DIFFERENCE")
def _squared_difference(writer: Writer, op: Operation) -> str:
    difference = writer.node("Sub", *writer.inputs(op))
    return writer.node("Mul", difference, difference)


@_operator("RSQRT")
def _reciprocal_root(writer: Writer, op: Operation) -> str:
    return writer.node("Reciprocal", writer.node("Sqrt", writer.of(op.inputs[0])))


@_operator("LEAKY_RELU")
def _leaky_relu(writer: Writer, op: Operation) -> str:
    return writer.node("LeakyRelu", writer.of(op.inputs[0]), alpha=op.options["alpha"])


@_operator("GELU")
def _gelu(writer: Writer, op: Operation) -> str:
    kind = "tanh" if op.options.get("approximate") else "none"
    return writer.node("Gelu", writer.of(op.inputs[0]), approximate=kind)


@_operator("CAST")
def _cast(writer: Writer, op: Operation) -> str:
    kind = writer.file.tensors[op.outputs[0]].dtype
    if kind not in ("float32", "int32"):
        raise UnsupportedError(f"CAST to {kind}")
    return writer.node("Cast", writer.of(op.inputs[0]), to=1 if kind == "float32" else 6)


@_operator("SOFTMAX")
def _softmax(writer: Writer, op: Operation) -> str:
    value, beta = writer.of(op.inputs[0]), op.options.get("beta", 1.0)
    if beta != 1.0:
        value = writer.node("Mul", value, writer.constant(beta, np.float32))
    return writer.node("Softmax", value, axis=-1)


@_operator("CONV_2D", "DEPTHWISE_CONV_2D")
def _convolution(writer: Writer, op: Operation) -> str:
    tensors, options = writer.file.tensors, op.options
    value, kernel, *bias = writer.inputs(op)
    channels, shape = tensors[op.inputs[0]].shape[-1], tensors[op.inputs[1]].shape
    by_channel = op.name == "DEPTHWISE_CONV_2D"  # `[1, height, width, outputs]`, not outputs first
    kernel = writer.node("Transpose", kernel, perm=(3, 0, 1, 2) if by_channel else TO_FIRST)
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
def _pool(writer: Writer, op: Operation) -> str:
    return writer.in_maps(
        "MaxPool" if op.name == "MAX_POOL_2D" else "AveragePool",
        writer.of(op.inputs[0]),
        kernel_shape=[op.options["filterHeight"], op.options["filterWidth"]],
        strides=[op.options["strideH"], op.options["strideW"]],
        auto_pad=_PADDINGS[op.options["padding"]],
    )


@_operator("FULLY_CONNECTED")
def _affine(writer: Writer, op: Operation) -> str:
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
def _matrix_product(writer: Writer, op: Operation) -> str:
    return writer.node(
        "com.microsoft.FusedMatMul",
        *writer.inputs(op),
        transA=int(op.options.get("adjX", False)),
        transB=int(op.options.get("adjY", False)),
    )


@_operator("RESHAPE")
def _reshape(writer: Writer, op: Operation) -> str:
    value, *shape = writer.inputs(op)
    if shape:
        return writer.node("Reshape", value, *shape)
    return writer.node("Reshape", value, shape=[*writer.file.tensors[op.outputs[0]].shape])


@_operator("SQUEEZE")
def _squeeze(writer: Writer, op: Operation) -> str:
    axes = op.options.get("squeezeDims")
    axes = {} if axes is None or not len(axes) else {"axes": [int(axis) for axis in axes]}
    return writer.node("Squeeze", writer.of(op.inputs[0]), **axes)


@_operator("EXPAND_DIMS")
def _expand(writer: Writer, op: Operation) -> str:
    return writer.node("Unsqueeze", writer.of(op.inputs[0]), axes=writer.numbers(op, 1))


@_operator("TRANSPOSE")
def _transpose(writer: Writer, op: Operation) -> str:
    return writer.node("Transpose", writer.of(op.inputs[0]), perm=writer.numbers(op, 1))


@_operator(*_REDUCTIONS)
def _reduce(writer: Writer, op: Operation) -> str:
    axes = np.reshape(writer.numbers(op, 1), -1).tolist()
    keeps = int(op.options.get("keepDims", False))
    return writer.node(_REDUCTIONS[op.name], writer.of(op.inputs[0]), axes=axes, keepdims=keeps)


@_operator("PAD", "PADV2", "MIRROR_PAD")
def _pad(writer: Writer, op: Operation) -> str:
    before, after = np.transpose(writer.numbers(op, 1)).tolist()
    value = float(np.reshape(writer.numbers(op, 2), ())) if op.name == "PADV2" else 0.0
    if op.name == "MIRROR_PAD" and op.options.get("mode", 0):
        raise UnsupportedError("MIRROR_PAD that repeats the border")
    mode = "reflect" if op.name == "MIRROR_PAD" else "constant"
    return writer.node(
        "Pad", writer.of(op.inputs[0]), pads=[*before, *after], value=value, mode=mode
    )


@_operator("CONCATENATION")
def _concatenate(writer: Writer, op: Operation) -> str:
    return writer.node("Concat", *writer.inputs(op), axis=op.options["axis"])


@_operator("PACK")
def _pack(writer: Writer, op: Operation) -> str:
    axis = op.options["axis"]
    parts = [writer.node("Unsqueeze", part, axes=[axis]) for part in writer.inputs(op)]
    return writer.node("Concat", *parts, axis=axis)


@_operator("SLICE")
def _slice(writer: Writer, op: Operation) -> str:
    starts, sizes = writer.numbers(op, 1), writer.numbers(op, 2)
    ends = [2**30 if size < 0 else start + size for start, size in zip(starts, sizes, strict=True)]
    return writer.node("Slice", writer.of(op.inputs[0]), starts=starts, ends=ends)


@_operator("STRIDED_SLICE")
def _strided_slice(writer: Writer, op: Operation) -> str:
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
def _resize(writer: Writer, op: Operation) -> str:
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


def _split(writer: Writer, op: Operation) -> list[str]:
    axis = int(np.reshape(writer.numbers(op, 0), ()))
    value, count = writer.of(op.inputs[1]), len(op.outputs)
    return writer.several("Split", value, outputs=count, axis=axis)


OPERATORS["SPLIT"] = _split
