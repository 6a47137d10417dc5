"""TensorFlow Lite files of one operation, as they are read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evofool.classifiers.tflite_graphs.reading import File, Operation, Steps, Tensor

SHAPE = (1, 6, 5, 4)  # of the input, unless a case has another
SAME, VALID = 0, 1
RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3

_ONES = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
_RNG = np.random.default_rng(0)


def tensor(
    shape: Sequence[int],
    constant: Any = None,
    *,
    dtype: str = "float32",
    steps: Steps | None = None,
) -> Tensor:
    array = None if constant is None else np.asarray(constant, dtype).reshape(shape)
    return Tensor(shape=tuple(shape), dtype=dtype, steps=steps, constant=array)


def normal(*shape: int) -> Tensor:
    """Weights."""
    return tensor(shape, _RNG.normal(size=shape))


def whole(*numbers: Any) -> Tensor:
    """Sizes, axes and the like."""
    array = np.array(numbers, np.int32)
    return tensor(array.shape, array, dtype="int32")


def file_of(
    name: str,
    *others: Tensor,
    options: dict[str, Any] | None = None,
    shape: Sequence[int] = SHAPE,
    result: Sequence[int] = SHAPE,
    order: Sequence[int] | None = None,
    outputs: int = 1,
) -> File:
    """Returns a file whose input and others go into one operation.

    Args:
        name: of its operator.
        others: its constants.
        options: of the operation.
        shape: of the input.
        result: shape of the outputs.
        order: places of the inputs among the input and the others; as they come unless given.
        outputs: how many there are; the last is that of the file.
    """
    count = 1 + len(others)
    made = tuple(range(count, count + outputs))
    places = tuple(range(count)) if order is None else tuple(order)
    operation = Operation(name=name, inputs=places, outputs=made, options=options or {})
    tensors = (tensor(shape), *others, *[tensor(result)] * outputs)
    return File(tensors=tensors, operations=(operation,), inputs=(0,), outputs=made[-1:])


def _convolution(padding: int, activation: int = 0, **more: int) -> dict[str, Any]:
    return _ONES | {"padding": padding, "fusedActivationFunction": activation} | more


def _pool(padding: int, **more: int) -> dict[str, Any]:
    sizes = {"filterHeight": 3, "filterWidth": 2, "strideH": 2, "strideW": 1}
    return sizes | {"padding": padding, "fusedActivationFunction": 0} | more


def _slices(begin=0, end=0, shrink=0) -> dict[str, Any]:
    masks = {"beginMask": begin, "endMask": end, "shrinkAxisMask": shrink}
    return masks | {"ellipsisMask": 0, "newAxisMask": 0}


def _resized(align: bool, half: bool) -> dict[str, Any]:
    return {"alignCorners": align, "halfPixelCenters": half}


FILES = {
    "conv same": file_of(
        "CONV_2D", normal(7, 3, 3, 4), normal(7), options=_convolution(SAME, strideH=2, strideW=2)
    ),
    "conv valid relu6": file_of(
        "CONV_2D", normal(7, 3, 2, 4), normal(7), options=_convolution(VALID, RELU6)
    ),
    "conv dilated": file_of(
        "CONV_2D",
        normal(3, 3, 3, 4),
        normal(3),
        options=_convolution(SAME, dilationHFactor=2, dilationWFactor=2),
    ),
    "depthwise": file_of(
        "DEPTHWISE_CONV_2D",
        normal(1, 3, 3, 8),
        normal(8),
        options=_convolution(SAME, RELU_N1_TO_1, depthMultiplier=2),
    ),
    "average same": file_of("AVERAGE_POOL_2D", options=_pool(SAME)),
    "largest valid": file_of("MAX_POOL_2D", options=_pool(VALID)),
    "affine": file_of(
        "FULLY_CONNECTED",
        normal(3, 120),
        normal(3),
        options={"fusedActivationFunction": RELU},
        result=(1, 3),
    ),
    "affine, axes kept": file_of(
        "FULLY_CONNECTED",
        normal(3, 4),
        normal(3),
        options={"fusedActivationFunction": 0, "keepNumDims": True},
        result=(1, 6, 5, 3),
    ),
    "add": file_of("ADD", normal(4), options={"fusedActivationFunction": RELU}),
    "sub": file_of("SUB", normal(6, 5, 4), options={"fusedActivationFunction": 0}),
    "mul": file_of("MUL", normal(1), options={"fusedActivationFunction": 0}),
    "div": file_of("DIV", normal(4), options={"fusedActivationFunction": 0}),
    "maximum": file_of("MAXIMUM", normal(4)),
    "minimum": file_of("MINIMUM", normal(4)),
    "squared difference": file_of("SQUARED_DIFFERENCE", normal(4)),
    **{
        name.lower(): file_of(name)
        for name in ("SQUARE", "RSQRT", "SQRT", "EXP", "LOG", "ABS", "NEG", "FLOOR", "SIN", "COS")
    },
    **{
        name.lower(): file_of(name)
        for name in ("RELU", "RELU6", "RELU_N1_TO_1", "ELU", "TANH", "HARD_SWISH", "LOG_SOFTMAX")
    },
    "leaky": file_of("LEAKY_RELU", options={"alpha": 0.3}),
    "prelu": file_of("PRELU", normal(1, 1, 4)),
    "gelu": file_of("GELU", options={"approximate": False}),
    "gelu, roughly": file_of("GELU", options={"approximate": True}),
    "mean": file_of("MEAN", whole(1, 2), options={"keepDims": False}, result=(1, 4)),
    "sum": file_of("SUM", whole(-1), options={"keepDims": True}, result=(1, 6, 5, 1)),
    "reduce max": file_of("REDUCE_MAX", whole(1), options={"keepDims": False}, result=(1, 5, 4)),
    "pad": file_of("PAD", whole([0, 0], [1, 2], [0, 3], [1, 0])),
    "pad with a number": file_of("PADV2", whole([0, 0], [1, 2], [0, 3], [1, 0]), normal(1)),
    "pad by reflection": file_of(
        "MIRROR_PAD", whole([0, 0], [1, 2], [0, 3], [1, 0]), options={"mode": 0}
    ),
    "concatenation": file_of(
        "CONCATENATION", normal(*SHAPE), options={"axis": -1, "fusedActivationFunction": 0}
    ),
    "pack": file_of("PACK", normal(*SHAPE), options={"axis": 1, "valuesCount": 2}),
    "slice": file_of("SLICE", whole(0, 1, 2, 0), whole(1, 3, -1, 2), result=(1, 3, 3, 2)),
    "strided slice": file_of(
        "STRIDED_SLICE",
        *(whole(0, 1, 4, 2), whole(1, 5, 0, 0), whole(1, 2, -1, 1)),
        options=_slices(end=0b1100),
    ),
    "strided slice, an axis less": file_of(
        "STRIDED_SLICE",
        *(whole(0, -1, 0, 0), whole(1, 0, 5, 3), whole(1, 1, 1, 1)),
        options=_slices(begin=0b0100, shrink=0b0010),
    ),
    "reshape": file_of(
        "RESHAPE", whole(1, 10, -1), options={"newShape": [1, 10, -1]}, result=(1, 10, 12)
    ),
    "squeeze": file_of("SQUEEZE", options={"squeezeDims": [1]}, shape=(1, 1, 5, 4)),
    "expand": file_of("EXPAND_DIMS", whole(1)),
    "transpose": file_of("TRANSPOSE", whole(0, 3, 1, 2)),
    "product": file_of("BATCH_MATMUL", normal(1, 6, 3, 4), options={"adjX": False, "adjY": True}),
    "split": file_of(
        "SPLIT", whole(3), options={"numSplits": 2}, order=(1, 0), outputs=2, result=(1, 6, 5, 2)
    ),
    **{
        f"{name.lower()}, {how}": file_of(name, whole(9, 4), options=_resized(*rule))
        for name in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
        for how, rule in {
            "aligned": (True, False),
            "half": (False, True),
            "plain": (False, False),
        }.items()
    },
}
