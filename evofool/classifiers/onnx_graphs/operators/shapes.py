"""Shapes, axes and places: what moves numbers and does not change them."""

import math

import jax.numpy as jnp
import numpy as np

from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator
from evofool.classifiers.onnx_graphs.values import Maps, Value, last_axis_order

TABLE: Table = {}


@operator(TABLE, "Shape", layout="raw")
def _shape(call: Call, x: Value):
    return np.array(x.shape, np.int32)[slice(call.get("start", 0), call.get("end"))]


@operator(TABLE, "Size", layout="raw")
def _size(call: Call, x: Value):
    return np.array(math.prod(x.shape), np.int32)


@operator(TABLE, "Constant")
def _constant(call: Call):
    for name, kind in _CONSTANTS.items():
        if (value := call.get(name)) is not None:
            return np.asarray(value, kind)
    raise UnsupportedError("Constant of text or of a sparse tensor")


_CONSTANTS = {
    **{"value": None, "value_float": np.float32, "value_floats": np.float32},
    **{"value_int": np.int32, "value_ints": np.int32},
}


@operator(TABLE, "ConstantOfShape")
def _constant_of_shape(call: Call, shape):
    value = call.get("value", np.zeros(1, np.float32))
    return call.xp.full(tuple(_needed(call, 0).tolist()), value.reshape(()))


@operator(TABLE, "Range")
def _range(call: Call, *bounds):
    start, stop, step = (_needed(call, index).item() for index in range(3))
    count = max(0, math.ceil((stop - start) / step)) if step else 0
    return (call.xp.arange(count) * step + start).astype(bounds[0].dtype)


@operator(TABLE, "EyeLike")
def _eye_like(call: Call, x):
    return call.xp.eye(*x.shape, k=call.get("k", 0), dtype=np.float32)


@operator(TABLE, "Reshape")
def _reshape(call: Call, x, shape=None):
    sizes = call.setting("shape", 1)
    if not call.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(tuple(sizes))


@operator(TABLE, "Flatten")
def _flatten(call: Call, x):
    axis = call.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator(TABLE, "Squeeze")
def _squeeze(call: Call, x, axes=None):
    axes = call.setting("axes", 1)
    return call.xp.squeeze(x, None if axes is None else tuple(axes))


@operator(TABLE, "Unsqueeze")
def _unsqueeze(call: Call, x, axes=None):
    return call.xp.expand_dims(x, tuple(np.reshape(call.setting("axes", 1), -1).tolist()))


@operator(TABLE, "Transpose", layout="raw")
def _transpose(call: Call, x: Value):
    rank = len(x.shape)
    axes = call.get("perm") or list(reversed(range(rank)))
    order = last_axis_order(rank) if isinstance(x, Maps) else tuple(range(rank))
    array = x.array if isinstance(x, Maps) else x
    places = [order.index(axis) for axis in axes]  # of each of the result's axes, in the array
    if places == sorted(places):
        return array
    if isinstance(array, np.ndarray):
        return np.transpose(array, places)
    if rank > 2 and [places[axis] for axis in last_axis_order(rank)] == list(range(rank)):
        return Maps(array)
    return jnp.transpose(array, places)


@operator(TABLE, "Concat", layout="pointwise")
def _concatenate(call: Call, *parts):
    return call.xp.concatenate(parts, call.axis(call.get("axis", 1), parts[0].ndim))


