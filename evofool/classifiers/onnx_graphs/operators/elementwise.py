"""Arithmetic, comparisons and activation functions, number by number."""

import math
from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator
from evofool.classifiers.onnx_graphs.rounding import straight_through
from evofool.support import AnyArray

TABLE: Table = {}

_BY_NAME = {  # functions of NumPy and JAX alike
    **{name: name.lower() for name in ("Add", "Sqrt", "Exp", "Log", "Abs", "Ceil", "Floor")},
    **{name: name.lower() for name in ("Sin", "Cos", "Tan", "Sinh", "Cosh", "Tanh", "Sign")},
    **{"Sub": "subtract", "Mul": "multiply", "Neg": "negative", "Reciprocal": "reciprocal"},
    **{"Asin": "arcsin", "Acos": "arccos", "Atan": "arctan", "Asinh": "arcsinh"},
    **{"Acosh": "arccosh", "Atanh": "arctanh", "IsNaN": "isnan", "Round": "round"},
    **{"Equal": "equal", "Less": "less", "Greater": "greater", "Not": "logical_not"},
    **{"LessOrEqual": "less_equal", "GreaterOrEqual": "greater_equal"},
    **{"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor", "Where": "where"},
    **{"BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseNot": "bitwise_not"},
}
_VARIADIC = {"Max": "maximum", "Min": "minimum", "Sum": "add"}


def _named(name: str) -> Callable[..., AnyArray]:
    return lambda call, *inputs: getattr(call.xp, name)(*inputs)


def _joined(name: str) -> Callable[..., AnyArray]:
    return lambda call, *inputs: reduce(getattr(call.xp, name), inputs)


for _name, _function in _BY_NAME.items():
    operator(TABLE, _name, layout="pointwise")(_named(_function))
for _name, _function in _VARIADIC.items():
    operator(TABLE, _name, layout="pointwise")(_joined(_function))


@operator(TABLE, "Identity", "Dropout", "StopGradient", layout="pointwise")
def _identity(call: Call, x, *others):
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        return x, call.xp.ones_like(x, dtype=bool)
    return x


@operator(TABLE, "Mean", layout="pointwise")
def _mean(call: Call, *inputs):
    return reduce(call.xp.add, inputs) / np.float32(len(inputs))


@operator(TABLE, "Div", layout="pointwise")
def _divide(call: Call, x, y):
    if not np.issubdtype(x.dtype, np.integer):
        return x / y
    quotient = call.xp.abs(x) // call.xp.maximum(call.xp.abs(y), 1)  # integers round towards 0
    return (quotient * call.xp.sign(x) * call.xp.sign(y)).astype(x.dtype)


@operator(TABLE, "Mod", layout="pointwise")
def _mod(call: Call, x, y):
    return call.xp.fmod(x, y) if call.get("fmod", 0) else call.xp.mod(x, y)


@operator(TABLE, "Pow", layout="pointwise")
def _power(call: Call, x, y):
    exponent = call.constants[1]
    if exponent is not None and exponent.size == 1 and float(exponent.reshape(())) in (2.0, 3.0):
        return x * x if float(exponent.reshape(())) == 2.0 else x * x * x
    return call.xp.power(x, y.astype(x.dtype)).astype(x.dtype)


@operator(TABLE, "Clip", layout="pointwise")
def _clip(call: Call, x, *bounds):
    least, most = (
        call.get(name, bounds[index] if index < len(bounds) else None)
        for index, name in enumerate(("min", "max"))
    )
    x = x if least is None else call.xp.maximum(x, call.xp.asarray(least, x.dtype))
    return x if most is None else call.xp.minimum(x, call.xp.asarray(most, x.dtype))


_TO = {
    **dict.fromkeys((1, 10, 11, 16, 17, 18, 19, 20), np.float32),
    **dict.fromkeys((6, 7, 12, 13), np.int32),
    9: np.bool_,
}
_RANGES = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767)}


@operator(TABLE, "Cast", "CastLike", layout="pointwise")
def _cast(call: Call, x, like=None):
    if like is not None:
        return x.astype(like.dtype)
    kind = call.get("to", 1)
    if kind in _RANGES:  # 8 and 16 bits are kept as whole float32 numbers
        if not np.issubdtype(x.dtype, np.floating):
            return x.astype(np.float32)
        return straight_through(x, call.xp.clip(call.xp.trunc(x), *_RANGES[kind]))
    if kind not in _TO:
        raise UnsupportedError(f"Cast to the type {kind}")
    return x.astype(_TO[kind])


