"""Images as 8-bit levels, and as the values in [0, 1] that classifiers take."""

import numpy as np
from jaxtyping import Array, Float, UInt8
from PIL import Image

Levels = UInt8[np.ndarray, "*batch height width channels"]
Images = Float[np.ndarray, "batch height width channels"]


def to_levels(images: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Turns values in [0, 1], which lie on the 1/255 grid, into 8-bit levels."""
    return np.rint(images * 255).astype(np.uint8)


def from_levels(levels: np.ndarray | Array) -> Float[np.ndarray, "*shape"]:
    """Turns levels 0..255 of any type into values in [0, 1], as float32."""
    return np.asarray(levels, np.float32) / np.float32(255)


def to_image(image: Levels) -> Image.Image:
    """Wraps 8-bit levels as a Pillow image, grey or RGB."""
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
