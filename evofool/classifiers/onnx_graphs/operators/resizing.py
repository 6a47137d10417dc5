"""Resizing, one axis after the other, each a product with a matrix of weights."""

import numpy as np
from jax import numpy as jnp

from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator

TABLE: Table = {}


@operator(TABLE, "Resize", "Upsample", layout="axes")
def _resize(call: Call, x, *others):
    rank = x.ndim
    places = [call.axis(axis, rank) for axis in call.get("axes") or range(rank)]
    sides = [x.shape[place] for place in places]
    scales, sizes = _wanted(call, sides)
    if call.get("mode", "nearest") not in ("nearest", "linear", "bilinear", "cubic"):
        raise UnsupportedError(f"Resize with mode {call.get('mode')!r}")
    for place, scale, size in zip(places, scales, sizes, strict=True):
        if size == x.shape[place] and scale == 1.0:
            continue
        weights = _weights(call, x.shape[place], size, scale)
        x = jnp.moveaxis(jnp.tensordot(x, weights, ((place,), (1,))), -1, place)
    return x


def _wanted(call: Call, sides: list[int]) -> tuple[list[float], list[int]]:
    """Returns the scale and the size of every axis."""
    is_new = call.node.operator == "Resize" and call.node.opset >= 11
    scales = call.setting("scales", 2 if is_new else 1)
    if scales:
        return scales, [int(np.floor(side * s)) for side, s in zip(sides, scales, strict=True)]
    sizes = call.constant(3)
    if sizes is None:
        raise UnsupportedError(f"{call.node.operator} without scales and sizes")
    wanted = sizes.tolist()
    if policy := call.get("keep_aspect_ratio_policy", "stretch").removeprefix("stretch"):
        ratios = [size / side for size, side in zip(wanted, sides, strict=True)]
        scale = min(ratios) if policy == "not_larger" else max(ratios)
        return [scale] * len(sides), [int(np.floor(side * scale + 0.5)) for side in sides]
    return [size / side for size, side in zip(wanted, sides, strict=True)], wanted


def _weights(call: Call, side: int, size: int, scale: float) -> np.ndarray:
    """Returns the weight of every old place, `[size, side]`, in every new one."""
    places = _old_places(call, side, size, scale)
    kind = call.get("mode", "nearest")
    if kind == "nearest":
        chosen = np.clip(_nearest(call, places), 0, side - 1).astype(int)
        return np.eye(side, dtype=np.float32)[chosen]
    reach = 1.0 if kind.endswith("linear") else 2.0
    # to make smaller without artefacts, a new place sees all old ones that it covers
    stretch = max(1.0, 1 / scale) if call.get("antialias", 0) else 1.0
    weights = np.zeros((size, side))
    for row, place in enumerate(places):
        first = int(np.floor(place - reach * stretch)) + 1
        near = np.arange(first, int(np.ceil(place + reach * stretch)))
        if kind.endswith("linear") and not len(near):
            near = np.array([int(place)])
        factors = _factor(call, (near - place) / stretch, kind)
        if call.get("exclude_outside", 0):
            factors = factors * ((near >= 0) & (near < side))
        factors = factors / factors.sum()
        np.add.at(weights[row], np.clip(near, 0, side - 1), factors)
    return weights.astype(np.float32)


def _factor(call: Call, distances: np.ndarray, kind: str) -> np.ndarray:
    d = np.abs(distances)
    if kind.endswith("linear"):
        return np.maximum(0.0, 1 - d)
    a = call.get("cubic_coeff_a", -0.75)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _old_places(call: Call, side: int, size: int, scale: float) -> np.ndarray:
    new = np.arange(size, dtype=np.float64)
    is_new = call.node.operator == "Resize" and call.node.opset >= 11
    default = "half_pixel" if is_new else "asymmetric"
    length = side * scale
    rule = call.get("coordinate_transformation_mode", default)
    if rule == "half_pixel":
        return (new + 0.5) / scale - 0.5
    if rule == "half_pixel_symmetric":
        return side / 2 * (1 - size / length) + (new + 0.5) / scale - 0.5
    if rule == "pytorch_half_pixel":
        return (new + 0.5) / scale - 0.5 if length > 1 else np.zeros(size)
    if rule == "align_corners":
        return new * (side - 1) / (length - 1) if length > 1 else np.zeros(size)
    if rule == "asymmetric":
        return new / scale
    raise UnsupportedError(f"Resize with coordinates {rule!r}")


def _nearest(call: Call, places: np.ndarray) -> np.ndarray:
    rule = call.get("nearest_mode", "round_prefer_floor" if call.node.opset >= 11 else "floor")
    rules = {
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    return rules[rule](places)
