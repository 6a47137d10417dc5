"""Corruptions of images: shuffled pixels, exchanged or mirrored tiles, blur, other levels.

Images are 8-bit levels `[batch, height, width, channels]`, grey or colour, and so are the
results. Random choices for an image depend on the seed and on the number of the image alone,
never on the images beside it.

    shuffle_pixels    destroys the content of windows and keeps their arrangement
    exchange_tiles    keeps the content of tiles and destroys their arrangement
    mirror_tiles      keeps both up to reflection, with the seams of exchange_tiles
    blur              destroys small detail
    recolor           keeps shapes and replaces levels, by a table of 256 entries
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import lax
from jaxtyping import Array, Int, Key, UInt8

from evofool.images.levels import Levels
from evofool.support import UserError, jit_lightly

Table = UInt8[np.ndarray, "256"]

_TOGETHER = 64  # images rearranged at a time, which bounds memory


def shuffle_pixels(
    images: Levels, *, window: int, rows_only: bool = False, seed: int = 0, first: int = 0
) -> Levels:
    """Cuts every image into square windows and shuffles the pixels of each.

    Windows begin at the upper left; where their side does not divide the image's, those at the
    right and at the bottom are smaller, and are shuffled too. The channels of a pixel stay
    together. Every window of every image gets another permutation.

    Args:
        images: levels 0..255.
        window: side of a window in pixels; 1 changes nothing.
        rows_only: exchange whole rows of a window, so that its columns keep their content. This
            is what `np.random.permutation` does to a window, in the article "Blondes, monsters
            and addictions of artificial intelligence".
        seed: determines the order of the pixels.
        first: number of the first image, where the images are a part of more.

    Raises:
        UserError: `window` is below 1 or larger than an image.
    """
    height, width = images.shape[1:3]
    _check_side("window", window, height, width)
    units = _cut(height, width, 1, window if rows_only else 1)
    windows = units.tops // window, units.lefts // window
    return _rearrange(images, units, windows, seed, first)


def exchange_tiles(images: Levels, *, tile: int, seed: int = 0, first: int = 0) -> Levels:
    """Cuts every image into square tiles, which change places and keep their content.

    Tiles begin at the upper left; where their side does not divide the image's, those at the right
    and at the bottom are smaller and change places among themselves.

    Args:
        images: levels 0..255.
        tile: side of a tile in pixels; the size of an image changes nothing.
        seed: determines the order of the tiles.
        first: number of the first image, where the images are a part of more.

    Raises:
        UserError: `tile` is below 1 or larger than an image.
    """
    height, width = images.shape[1:3]
    _check_side("tile", tile, height, width)
    units = _cut(height, width, tile, tile)
    shapes = np.minimum(tile, height - units.tops), np.minimum(tile, width - units.lefts)
    return _rearrange(images, units, shapes, seed, first)


def mirror_tiles(images: Levels, *, tile: int) -> Levels:
    """Mirrors every second tile in its place, left to right, as on a chessboard.

    A control for `exchange_tiles`: nearly every edge of a tile becomes a seam, but every tile keeps
    its place.

    Args:
        images: levels 0..255.
        tile: side of a tile in pixels; tiles are cut as for `exchange_tiles`.

    Raises:
        UserError: `tile` is below 1 or larger than an image.
    """
    height, width = images.shape[1:3]
    _check_side("tile", tile, height, width)
    columns = np.arange(width)
    starts = columns // tile * tile
    mirrored = images[:, :, starts + np.minimum(starts + tile, width) - 1 - columns]
    is_odd = (np.arange(height)[:, None] // tile + columns // tile) % 2 == 1
    return np.where(is_odd[None, :, :, None], mirrored, images)


def blur(images: Levels, *, sigma: float) -> Levels:
    """Blurs every image with a Gaussian; edges are extended by reflection.

    Args:
        images: levels 0..255.
        sigma: standard deviation in pixels; 0 changes nothing.

    Raises:
        UserError: `sigma` is negative, or larger than the images.
    """
    longest = max(images.shape[1:3])
    if not 0 <= sigma <= longest:
        raise UserError(
            f"sigma is {sigma}; expected 0..{longest} pixels, the longer side of the images"
        )
    blurred = scipy.ndimage.gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0))
    return np.rint(blurred).astype(np.uint8)


def recolor(images: Levels, table: Table) -> Levels:
    """Replaces every level by its entry in a table, the same for all channels.

    Args:
        images: levels 0..255.
        table: new level for each of the 256 levels; see `evofool.images.recoloring`.
    """
    return table[images]


class _Units(NamedTuple):
    """Rectangles that an image is cut into, row by row from the upper left.

    Attributes:
        of_pixel: number of the rectangle of every pixel, row by row.
        tops: row of the upper left pixel of each rectangle.
        lefts: column of that pixel.
    """

    of_pixel: Int[np.ndarray, " pixels"]
    tops: Int[np.ndarray, " units"]
    lefts: Int[np.ndarray, " units"]


def _cut(height: int, width: int, unit_height: int, unit_width: int) -> _Units:
    tops, lefts = np.arange(0, height, unit_height), np.arange(0, width, unit_width)
    of_row, of_column = np.arange(height) // unit_height, np.arange(width) // unit_width
    of_pixel = of_row[:, None] * len(lefts) + of_column
    return _Units(of_pixel.ravel(), np.repeat(tops, len(lefts)), np.tile(lefts, len(tops)))


def _rearrange(
    images: Levels,
    units: _Units,
    likeness: tuple[Int[np.ndarray, " units"], Int[np.ndarray, " units"]],
    seed: int,
    first: int,
) -> Levels:
    """Exchanges units at random among those that are equal in both arrays of `likeness`.

    Such units have one shape.
    """
    groups = np.unique(np.stack(likeness), axis=1, return_inverse=True)[1].reshape(-1)
    corners = units.tops * images.shape[2] + units.lefts
    numbers = first + np.arange(len(images))
    by_group = np.argsort(groups, kind="stable")
    key = jax.random.key(seed)
    rearranged = jit_lightly(_rearranged)
    return np.asarray(rearranged(key, images, numbers, units.of_pixel, groups, by_group, corners))


def _rearranged(
    key: Key[Array, ""],
    images: UInt8[Array, "batch height width channels"],
    numbers: Int[Array, " batch"],
    unit_of_pixel: Int[Array, " pixels"],
    groups: Int[Array, " units"],
    by_group: Int[Array, " units"],
    corners: Int[Array, " units"],
) -> UInt8[Array, "batch height width channels"]:
    """Rearranges every image; `by_group` lists the units group after group."""
    offsets = jnp.arange(len(unit_of_pixel)) - corners[unit_of_pixel]

    def rearrange(inputs):
        image, number = inputs
        bits = jax.random.bits(jax.random.fold_in(key, number), groups.shape)
        # sorted by group, and at random within a group
        *_, shuffled = lax.sort((groups, bits, jnp.arange(len(groups))), num_keys=2)
        source = jnp.zeros_like(shuffled).at[by_group].set(shuffled)
        pixels = image.reshape(-1, image.shape[-1])
        return pixels[corners[source][unit_of_pixel] + offsets].reshape(image.shape)

    return lax.map(rearrange, (images, numbers), batch_size=_TOGETHER)


def _check_side(name: str, side: int, height: int, width: int) -> None:
    if not 1 <= side <= max(height, width):
        raise UserError(
            f"{name} is {side}; expected 1..{max(height, width)} pixels, as the images are "
            f"{height}x{width}"
        )
