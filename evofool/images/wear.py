"""Wear: what happens to images in use, as functions with gradients and an amount.

`corruptions` ask what a classifier looks at; wear asks what an image survives: being moved, cut,
scaled, compressed, blurred, printed. Everything is JAX on values of one image, so that evolution
and polishing can look at worn images inside their compiled programs (`jax.vmap` it over a batch).
What comes out is on the 1/255 grid, as an image in a file would be; rounding passes gradients
straight through. Moving, cutting, scaling and blurring are linear and separable: a matrix for the
rows and one for the columns.

References:
    Athalye et al., "Synthesizing robust adversarial examples", ICML 2018, arXiv:1707.07397,
    section 2 and table of transformations; Kurakin et al., "Adversarial examples in the physical
    world", 2016, arXiv:1607.02533, for printing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt

import cppn
from evofool.images.jpeg import compress, straight_through
from evofool.support import unknown_name

Image = Float[Array, "height width channels"]
Matrix = Float[Array, "size size"]
WORDS = 6  # random words of 32 bits that wear of one image takes


class Chance(NamedTuple):
    """What is random about the wear of one image.

    Attributes:
        amount: in [0, 1), how much of the range of amounts; for a random amount.
        u: three numbers in [0, 1): directions and places.
        seed: two words, of noise.
    """

    amount: Float[Array, ""]
    u: Float[Array, "3"]
    seed: UInt[Array, "2"]


@dataclass(frozen=True)
class Wear:
    """One kind of wear.

    Attributes:
        amounts: in percent, mild to strong: where survival is measured.
        most: the largest amount that evolution draws at random; those above it are held out.
        unit: what the percentage is of.
        apply: (image, amount as a share, chance) -> image; an amount of 0 changes nothing, or for
            jpeg next to nothing.
    """

    amounts: tuple[float, ...]
    most: float
    unit: str
    apply: Callable[[Image, Float[Array, ""], Chance], Image]


def chance_of(words: UInt[Array, "6"]) -> Chance:
    """Turns random words into what is random about the wear of one image."""
    u = cppn.uniform(words[:4])
    return Chance(amount=u[0], u=u[1:], seed=words[4:])


def wear_named(name: str) -> Wear:
    """Returns a kind of wear.

    Raises:
        UserError: there is none of that name.
    """
    if name not in WEAR:
        raise unknown_name("wear", name, WEAR)
    return WEAR[name]


def wear(kind: Wear, image: Image, amount: Float[Array, ""], chance: Chance) -> Image:
    """Wears one image.

    Args:
        kind: of wear.
        image: values in [0, 1].
        amount: a share: percent / 100.
        chance: what is random about it.

    Returns:
        The worn image, on the 1/255 grid, with gradients.
    """
    return on_grid(kind.apply(image, amount, chance))


def on_grid(values: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Brings values to the nearest level in [0, 1]; their gradients pass through."""
    return straight_through(_to_grid, values)


def _to_grid(values: Array) -> Array:
    return cppn.from_bytes(jnp.round(jnp.clip(values, 0.0, 1.0) * 255))


def _shift(image: Image, amount: Array, chance: Chance) -> Image:
    """Moves the image into a random direction; its edge is drawn out behind it."""
    angle = 2 * jnp.pi * chance.u[0]
    down, right = jnp.sin(angle), jnp.cos(angle)
    return _separably(image, lambda size, i: _sampled(size, -amount * size * (down, right)[i], 1.0))


def _crop(image: Image, amount: Array, chance: Chance) -> Image:
    """Cuts a random window out and draws it at the size of the image."""

    def matrix(size: int, axis: int) -> Matrix:
        step = 1.0 - amount
        return _sampled(size, chance.u[axis] * amount * size + step / 2 - 0.5, step)

    return _separably(image, matrix)


def _resize(image: Image, amount: Array, chance: Chance) -> Image:
    """Makes the image smaller (a triangle filter), and as large as before (bilinear)."""
    del chance

    def matrix(size: int, axis: int) -> Matrix:
        del axis
        small = jnp.maximum(jnp.round((1.0 - amount) * size), 1.0)
        step = size / small
        place = (jnp.arange(size) + 0.5) * step - 0.5
        down = jnp.maximum(1.0 - jnp.abs(place[:, None] - jnp.arange(size)) / step, 0.0)
        down = down / jnp.maximum(jnp.sum(down, axis=1, keepdims=True), 1e-6)
        up = jnp.clip((jnp.arange(size) + 0.5) / step - 0.5, 0.0, small - 1.0)
        return jnp.maximum(1.0 - jnp.abs(up[:, None] - jnp.arange(size)), 0.0) @ down

    return _separably(image, matrix)


