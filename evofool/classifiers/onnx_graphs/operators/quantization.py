"""Quantised operators: whole numbers as float32, with straight-through gradients."""

import jax
import jax.numpy as jnp

from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator
from evofool.classifiers.onnx_graphs.operators.windows import average, convolve_as_asked
from evofool.classifiers.onnx_graphs.rounding import straight_through
from evofool.classifiers.onnx_graphs.values import Plain

TABLE: Table = {}

_RANGES = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
}
_TYPES = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16"}


def _range(call: Call, index: int) -> tuple[int, int]:
    """Returns the least and the largest number of the type that a zero point has."""
    zero = call.constants[index] if index < len(call.constants) else None
    if zero is None:
        return _RANGES[_TYPES.get(call.get("output_dtype", 2), "uint8")]
    if zero.dtype.name not in _RANGES:
        raise UnsupportedError(f"{call.node.operator} to {zero.dtype.name}")
    return _RANGES[zero.dtype.name]


def _quantised(
    x: jax.Array, scale: jax.Array, zero: jax.Array, bounds: tuple[int, int]
) -> jax.Array:
    exact = jnp.clip(x / scale + zero, *bounds)
    rounded = straight_through(exact, jnp.clip(jnp.round(x / scale) + zero, *bounds))
    return jnp.asarray(rounded)


def _floats(*values: Plain | None) -> list[jax.Array]:
    """Returns arrays of float32; what is left out, a zero point or a bias, is zero."""
    return [jnp.asarray(0.0 if value is None else value, jnp.float32) for value in values]


def _along(call: Call, value: jax.Array, rank: int) -> jax.Array:
    """Shapes a scale or a zero point for every channel so that it meets its axis."""
    if value.size == 1:
        return value.reshape(())
    if value.ndim > 1:
        raise UnsupportedError(f"{call.node.operator} by blocks")
    axis = call.axis(call.get("axis", 1), rank)
    return value.reshape([-1 if i == axis else 1 for i in range(rank)])


@operator(TABLE, "QuantizeLinear", "com.microsoft.QuantizeLinear", layout="axes")
def _quantise(call: Call, x, scale, zero=None):
    scale, zero = (_along(call, value, x.ndim) for value in _floats(scale, zero))
    return _quantised(x, scale, zero, _range(call, 2))


@operator(TABLE, "DequantizeLinear", "com.microsoft.DequantizeLinear", layout="axes")
def _dequantise(call: Call, x, scale, zero=None):
    x, scale, zero = _floats(x, scale, zero)
    return (x - _along(call, zero, x.ndim)) * _along(call, scale, x.ndim)


@operator(TABLE, "DynamicQuantizeLinear")
def _quantise_by_range(call: Call, x):
    least, most = jnp.minimum(x.min(), 0), jnp.maximum(x.max(), 0)
    scale = (most - least) / 255
    zero = jnp.clip(jnp.round(-least / scale), 0, 255)
    return _quantised(x, scale, zero, (0, 255)), scale, zero


@operator(TABLE, "ConvInteger", layout="maps")
def _convolve_integers(call: Call, x, kernel, zero=None, kernel_zero=None):
    x, kernel, zero, kernel_zero = _floats(x, kernel, zero, kernel_zero)
    return convolve_as_asked(call, x - zero, _less(kernel, kernel_zero))


@operator(TABLE, "QLinearConv", layout="maps")
def _convolve_quantised(call: Call, x, scale, zero, kernel, *rest):
    x, scale, zero, kernel = _floats(x, scale, zero, kernel)
    kernel_scale, kernel_zero, out_scale, out_zero, bias = _floats(*rest, *[None] * (5 - len(rest)))
    sums = convolve_as_asked(call, x - zero, _less(kernel, kernel_zero)) + bias
    return _quantised(sums * (scale * kernel_scale), out_scale, out_zero, _range(call, 7))


