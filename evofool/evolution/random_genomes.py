"""Images of random CPPNs, which no classifier has had a say in."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from evofool.config import EvolveConfig
from evofool.evolution.encodings import Genomes, Rates, make_encoding, make_rates
from evofool.evolution.generation import child_keys, variation_keys
from evofool.images import to_levels
from evofool.support import UserError, jit

BATCH = 100  # genomes drawn together


def random_images(
    number: int,
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    mutations: int = 0,
) -> UInt8[np.ndarray, "number height width channels"]:
    """Draws random CPPNs, as they are at first or after a random walk.

    Args:
        number: how many.
        shape: (height, width, channels) of an image.
        seed: without mutations, that of a run whose generation 0 begins with the same images.
        mutations: children in a row, each the only child of the one before, that come between the
            random genome and the image; one that would outgrow the room of its arrays is
            skipped.

    Raises:
        UserError: `number` is below 1 or `mutations` below 0.
    """
    if number < 1 or mutations < 0:
        raise UserError(
            f"number is {number} and mutations {mutations}; expected 1 or more, and 0 or more"
        )
    config = EvolveConfig()
    encoding, rates = make_encoding(config, shape), make_rates(config)

    def draw(children: jax.Array, rates: Rates) -> jax.Array:
        def keys(generation: jax.Array) -> jax.Array:
            return child_keys(jnp.uint32(seed), generation, children)

        def vary(step: jax.Array, genomes: Genomes) -> Genomes:
            generation = step.astype(jnp.int32)
            varied, had_room = encoding.vary(
                variation_keys(keys(generation)), (genomes,), rates, generation
            )

            def choose(new: jax.Array, old: jax.Array) -> jax.Array:
                return jnp.where(had_room.reshape(-1, *[1] * (new.ndim - 1)), new, old)

            return jax.tree.map(choose, varied, genomes)

        genomes = encoding.init(keys(jnp.int32(0)))
        return encoding.render(jax.lax.fori_loop(1, mutations + 1, vary, genomes))

    drawn = jit(draw)
    batches = [
        to_levels(np.asarray(drawn(jnp.arange(start, start + BATCH, dtype=jnp.int32), rates)))
        for start in range(0, number, BATCH)
    ]
    return np.concatenate(batches)[:number]
