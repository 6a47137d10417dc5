"""JPEG's loss as a function with gradients: discrete cosines of 8x8 blocks, rounded coarsely.

The tables and their scaling by quality are those of the JPEG standard and of libjpeg; colour is not
subsampled (4:4:4). Files of Pillow with `subsampling=0` differ from it by less than a level in the
mean. Rounding passes gradients straight through.

References:
    ITU-T T.81, 1992, annex K (tables); Hamilton, "JPEG file interchange format", 1992 (colours).
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Image = Float[Array, "height width channels"]

_SIDE = 8
_LUMINANCE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56
14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
_CHROMINANCE = (
    """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99
47 66 99 99 99 99 99 99"""
    + 32 * " 99"
)
_TABLES = np.array([_LUMINANCE.split(), _CHROMINANCE.split()], np.float32).reshape(2, 8, 8)

_TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.168735892, -0.331264108, 0.5],
        [0.5, -0.418687589, -0.081312411],
    ],
    np.float32,
)


def compress(image: Image, quality: Float[Array, ""]) -> Image:
    """Stores an image as JPEG and reads it again.

    Args:
        image: values in [0, 1], one channel (grey) or three (RGB).
        quality: 1 to 100, as libjpeg counts it; lower ones are 1.

    Returns:
        Values, on no grid, and at times a little out of [0, 1].
    """
    height, width, channels = image.shape
    tables = _scaled(quality)[np.array([0, 1, 1][:channels])]
    planes = image * 255.0
    if channels == 3:
        planes = planes @ _TO_YCC.T
    planes = straight_through(jnp.round, planes) - np.array(
        [128.0, 0.0, 0.0][:channels], np.float32
    )
    blocks = _to_blocks(planes)
    cosines = _cosines()
    spectra = jnp.einsum("ui,aibjc,vj->abcuv", cosines, blocks, cosines)
    spectra = straight_through(jnp.round, spectra / tables) * tables
    blocks = jnp.einsum("ui,abcuv,vj->aibjc", cosines, spectra, cosines)
    planes = blocks.reshape(blocks.shape[0] * _SIDE, -1, channels)[:height, :width]
    planes = planes + np.array([128.0, 0.0, 0.0][:channels], np.float32)
    if channels == 3:
        planes = planes @ np.linalg.inv(_TO_YCC).T
    return planes / 255.0


def straight_through(function: Callable[[Array], Array], values: Array) -> Array:
    """Computes `function(values)`, to the bit, with the gradient of the values themselves."""
    return lax.stop_gradient(function(values)) + (values - lax.stop_gradient(values))


def _to_blocks(planes: Image) -> Float[Array, "down 8 across 8 channels"]:
    """Cuts into 8x8 blocks; edges are drawn out to fill the last ones."""
    height, width, channels = planes.shape
    filled = jnp.pad(planes, ((0, -height % _SIDE), (0, -width % _SIDE), (0, 0)), mode="edge")
    return filled.reshape(filled.shape[0] // _SIDE, _SIDE, -1, _SIDE, channels)


def _cosines() -> Float[np.ndarray, "8 8"]:
    """Returns the orthonormal discrete cosine transform (type 2), a frequency a row."""
    index = np.arange(_SIDE)
    waves = np.cos(np.pi * (2 * index + 1) * index[:, None] / (2 * _SIDE)) / 2
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)


def _scaled(quality: Float[Array, ""]) -> Float[Array, "2 8 8"]:
    """Scales both tables as libjpeg does."""
    quality = jnp.maximum(quality, 1.0)
    scale = jnp.where(quality < 50, 5000.0 / quality, 200.0 - 2.0 * quality)
    return jnp.clip(jnp.floor((_TABLES * scale + 50.0) / 100.0), 1.0, 255.0)