def _less(kernel: jax.Array, zero: jax.Array) -> jax.Array:
    """Subtracts the zero point of a kernel, one for all outputs or one for each."""
    return kernel - zero.reshape((-1,) + (1,) * (kernel.ndim - 1))


@operator(TABLE, "MatMulInteger")
def _multiply_integers(call: Call, x, y, zero=None, other_zero=None):
    x, y, zero, other_zero = _floats(x, y, zero, other_zero)
    return (x - zero) @ (y - other_zero)


@operator(TABLE, "QLinearMatMul")
def _multiply_quantised(call: Call, *inputs):
    x, scale, zero, y, y_scale, y_zero, out_scale, out_zero = _floats(*inputs)
    product = ((x - zero) @ (y - y_zero)) * (scale * y_scale)
    return _quantised(product, out_scale, out_zero, _range(call, 7))


@operator(TABLE, "com.microsoft.QGemm")
def _affine_quantised(call: Call, x, scale, zero, y, y_scale, y_zero, bias=None, *out):
    x, scale, zero, y, y_scale, y_zero, bias = _floats(x, scale, zero, y, y_scale, y_zero, bias)
    y = y.T if call.get("transB", 0) else y
    x = x.T if call.get("transA", 0) else x
    sums = call.get("alpha", 1.0) * ((x - zero) @ (y - y_zero))
    result = (sums + bias) * (scale * y_scale)
    if not out or out[0] is None:
        return result
    out_scale, out_zero = _floats(*out)
    return _quantised(result, out_scale, out_zero, _range(call, 8))


@operator(TABLE, "com.microsoft.QLinearAdd", "com.microsoft.QLinearMul", layout="pointwise")
def _combine_quantised(call: Call, *inputs):
    padded = (*inputs, *[None] * (8 - len(inputs)))
    x, scale, zero, y, y_scale, y_zero, out_scale, out_zero = _floats(*padded)
    x, y = (x - zero) * scale, (y - y_zero) * y_scale
    result = x + y if call.node.operator.endswith("Add") else x * y
    return _quantised(result, out_scale, out_zero, _range(call, 7))


@operator(TABLE, "com.microsoft.QLinearConcat")
def _join_quantised(call: Call, out_scale, out_zero, *inputs):
    out_scale, out_zero = _floats(out_scale, out_zero)
    triples = [_floats(*inputs[i : i + 3]) for i in range(0, len(inputs), 3)]
    parts = [(x - zero) * scale for x, scale, zero in triples]
    joined = jnp.concatenate(parts, call.get("axis", 1))
    return _quantised(joined, out_scale, out_zero, _range(call, 1))


def _unary(function):
    """Makes the quantised form of a function of one array, from its scales and zero points."""

    def quantised(call: Call, x, scale, zero, out_scale, out_zero):
        x, scale, zero, out_scale, out_zero = _floats(x, scale, zero, out_scale, out_zero)
        return _quantised(function(call, (x - zero) * scale), out_scale, out_zero, _range(call, 4))

    return quantised


_FUNCTIONS = {
    "com.microsoft.QLinearSigmoid": lambda call, x: jax.nn.sigmoid(x),
    "com.microsoft.QLinearLeakyRelu": lambda call, x: jnp.where(
        x < 0, call.get("alpha", 0.01) * x, x
    ),
    "com.microsoft.QLinearSoftmax": lambda call, x: jax.nn.softmax(x, call.get("axis", -1)),
    "com.microsoft.QLinearReduceMean": lambda call, x: jnp.mean(
        x, tuple(call.get("axes")), keepdims=bool(call.get("keepdims", 1))
    ),
}
_POOLS = {
    "com.microsoft.QLinearAveragePool": average,
    "com.microsoft.QLinearGlobalAveragePool": lambda call, x: jnp.mean(
        x, tuple(range(1, x.ndim - 1)), keepdims=True
    ),
}
for _name, _function in _FUNCTIONS.items():
    operator(TABLE, _name)(_unary(_function))
for _name, _function in _POOLS.items():
    operator(TABLE, _name, layout="maps")(_unary(_function))
