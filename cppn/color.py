"""From the output values v in [-1, 1] of a network to the channels of a pixel in [0, 1].

| color | channels |
|---|---|
| grey | level abs(v) |
| rgb | red, green and blue abs(v) |
| hsv | hue 360 abs(v) degrees, saturation abs(v), value abs(v) |
| hls | hue 510 abs(v) degrees, lightness abs(v), saturation abs(v), as released |

The hue of "hls" goes round 1.4 times because the released code scales it to 0..255 and OpenCV
reads such a byte as half the angle. Rounding "nearest" brings the final channels to the nearest
of 256 levels. Rounding "truncate" is the released code: every abs(v) is cut down to a level
before its color is worked out; what comes out of "hsv" and "hls" is then rounded to the nearest.

A product and a sum may be compiled into one operation that rounds once, depending on the program
around them, which would change a level here and there. So no inexact product meets a sum here:
factors are powers of two, or a minimum that changes nothing stands between.

References:
    Released code of the paper, phen_color_image.hpp:109-186, phen_grayscale_image.hpp:83-126.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, UInt8

from cppn.activations import floor

Plane = Float[Array, "..."]


def to_channels(
    values: Float[Array, "batch outputs pixels"],
    color: str,
    *,
    rounding: str,
    quantize: bool,
) -> Float[Array, "batch pixels outputs"]:
    """Works out the channels of pixels from the outputs of networks, as said above.

    Args:
        values: in [-1, 1].
        color: which channels they are.
        rounding: how channels become levels.
        quantize: False leaves them between the levels.

    Returns:
        Channels in [0, 1].
    """
    levels = jnp.abs(values)
    if quantize and rounding == "truncate":
        levels = _quantize(levels, jnp.floor)
    channels = COLORS[color](*jnp.moveaxis(levels, 1, 0))
    if quantize and (rounding == "nearest" or color in ("hsv", "hls")):
        channels = tuple(_quantize(channel, jnp.round) for channel in channels)
    return jnp.stack(channels, axis=-1)


def to_levels(values: tuple[Plane, ...], color: str, *, rounding: str) -> tuple[Plane, ...]:
    """Works out the 8-bit levels of pixels, as `to_channels` does, but without derivatives.

    A kernel of a GPU may call this: it knows no `custom_jvp`.

    Args:
        values: of the outputs of a network, in [-1, 1].
        color: which channels they are.
        rounding: how channels become levels.

    Returns:
        Channels, whole numbers from 0 to 255.
    """
    levels = tuple(jnp.abs(plane) for plane in values)
    if rounding == "truncate":
        levels = tuple(from_bytes(floor(plane * 255.0)) for plane in levels)
    convert = partial(_hsv_to_rgb, channel=_hsv_value) if color == "hsv" else COLORS[color]
    return tuple(jnp.round(plane * 255.0) for plane in convert(*levels))


def to_rgb(levels: Float[Array, "*lead 3"], color: str) -> Float[Array, "*lead 3"]:
    """Reads three levels in [0, 1] per pixel as "hsv" or "hls", as above, and gives their RGB.

    The result is on the 1/255 grid, to the nearest.
    """
    channels = COLORS[color](*jnp.moveaxis(levels, -1, 0))
    return jnp.stack([_quantize(channel, jnp.round) for channel in channels], axis=-1)


def to_bytes(images: Float[Array | np.ndarray, "*shape"]) -> UInt8[Array, "*shape"]:
    """The 8-bit levels of images in [0, 1], to the nearest."""
    return jnp.round(jnp.asarray(images) * 255.0).astype(jnp.uint8)


def from_bytes(levels: Num[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Gives levels / 255, rounded as NumPy rounds it.

    XLA turns a division by 255 into a multiplication, which is off by a bit for half of the
    levels; this sum is not.
    """
    levels = jnp.asarray(levels, jnp.float32)
    return levels * np.float32(1 / 256) + levels * np.float32(1 / 255 - 1 / 256)


def _hsv_value(n: int, h: Plane, s: Plane, v: Plane) -> Plane:
    """Channel n of a pixel: v - v s clip(min(k, 4 - k), 0, 1), k = (n + 6h) mod 6."""
    return v - jnp.minimum(v * s * _hsv_ramp(_hsv_sector(n, h)), v)


_hsv_channel = jax.custom_jvp(_hsv_value, nondiff_argnums=(0,))
"""The same, with a derivative that is written out below."""


def _hsv_to_rgb(
    h: Plane, s: Plane, v: Plane, *, channel: Callable[..., Plane] = _hsv_channel
) -> tuple[Plane, ...]:
    """Hue in whole turns; red, green and blue are the channels 5, 3 and 1."""
    return channel(5, h, s, v), channel(3, h, s, v), channel(1, h, s, v)


@_hsv_channel.defjvp
def _hsv_channel_jvp(n, primals, tangents):
    """As the formula says. JAX's derivatives of minima divide, and take twice as long."""
    (h, s, v), (dh, ds, dv) = primals, tangents
    k = _hsv_sector(n, h)
    ramp = _hsv_ramp(k)
    rises, falls = (k > 0) & (k < 1), (k > 3) & (k < 4)
    slope = jnp.where(rises, 6.0, jnp.where(falls, -6.0, 0.0))
    tangent = dv * (1.0 - s * ramp) - ds * (v * ramp) - dh * (v * s * slope)
    return _hsv_channel(n, *primals), tangent


def _hsv_sector(n: int, h: Plane) -> Plane:
    k = n + 4.0 * h + 2.0 * h
    return k - jnp.where(k >= 6.0, 6.0, 0.0)


def _hsv_ramp(k: Plane) -> Plane:
    return jnp.clip(jnp.minimum(k, 4.0 - k), 0.0, 1.0)


def _hls_to_rgb(hue: Plane, lightness: Plane, saturation: Plane) -> tuple[Plane, ...]:
    """Hue 1 is 510 degrees; channel n is lightness - a clip(min(k - 3, 9 - k), -1, 1).

    Here k = (n + hue / 30 degrees) mod 12 and a = saturation min(lightness, 1 - lightness).
    """
    a = saturation * jnp.minimum(lightness, 1.0 - lightness)

    def channel(n: int) -> Plane:
        k = n + 16.0 * hue + hue
        k -= jnp.where(k >= 24.0, 24.0, jnp.where(k >= 12.0, 12.0, 0.0))
        return lightness - jnp.minimum(a * jnp.clip(jnp.minimum(k - 3.0, 9.0 - k), -1.0, 1.0), a)

    return channel(0), channel(8), channel(4)


def _as_they_are(*levels: Plane) -> tuple[Plane, ...]:
    return levels


ROUNDINGS = ("nearest", "truncate")
COLORS: dict[str, Callable[..., tuple[Plane, ...]]] = {
    "grey": _as_they_are,
    "rgb": _as_they_are,
    "hsv": _hsv_to_rgb,
    "hls": _hls_to_rgb,
}


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _quantize(values: Plane, to_whole: Callable[[Array], Array]) -> Plane:
    """Brings values in [0, 1] to levels k / 255; gradients pass straight through."""
    return from_bytes(to_whole(values * 255.0))


@_quantize.defjvp
def _quantize_jvp(to_whole, primals, tangents):
    return _quantize(*primals, to_whole), tangents[0]