@operator(TABLE, "IsInf", layout="pointwise")
def _is_infinite(call: Call, x):
    signs = call.get("detect_positive", 1), call.get("detect_negative", 1)
    return call.xp.isinf(x) & ((x > 0) & bool(signs[0]) | (x < 0) & bool(signs[1]))


@operator(TABLE, "Erf", layout="pointwise")
def _erf(call: Call, x):
    return jax.scipy.special.erf(x)


@operator(TABLE, "Relu", layout="pointwise")
def _relu(call: Call, x):
    return call.xp.maximum(x, np.zeros((), x.dtype))


@operator(TABLE, "LeakyRelu", layout="pointwise")
def _leaky_relu(call: Call, x):
    return call.xp.where(x < 0, np.float32(call.get("alpha", 0.01)) * x, x)


@operator(TABLE, "PRelu", layout="pointwise")
def _prelu(call: Call, x, slope):
    if call.node.opset < 9 and slope.ndim == 1:  # a slope for every channel
        sides = 0 if call.rank else x.ndim - 2
        slope = slope.reshape(slope.shape + (1,) * sides)
    return call.xp.where(x < 0, slope * x, x)


@operator(TABLE, "ThresholdedRelu", layout="pointwise")
def _thresholded_relu(call: Call, x):
    return call.xp.where(x > call.get("alpha", 1.0), x, np.float32(0))


@operator(TABLE, "Elu", "Celu", layout="pointwise")
def _elu(call: Call, x):
    alpha = call.get("alpha", 1.0)
    within = alpha if call.node.operator == "Celu" else 1.0
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.minimum(x, 0) / within))


@operator(TABLE, "Selu", layout="pointwise")
def _selu(call: Call, x):
    alpha, gamma = call.get("alpha", 1.6732632), call.get("gamma", 1.050701)
    return gamma * jnp.where(x > 0, x, alpha * jnp.expm1(jnp.minimum(x, 0)))


@operator(TABLE, "Sigmoid", layout="pointwise")
def _sigmoid(call: Call, x):
    return jax.nn.sigmoid(x)


@operator(TABLE, "HardSigmoid", layout="pointwise")
def _hard_sigmoid(call: Call, x):
    return jnp.clip(call.get("alpha", 0.2) * x + call.get("beta", 0.5), 0, 1)


@operator(TABLE, "HardSwish", layout="pointwise")
def _hard_swish(call: Call, x):
    return x * jnp.clip(x / 6 + 0.5, 0, 1)


@operator(TABLE, "Swish", "com.microsoft.QuickGelu", layout="pointwise")
def _swish(call: Call, x):
    default = 1.0 if call.node.operator == "Swish" else 1.702
    return x * jax.nn.sigmoid(call.get("alpha", default) * x)


@operator(TABLE, "Softplus", layout="pointwise")
def _softplus(call: Call, x):
    return jax.nn.softplus(x)


@operator(TABLE, "Softsign", layout="pointwise")
def _softsign(call: Call, x):
    return x / (1 + jnp.abs(x))


@operator(TABLE, "Mish", layout="pointwise")
def _mish(call: Call, x):
    return x * jnp.tanh(jax.nn.softplus(x))


@operator(TABLE, "Shrink", layout="pointwise")
def _shrink(call: Call, x):
    bias, threshold = call.get("bias", 0.0), call.get("lambd", 0.5)
    return jnp.where(x < -threshold, x + bias, jnp.where(x > threshold, x - bias, 0))


@operator(
    TABLE, "Gelu", "com.microsoft.Gelu", "com.microsoft.BiasGelu", "com.microsoft.FastGelu",
    layout="pointwise",
)  # fmt: skip
def _gelu(call: Call, x, bias=None):
    x = x if bias is None else x + bias
    is_rough = call.node.operator.endswith("FastGelu") or call.get("approximate") == "tanh"
    if is_rough:
        return jax.nn.gelu(x, approximate=True)
    return 0.5 * x * (1 + lax.erf(x / math.sqrt(2)))
