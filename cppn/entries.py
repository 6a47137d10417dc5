"""Entries of a genome's arrays: put in, taken out, moved."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Int32, Shaped

from cppn.sums import running_sum


def is_first(count: Int32[Array, ""], size: int) -> Bool[Array, " size"]:
    """Marks the first `count` of `size` entries."""
    return jnp.arange(size) < count


def insert(
    values: Shaped[Array, " n"], place: Int32[Array, ""], value: Shaped[Array, ""]
) -> Shaped[Array, " n"]:
    """Moves what stands at `place` and behind by one; the last entry falls off."""
    index = jnp.arange(values.shape[0])
    shifted = jnp.where(index == place, value, jnp.roll(values, 1))
    return jnp.where(index < place, values, shifted)


def remove(values: Shaped[Array, " n"], place: Int[Array, ""] | int) -> Shaped[Array, " n"]:
    """Closes the gap that the entry at `place` leaves; a zero comes in at the end."""
    index = jnp.arange(values.shape[0])
    shifted = jnp.where(index == values.shape[0] - 1, 0, jnp.roll(values, -1))
    return jnp.where(index < place, values, shifted)


def move(values: Shaped[Array, " n"], places: Int32[Array, " n"]) -> Shaped[Array, " n"]:
    """Puts each entry at its place, or nowhere if that is beyond the end; the rest is zero."""
    return jnp.zeros_like(values).at[places].set(values, unique_indices=True, mode="drop")


def partition(is_front: Bool[Array, " n"]) -> Int32[Array, " n"]:
    """The places that bring the marked entries to the front, both groups in their old order."""
    rank = running_sum(is_front)
    index = jnp.arange(is_front.shape[0], dtype=jnp.int32)
    return jnp.where(is_front, rank - 1, rank[-1] + index - rank)
