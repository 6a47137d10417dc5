"""Windows over feature maps, channels last: convolutions and pooling."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from evofool.classifiers.architectures.convolution import convolve_any
from evofool.classifiers.architectures.max_pooling import largest_of_windows
from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator

TABLE: Table = {}

Zeros = list[tuple[int, int]]


@operator(TABLE, "Conv", layout="maps")
def _convolution(call: Call, x, kernel, bias=None):
    result = convolve_as_asked(call, x, kernel)
    return result if bias is None else result + bias


@operator(TABLE, "com.microsoft.FusedConv", layout="maps")
def _convolution_with_activation(call: Call, x, kernel, bias=None, added=None):
    result = _convolution(call, x, kernel, bias)
    result = result if added is None else result + jnp.moveaxis(added, 1, -1)
    activations = {
        "": lambda values: values,
        "Relu": lambda values: jnp.maximum(values, 0),
        "Clip": lambda values: jnp.clip(values, *call.get("activation_params")),
        "LeakyRelu": lambda values: jnp.where(
            values < 0, call.get("activation_params")[0] * values, values
        ),
    }
    name = call.get("activation", "")
    if name not in activations:
        raise UnsupportedError(f"FusedConv with {name}")
    return activations[name](result)


def convolve_as_asked(call: Call, x, kernel):
    """Convolves maps, channels last, as the attributes of a Conv say.

    Args:
        call: with the attributes.
        x: `[batch, ..., channels]`.
        kernel: `[outputs, channels / groups, ...]`, as in the graph.
    """
    sides = kernel.ndim - 2
    if x.ndim != kernel.ndim:
        raise UnsupportedError(f"Conv of {x.ndim} axes with a kernel of {kernel.ndim}")
    strides = tuple(call.get("strides") or [1] * sides)
    dilations = tuple(call.get("dilations") or [1] * sides)
    groups = call.get("group", 1)
    zeros = _zeros(call, x.shape[1:-1], kernel.shape[2:], strides, dilations)
    kernel = jnp.moveaxis(jnp.asarray(kernel), (0, 1), (-1, -2))
    return convolve_any(x, kernel, strides=strides, zeros=zeros, dilations=dilations, groups=groups)


@operator(TABLE, "ConvTranspose", layout="maps")
def _transposed_convolution(call: Call, x, kernel, bias=None):
    sides, groups = kernel.ndim - 2, call.get("group", 1)
    strides = tuple(call.get("strides") or [1] * sides)
    dilations = tuple(call.get("dilations") or [1] * sides)
    more = call.get("output_padding") or [0] * sides
    spans = [(size - 1) * step + 1 for size, step in zip(kernel.shape[2:], dilations, strict=True)]
    cut = _cut(call, x.shape[1:-1], spans, strides, more)
    zeros = [
        (span - 1 - before, span - 1 - after + extra)
        for span, (before, after), extra in zip(spans, cut, more, strict=True)
    ]
    flipped = jnp.flip(jnp.asarray(kernel), tuple(range(2, kernel.ndim)))
    parts = jnp.split(flipped, groups)  # of the inputs, each with its own outputs
    kernel = jnp.moveaxis(jnp.concatenate(parts, axis=1), (1, 0), (-1, -2))
    letters = "".join(chr(ord("a") + side) for side in range(sides))
    result = lax.conv_general_dilated(
        *(x, kernel, (1,) * sides, zeros),
        lhs_dilation=strides,
        rhs_dilation=dilations,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )
    return result if bias is None else result + bias


def _cut(
    call: Call, sides: Sequence[int], spans: Sequence[int], strides: Sequence[int], more: list[int]
) -> Zeros:
    """Returns what a transposed convolution leaves out before and after each side."""
    shape, pads = call.get("output_shape"), call.get("pads")
    if shape is None:
        if call.get("auto_pad", "NOTSET") in ("NOTSET", "VALID"):
            return _pairs(pads or [0] * 2 * len(sides))
        shape = [side * stride for side, stride in zip(sides, strides, strict=True)]
    totals = [
        stride * (side - 1) + extra + span - size
        for side, stride, extra, span, size in zip(
            sides, strides, more, spans, shape[-len(sides) :], strict=True
        )
    ]
    if call.get("auto_pad") == "SAME_UPPER":
        return [(total // 2, total - total // 2) for total in totals]
    return [(total - total // 2, total // 2) for total in totals]


def _pairs(pads: Sequence[int]) -> Zeros:
    half = len(pads) // 2
    return list(zip(pads[:half], pads[half:], strict=True))


def _zeros(
    call: Call,
    sides: Sequence[int],
    sizes: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> Zeros:
    """Returns the zeros before and after each side."""
    automatic = call.get("auto_pad", "NOTSET")
    if automatic == "NOTSET":
        return _pairs(call.get("pads") or [0] * 2 * len(sides))
    if automatic == "VALID":
        return [(0, 0)] * len(sides)
    if automatic not in ("SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedError(f"{call.node.operator} with auto_pad {automatic!r}")
    zeros = []
    for side, size, stride, dilation in zip(sides, sizes, strides, dilations, strict=True):
        total = max((-(-side // stride) - 1) * stride + (size - 1) * dilation + 1 - side, 0)
        less, most = total // 2, total - total // 2
        zeros.append((less, most) if automatic == "SAME_UPPER" else (most, less))
    return zeros


class _Windows:
    """The windows of a pooling operator over maps, channels last."""

    def __init__(self, call: Call, shape: tuple[int, ...]):
        self.sides, sizes = shape[1:-1], call.get("kernel_shape")
        count = len(self.sides)
        if len(sizes) != count:
            raise UnsupportedError(f"{call.node.operator} of {len(sizes)} sides over {count}")
        strides = call.get("strides") or [1] * count
        dilations = call.get("dilations") or [1] * count
        self.zeros = _zeros(call, self.sides, sizes, strides, dilations)
        self.spans = [(size - 1) * d + 1 for size, d in zip(sizes, dilations, strict=True)]
        self.extra = [0] * count
        if call.get("ceil_mode", 0):
            self.extra = [self._beyond(i, strides[i]) for i in range(count)]
        self.window, self.strides = (1, *sizes, 1), (1, *strides, 1)
        self.dilations = (1, *dilations, 1)

    def _beyond(self, i: int, stride: int) -> int:
        """Returns how far the last window may stick out; it must begin inside."""
        before, after = self.zeros[i]
        steps = self.sides[i] + before + after - self.spans[i]
        extra = -steps % stride
        return extra - stride if steps + extra >= self.sides[i] + before else extra

    @property
    def edges(self) -> Zeros:
        """What is added before and after each side."""
        return [(a, b + e) for (a, b), e in zip(self.zeros, self.extra, strict=True)]

    def reduce(self, x, start, join):
        edges = [(0, 0), *self.edges, (0, 0)]
        return lax.reduce_window(
            *(x, start, join, self.window, self.strides, edges), window_dilation=self.dilations
        )

    def counts(self, is_zero_counted: bool) -> np.ndarray:
        """Returns how many values each window has, with the zeros around them or without."""
        result = np.ones((1,) * (len(self.sides) + 2), np.float32)
        for i, side in enumerate(self.sides):
            before, after = self.zeros[i] if is_zero_counted else (0, 0)
            size, dilation = self.window[i + 1], self.dilations[i + 1]
            steps = side + sum(self.zeros[i]) + self.extra[i] - self.spans[i]
            starts = np.arange(steps // self.strides[i + 1] + 1) * self.strides[i + 1]
            places = starts[:, None] + np.arange(size) * dilation - self.zeros[i][0]
            count = ((places >= -before) & (places < side + after)).sum(axis=1)
            shape = [-1 if axis == i + 1 else 1 for axis in range(len(self.sides) + 2)]
            result = result * count.reshape(shape).astype(np.float32)
        return result


@operator(TABLE, "MaxPool", layout="maps")
def _largest(call: Call, x):
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        raise UnsupportedError("MaxPool with the places of the largest values")
    windows = _Windows(call, x.shape)
    if len(windows.sides) == 2 and set(windows.dilations) == {1}:
        sizes, strides = windows.window[1:3], windows.strides[1:3]
        return largest_of_windows(x, sizes, strides, tuple(windows.edges))
    return windows.reduce(x, -jnp.inf, lax.max)


@operator(TABLE, "AveragePool", layout="maps")
def average(call: Call, x):
    """Averages windows of maps."""
    windows = _Windows(call, x.shape)
    return windows.reduce(x, 0.0, lax.add) / windows.counts(bool(call.get("count_include_pad", 0)))


@operator(TABLE, "LpPool", layout="maps")
def _norm(call: Call, x):
    order = call.get("p", 2)
    total = _Windows(call, x.shape).reduce(jnp.abs(x) ** order, 0.0, lax.add)
    return total ** (1 / order)


@operator(TABLE, "GlobalAveragePool", layout="maps")
def _average_of_all(call: Call, x):
    return jnp.mean(x, tuple(range(1, x.ndim - 1)), keepdims=True)


@operator(TABLE, "GlobalMaxPool", layout="maps")
def _largest_of_all(call: Call, x):
    return jnp.max(x, tuple(range(1, x.ndim - 1)), keepdims=True)


@operator(TABLE, "GlobalLpPool", layout="maps")
def _norm_of_all(call: Call, x):
    order = call.get("p", 2)
    total = jnp.sum(jnp.abs(x) ** order, tuple(range(1, x.ndim - 1)), keepdims=True)
    return total ** (1 / order)
