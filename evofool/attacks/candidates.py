"""Pixels as genes, and differential evolution of them.

A candidate is a place and a colour for each pixel. The child of member i is

    a + F (b - c),  F = 0.5,  with three other members a, b, c of the population;

there is no crossover. Every random number derives from (seed, image, generation).

References:
    Storn, Price, "Differential evolution", 1997
    Su, Vargas, Sakurai, "One pixel attack for fooling deep neural networks", 2019,
    https://arxiv.org/abs/1710.08864
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

FACTOR = np.float32(0.5)  # of the difference of two members

Genes = Float[np.ndarray, "images population pixels genes"]
"""Row and column in [0, 1], then the channels in levels, of each pixel."""


def first_genes(seed: int, images: int, population: int, pixels: int, channels: int) -> Genes:
    """Draws the first candidates: places anywhere, levels normal around the middle."""
    drawn = []
    for rng in _generators(seed, 0, images):
        places = rng.random((population, pixels, 2), np.float32)
        colors = 128 + 127 * rng.standard_normal((population, pixels, channels), np.float32)
        drawn.append(np.concatenate([places, np.clip(colors, 0, 255)], axis=2))
    return np.stack(drawn)


def breed(seed: int, generation: int, genes: Genes) -> Genes:
    """Makes a child for every member. A gene that leaves its range is drawn anew.

    Args:
        seed: of everything.
        generation: of the children, from 1.
        genes: of the members.
    """
    top = np.where(np.arange(genes.shape[3]) < 2, 1, 255).astype(np.float32)
    generators = _generators(seed, generation, len(genes))

    def children(rng: np.random.Generator, members: np.ndarray) -> np.ndarray:
        a, b, c = (members[parents] for parents in three_others(rng, len(members)))
        found = a + FACTOR * (b - c)
        anew = top * rng.random(found.shape, np.float32)
        return np.where((found < 0) | (found > top), anew, found)

    return np.stack([children(*given) for given in zip(generators, genes, strict=True)])


def three_others(rng: np.random.Generator, population: int) -> list[Int[np.ndarray, " population"]]:
    """Draws three other members for each: all different, and none the member itself."""
    draws = rng.integers(0, population - 1 - np.arange(3), (population, 3))
    taken = [np.arange(population)]
    for draw in draws.T:
        for used in np.sort(taken, axis=0):
            draw = draw + (draw >= used)  # skips those that are taken
        taken.append(draw)
    return taken[1:]


def paint(
    image: UInt8[Array, "height width channels"], genes: Float[Array, "population pixels genes"]
) -> Float[Array, "population height width channels"]:
    """Puts the pixels of each candidate into an image, in whole levels 0..255."""
    size = jnp.array(image.shape[:2])
    places = jnp.minimum((genes[..., :2] * size).astype(jnp.int32), size - 1)
    colors = jnp.rint(jnp.clip(genes[..., 2:], 0, 255))

    def painted(places: Array, colors: Array) -> Array:
        found = image.astype(jnp.float32)
        for place, color in zip(places, colors, strict=True):  # of two at one place, the last stays
            found = found.at[place[0], place[1]].set(color)
        return found

    return jax.vmap(painted)(places, colors)


def _generators(seed: int, generation: int, images: int) -> Iterator[np.random.Generator]:
    """Gives each image numbers of its own, by its place among the images."""
    return (np.random.default_rng([seed, image, generation]) for image in range(images))
