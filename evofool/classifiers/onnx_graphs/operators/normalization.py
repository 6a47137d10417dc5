"""Normalisation: by statistics of training, of a layer, of groups, of neighbours."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator

TABLE: Table = {}


@operator(TABLE, "BatchNormalization", layout="maps")
def _by_training(call: Call, x, scale, bias, mean, variance):
    if call.get("training_mode", 0):
        raise UnsupportedError("BatchNormalization in training mode")
    factor = scale / call.xp.sqrt(variance + np.float32(call.get("epsilon", 1e-5)))
    return x * factor + (bias - mean * factor)


def _normalised(x, axes: tuple[int, ...], epsilon: float):
    centred = x - jnp.mean(x, axes, keepdims=True)
    return centred * lax.rsqrt(jnp.mean(centred * centred, axes, keepdims=True) + epsilon)


@operator(TABLE, "LayerNormalization")
def _of_layer(call: Call, x, scale, bias=None):
    axes = tuple(range(call.axis(call.get("axis", -1), x.ndim), x.ndim))
    epsilon = call.get("epsilon", 1e-5)
    result = scale * _normalised(x, axes, epsilon)
    result = result if bias is None else result + bias
    if len(call.node.outputs) == 1:
        return result
    spread = lax.rsqrt(jnp.var(x, axes, keepdims=True) + epsilon)
    return result, jnp.mean(x, axes, keepdims=True), spread


@operator(TABLE, "RMSNormalization", "SimplifiedLayerNormalization")
def _by_root_mean_square(call: Call, x, scale):
    axes = tuple(range(call.axis(call.get("axis", -1), x.ndim), x.ndim))
    squares = jnp.mean(x * x, axes, keepdims=True)
    return scale * x * lax.rsqrt(squares + call.get("epsilon", 1e-5))


@operator(TABLE, "com.microsoft.SkipLayerNormalization")
def _of_layer_with_skip(call: Call, x, skip, scale, shift=None, bias=None):
    total = x + skip if bias is None else x + skip + bias
    result = scale * _normalised(total, (total.ndim - 1,), call.get("epsilon", 1e-12))
    result = result if shift is None else result + shift
    outputs = call.node.outputs
    return (result, None, None, total)[: len(outputs)] if len(outputs) > 1 else result


@operator(TABLE, "InstanceNormalization", layout="maps")
def _of_instance(call: Call, x, scale, bias):
    axes = tuple(range(1, x.ndim - 1))
    return scale * _normalised(x, axes, call.get("epsilon", 1e-5)) + bias


@operator(TABLE, "GroupNormalization", layout="maps")
def _of_groups(call: Call, x, scale, bias):
    groups = call.get("num_groups")
    grouped = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    axes = (*range(1, x.ndim - 1), x.ndim)
    result = _normalised(grouped, axes, call.get("epsilon", 1e-5))
    if call.node.opset < 21:  # a scale for every group
        scale, bias = scale[:, None], bias[:, None]
        return (scale * result + bias).reshape(x.shape)
    return scale * result.reshape(x.shape) + bias


@operator(TABLE, "MeanVarianceNormalization", layout="axes")
def _of_mean_and_variance(call: Call, x):
    axes = tuple(call.axis(axis, x.ndim) for axis in call.get("axes", [0, 2, 3]))
    return _normalised(x, axes, 1e-9)


@operator(TABLE, "LpNormalization", layout="axes")
def _to_length_one(call: Call, x):
    axis, order = call.axis(call.get("axis", -1), x.ndim), call.get("p", 2)
    size = jnp.abs(x) if order == 1 else x * x
    total = jnp.sum(size, axis, keepdims=True)
    return x / jnp.maximum(total if order == 1 else jnp.sqrt(total), 1e-12)


@operator(TABLE, "LRN", layout="maps")
def _by_neighbours(call: Call, x):
    size = call.get("size")
    before, window = (size - 1) // 2, (1,) * (x.ndim - 1) + (size,)
    zeros = [(0, 0)] * (x.ndim - 1) + [(before, size - 1 - before)]
    squares = lax.reduce_window(x * x, 0.0, lax.add, window, (1,) * x.ndim, zeros)
    alpha, beta, bias = (call.get(k, v) for k, v in _LRN.items())
    return x / (bias + alpha / size * squares) ** beta


_LRN = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