@operator(TABLE, "Split", layout="axes")
def _split(call: Call, x, sizes=None):
    axis, count = call.axis(call.get("axis", 0), x.ndim), len(call.node.outputs)
    sizes = call.setting("split", 1)
    if sizes is None:
        each = -(-x.shape[axis] // call.get("num_outputs", count))
        sizes = [each] * (count - 1) + [x.shape[axis] - each * (count - 1)]
    return tuple(call.xp.split(x, np.cumsum(sizes)[:-1].tolist(), axis))


@operator(TABLE, "Slice", layout="axes")
def _slice(call: Call, x, *others):
    starts, ends = call.setting("starts", 1), call.setting("ends", 2)
    axes = call.setting("axes", 3, list(range(len(starts))))
    steps = call.setting("steps", 4, [1] * len(starts))
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = call.axis(axis, x.ndim)
        # backwards, an end before the first number is none
        is_open = step < 0 and end < -x.shape[place]
        index[place] = slice(start, None if is_open else end, step)
    return x[tuple(index)]


@operator(TABLE, "Pad", layout="axes")
def _pad(call: Call, x, *others):
    zeros = np.asarray(call.setting("pads" if "pads" in call.node.attributes else "paddings", 1))
    axes = call.setting("axes", 3, list(range(x.ndim)))
    value = call.setting("value", 2, 0.0)
    widths = [(0, 0)] * x.ndim
    for axis, before, after in zip(axes, *np.split(zeros, 2), strict=True):
        widths[call.axis(axis, x.ndim)] = (int(before), int(after))
    mode = call.get("mode", "constant")
    cut = tuple(slice(max(0, -b), x.shape[i] - max(0, -a)) for i, (b, a) in enumerate(widths))
    x, widths = x[cut], [(max(0, before), max(0, after)) for before, after in widths]
    if mode == "constant":
        return call.xp.pad(x, widths, constant_values=np.asarray(value, x.dtype).reshape(()))
    if mode not in ("reflect", "edge", "wrap"):
        raise UnsupportedError(f"Pad with mode {mode!r}")
    return call.xp.pad(x, widths, mode=mode)


@operator(TABLE, "Gather")
def _gather(call: Call, x, places):
    axis = call.axis(call.get("axis", 0), x.ndim)
    return call.xp.take(x, _places(call, x, axis, 1, places), axis=axis)


@operator(TABLE, "GatherElements")
def _gather_elements(call: Call, x, places):
    axis = call.axis(call.get("axis", 0), x.ndim)
    return call.xp.take_along_axis(x, _places(call, x, axis, 1, places), axis=axis)


def _places(call: Call, x, axis: int, index: int, places):
    """Returns places along an axis, counted from its start."""
    size, constant = x.shape[axis], call.constants[index]
    if constant is None:
        return jnp.where(places < 0, places + size, places)
    if constant.size and not -size <= constant.min() <= constant.max() < size:
        raise UnsupportedError(f"{call.node.operator} at a place beyond {size}")
    return np.where(constant < 0, constant + size, constant)


@operator(TABLE, "GatherND")
def _gather_nd(call: Call, x, places):
    if call.get("batch_dims", 0):
        raise UnsupportedError("GatherND with batch_dims")
    return call.xp.asarray(x)[tuple(call.xp.moveaxis(places, -1, 0))]


@operator(TABLE, "ScatterElements")
def _scatter_elements(call: Call, x, places, updates):
    axis = call.axis(call.get("axis", 0), x.ndim)
    grid = jnp.indices(places.shape, sparse=True)
    place = _places(call, x, axis, 1, places)
    return _scattered(call, x, (*grid[:axis], place, *grid[axis + 1 :]), updates)


@operator(TABLE, "ScatterND")
def _scatter_nd(call: Call, x, places, updates):
    return _scattered(call, x, tuple(jnp.moveaxis(jnp.asarray(places), -1, 0)), updates)


def _scattered(call: Call, x, places, updates):
    target = jnp.asarray(x).at[places]
    reduction = call.get("reduction", "none")
    if reduction == "none":
        return target.set(updates)
    if reduction not in ("add", "mul", "max", "min"):
        raise UnsupportedError(f"{call.node.operator} with reduction {reduction!r}")
    return getattr(target, reduction)(updates)


@operator(TABLE, "Expand")
def _expand(call: Call, x, shape):
    sizes = tuple(_needed(call, 1).tolist())
    return call.xp.broadcast_to(x, np.broadcast_shapes(x.shape, sizes))


@operator(TABLE, "Tile")
def _tile(call: Call, x, repeats):
    return call.xp.tile(x, tuple(_needed(call, 1).tolist()))


@operator(TABLE, "OneHot")
def _one_hot(call: Call, places, depth, values):
    count, axis = int(_needed(call, 1).reshape(())), call.get("axis", -1)
    places = call.xp.where(places < 0, places + count, places)
    is_there = call.xp.expand_dims(places, axis) == np.arange(count).reshape(
        [-1 if i == axis % (places.ndim + 1) else 1 for i in range(places.ndim + 1)]
    )
    return call.xp.where(is_there, values[1], values[0])


@operator(TABLE, "Trilu")
def _triangle(call: Call, x, diagonal=None):
    k = call.constant(1)
    take = call.xp.triu if call.get("upper", 1) else call.xp.tril
    return take(x, 0 if k is None else int(k.reshape(())))


@operator(TABLE, "CumSum")
def _cumulative_sum(call: Call, x, axis):
    place = int(_needed(call, 1).reshape(()))
    flip = (lambda array: call.xp.flip(array, place)) if call.get("reverse", 0) else lambda a: a
    total = call.xp.cumsum(flip(x), place, dtype=x.dtype)
    return flip(total - flip(x) if call.get("exclusive", 0) else total)


@operator(TABLE, "NonZero")
def _non_zero(call: Call, x):
    return np.stack(np.nonzero(_needed(call, 0))).astype(np.int32)


@operator(TABLE, "DepthToSpace")
def _depth_to_space(call: Call, x):
    batch, channels, height, width = x.shape
    size = call.get("blocksize")
    if call.get("mode", "DCR") == "DCR":
        blocks = x.reshape(batch, size, size, channels // size**2, height, width)
        blocks = blocks.transpose(0, 3, 4, 1, 5, 2)
    else:
        blocks = x.reshape(batch, channels // size**2, size, size, height, width)
        blocks = blocks.transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(batch, channels // size**2, height * size, width * size)


@operator(TABLE, "SpaceToDepth")
def _space_to_depth(call: Call, x):
    batch, channels, height, width = x.shape
    size = call.get("blocksize")
    blocks = x.reshape(batch, channels, height // size, size, width // size, size)
    blocks = blocks.transpose(0, 3, 5, 1, 2, 4)
    return blocks.reshape(batch, channels * size**2, height // size, width // size)


def _needed(call: Call, index: int) -> np.ndarray:
    value = call.constant(index)
    if value is None:
        raise UnsupportedError(f"{call.node.operator} without its input {index}")
    return value