def _blur(image: Image, amount: Array, chance: Chance) -> Image:
    """Blurs with a Gaussian; edges are extended by reflection, as in `corruptions.blur`."""
    del chance

    def matrix(size: int, axis: int) -> Matrix:
        del axis
        index = jnp.arange(size)
        from_, to = index[:, None], index
        sigma = jnp.maximum(amount * size, 1e-3)
        mirrored = (to, -1 - to, 2 * size - 1 - to)
        weights = sum(jnp.exp(-(((from_ - place) / sigma) ** 2) / 2) for place in mirrored)
        return weights / jnp.sum(weights, axis=1, keepdims=True)

    return _separably(image, matrix)


def _noise(image: Image, amount: Array, chance: Chance) -> Image:
    """Adds normal noise, its own for every value."""
    key = jax.random.wrap_key_data(chance.seed, impl="threefry2x32")
    noise = cppn.normal(cppn.random_bits(key, image.size))
    return image + amount * noise.reshape(image.shape)


def _brighten(image: Image, amount: Array, chance: Chance) -> Image:
    """Makes all values larger or smaller by the same factor, and cuts off what is too bright."""
    return jnp.clip(image * (1.0 + jnp.where(chance.u[0] < 0.5, -amount, amount)), 0.0, 1.0)


def _print(image: Image, amount: Array, chance: Chance) -> Image:
    """Prints and photographs: less contrast, a cast, ink that runs, a frame that is off, grain.

    At an amount of 1: black is 15 % and white 90 % of the range, one end of the channels is 10 %
    darker, the Gaussian's standard deviation is 1 % of the side, 5 % of the side is cut off, and
    the grain is 3 % of the range.
    """
    photo = _blur(_crop(image, 0.05 * amount, chance), 0.01 * amount, chance)
    tint = jnp.linspace(chance.u[2], 1.0 - chance.u[2], image.shape[-1])
    photo = 0.15 * amount + photo * (1.0 - 0.25 * amount) * (1.0 - 0.1 * amount * tint)
    return _noise(photo, 0.03 * amount, chance)


def _compress(image: Image, amount: Array, chance: Chance) -> Image:
    """Stores as JPEG of quality 100 - amount in percent."""
    del chance
    return compress(image, 100.0 - 100.0 * amount)


def _separably(image: Image, matrix: Callable[[int, int], Matrix]) -> Image:
    """Applies `matrix(size, axis)` to the columns and rows of every channel."""
    rows, columns = (matrix(size, axis) for axis, size in enumerate(image.shape[:2]))
    return jnp.einsum("ij,jkc,lk->ilc", rows, image, columns)


def _sampled(size: int, start: Array | float, step: Array | float) -> Matrix:
    """Reads a line at start, start + step, ..., linearly between pixels."""
    place = jnp.clip(start + step * jnp.arange(size), 0.0, size - 1.0)
    return jnp.maximum(1.0 - jnp.abs(place[:, None] - jnp.arange(size)), 0.0)


WEAR = {
    "shift": Wear((2, 5, 10, 15, 20), 10, "of the side, in any direction", _shift),
    "crop": Wear((5, 10, 20, 30, 40), 20, "of the side cut off", _crop),
    "resize": Wear((25, 50, 67, 75, 83), 60, "of the side lost, then enlarged again", _resize),
    "jpeg": Wear((10, 25, 50, 75, 90), 50, "of JPEG's quality given up", _compress),
    "blur": Wear((0.5, 1, 1.5, 2, 3), 1.5, "of the side, the Gaussian's deviation", _blur),
    "noise": Wear((1, 2, 5, 10, 15), 5, "of the range, the noise's deviation", _noise),
    "brightness": Wear((10, 20, 30, 40, 50), 30, "brighter or darker", _brighten),
    "print": Wear((20, 40, 60, 80, 100), 60, "of the wear of a poor print, photographed", _print),
}
