"""Sums, means and the like over axes; the largest places; softmax."""

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers.onnx_graphs.calls import Call, Table, operator
from evofool.classifiers.onnx_graphs.values import Maps, Value, plain

TABLE: Table = {}

_REDUCTIONS = {
    "ReduceMean": lambda np_, x, axes: np_.mean(x, axes, keepdims=True, dtype=x.dtype),
    "ReduceSum": lambda np_, x, axes: np_.sum(x, axes, keepdims=True, dtype=x.dtype),
    "ReduceMax": lambda np_, x, axes: np_.max(x, axes, keepdims=True),
    "ReduceMin": lambda np_, x, axes: np_.min(x, axes, keepdims=True),
    "ReduceProd": lambda np_, x, axes: np_.prod(x, axes, keepdims=True, dtype=x.dtype),
    "ReduceL1": lambda np_, x, axes: np_.sum(np_.abs(x), axes, keepdims=True),
    "ReduceL2": lambda np_, x, axes: np_.sqrt(np_.sum(x * x, axes, keepdims=True)),
    "ReduceSumSquare": lambda np_, x, axes: np_.sum(x * x, axes, keepdims=True),
    "ReduceLogSum": lambda np_, x, axes: np_.log(np_.sum(x, axes, keepdims=True)),
    "ReduceLogSumExp": lambda np_, x, axes: jax.nn.logsumexp(x, axes, keepdims=True),
}


@operator(TABLE, *_REDUCTIONS, layout="raw")
def _reduce(call: Call, x: Value, axes=None):
    rank = len(x.shape)
    axes = call.setting("axes", 1)
    if not axes:
        if call.get("noop_with_empty_axes", 0):
            return x
        axes = list(range(rank))
    axes = [call.axis(axis, rank) for axis in np.reshape(axes, -1).tolist()]
    reduce = _REDUCTIONS[call.node.operator]
    if isinstance(x, Maps):
        places = tuple(0 if axis == 0 else rank - 1 if axis == 1 else axis - 1 for axis in axes)
        reduced = Maps(reduce(jnp, x.array, places))
    else:
        reduced = reduce(call.xp, x, tuple(axes))
    return reduced if call.get("keepdims", 1) else call.xp.squeeze(plain(reduced), tuple(axes))


@operator(TABLE, "ArgMax", "ArgMin")
def _arg_extreme(call: Call, x):
    axis, find = call.axis(call.get("axis", 0), x.ndim), call.node.operator.lower()
    x = call.xp.flip(x, axis) if call.get("select_last_index", 0) else x
    places = getattr(call.xp, find)(x, axis).astype(np.int32)
    places = x.shape[axis] - 1 - places if call.get("select_last_index", 0) else places
    return call.xp.expand_dims(places, axis) if call.get("keepdims", 1) else places


@operator(TABLE, "TopK")
def _top_k(call: Call, x, k=None):
    axis = call.axis(call.get("axis", -1), x.ndim)
    count = int(np.reshape(call.setting("k", 1), ()))
    moved = jnp.moveaxis(jnp.asarray(x), axis, -1)
    values, places = jax.lax.top_k(moved if call.get("largest", 1) else -moved, count)
    values = values if call.get("largest", 1) else -values
    return jnp.moveaxis(values, -1, axis), jnp.moveaxis(places, -1, axis)


@operator(TABLE, "Softmax", "LogSoftmax", layout="axes")
def _softmax(call: Call, x):
    """Before version 13, the axes from the given one on count as one."""
    function = jax.nn.softmax if call.node.operator == "Softmax" else jax.nn.log_softmax
    if call.node.opset >= 13:
        return function(x, axis=call.axis(call.get("axis", -1), x.ndim))
    first = call.get("axis", 1) % x.ndim
    return function(x, axis=tuple(call.axis(axis, x.ndim) for axis in range(first, x.ndim)))


@operator(TABLE, "Hardmax")
def _hard_max(call: Call, x):
    axis = call.get("axis", -1 if call.node.opset >= 13 else 1) % x.ndim
    shape = x.shape if call.node.opset >= 13 else (*x.shape[:axis], -1)
    flat = jnp.asarray(x).reshape(shape)
    place = jnp.argmax(flat, axis)
    return jax.nn.one_hot(place, flat.shape[axis], axis=axis, dtype=x.dtype).reshape(x.shape)
