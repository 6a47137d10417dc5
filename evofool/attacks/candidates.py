"""Pixels as genes, and differential evolution of them.

A candidate is a place and a colour for each pixel. The child of member i is

    a + F (b - c),  F = 0.5,  with three other members a, b, c of the population;

there is no crossover. Every random number derives from (key, picture, generation, child).

References:
    Storn, Price, "Differential evolution", 1997
    Su, Vargas, Sakurai, "One pixel attack for fooling deep neural networks", 2019,
    https://arxiv.org/abs/1710.08864
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, UInt8

FACTOR = 0.5  # of the difference of two members
BEGINNING = 2**32 - 1  # the generation, as it were, of the first candidates

Genes = Float[Array, "images population pixels genes"]
"""Row and column in [0, 1), then the channels in levels, of each pixel."""


@partial(jax.jit, static_argnums=(1, 2, 3, 4))
def first_genes(
    key: Key[Array, ""], images: int, population: int, pixels: int, channels: int
) -> Genes:
    """Draws the first candidates: places anywhere, levels normal around the middle."""

    def candidate(key: Key[Array, ""]) -> Float[Array, "pixels genes"]:
        key_place, key_color = jax.random.split(key)
        places = jax.random.uniform(key_place, (pixels, 2))
        colors = 128 + 127 * jax.random.normal(key_color, (pixels, channels))
        return jnp.concatenate([places, jnp.clip(colors, 0, 255)], axis=1)

    return jax.vmap(jax.vmap(candidate))(_keys(key, BEGINNING, images, population))


@jax.jit
def breed(key: Key[Array, ""], generation: Int[Array, ""], genes: Genes) -> Genes:
    """Makes a child for every member. A gene that leaves its range is drawn anew."""
    images, population = genes.shape[:2]
    top = jnp.where(jnp.arange(genes.shape[3]) < 2, 1.0, 255.0)

    def child(key, number, members):
        key_parents, key_anew = jax.random.split(key)
        a, b, c = (members[index] for index in three_others(key_parents, number, population))
        found = a + FACTOR * (b - c)
        anew = top * jax.random.uniform(key_anew, found.shape)
        return jnp.where((found < 0) | (found > top), anew, found)

    of_picture = jax.vmap(child, in_axes=(0, 0, None))
    numbers = jnp.arange(population)
    keys = _keys(key, generation, images, population)
    return jax.vmap(lambda keys, members: of_picture(keys, numbers, members))(keys, genes)


def three_others(key: Key[Array, ""], number: Int[Array, ""], population: int) -> list[Array]:
    """Draws three members, all different, and none the one with the number."""
    draws = jax.random.randint(key, (3,), 0, population - 1 - jnp.arange(3))
    taken, chosen = number[None], []
    for draw in draws:
        for used in jnp.sort(taken):
            draw = draw + (draw >= used)  # skips those that are taken
        taken = jnp.append(taken, draw)
        chosen.append(draw)
    return chosen


def paint(
    image: UInt8[Array, "height width channels"], genes: Float[Array, "population pixels genes"]
) -> Float[Array, "population height width channels"]:
    """Puts the pixels of each candidate into a picture, in whole levels 0..255."""
    size = jnp.array(image.shape[:2])
    places = jnp.minimum((genes[..., :2] * size).astype(jnp.int32), size - 1)
    colors = jnp.rint(jnp.clip(genes[..., 2:], 0, 255))

    def painted(places: Array, colors: Array) -> Array:
        found = image.astype(jnp.float32)
        for place, color in zip(places, colors, strict=True):  # of two at one place, the last stays
            found = found.at[place[0], place[1]].set(color)
        return found

    return jax.vmap(painted)(places, colors)


def _keys(
    key: Key[Array, ""], generation: Int[Array, ""] | int, images: int, population: int
) -> Key[Array, "images population"]:
    """Derives a key for every child of every picture."""
    fold = jax.random.fold_in
    of_pictures = jax.vmap(lambda image: fold(fold(key, image), generation))(jnp.arange(images))
    return jax.vmap(lambda key: jax.vmap(partial(fold, key))(jnp.arange(population)))(of_pictures)
