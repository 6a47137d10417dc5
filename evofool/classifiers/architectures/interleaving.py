"""Feature maps put together from every n-th row and column, as gradients of strided layers are."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

Steps = tuple[int, int]  # of rows, of columns


def counts(shape: tuple[int, ...], strides: Steps) -> Steps:
    """Returns how many rows and columns there are at each place within a step, rounded up."""
    rows, columns = (-(-side // step) for side, step in zip(shape[1:3], strides, strict=True))
    return rows, columns


def interleaved(
    shape: tuple[int, ...], strides: Steps, at: Callable[[int, int], Float[Array, "..."]]
) -> Float[Array, "batch height width channels"]:
    """Makes feature maps of their parts.

    Args:
        shape: of the maps.
        strides: how many rows and columns apart the values of a part are.
        at: makes the part of the values from a row and a column on, `[batch, *counts, channels]`.
    """
    rows = [jnp.stack([at(i, j) for j in range(strides[1])], axis=3) for i in range(strides[0])]
    sides = (step * count for step, count in zip(strides, counts(shape, strides), strict=True))
    whole = jnp.stack(rows, axis=2).reshape(shape[0], *sides, shape[3])
    return whole[:, : shape[1], : shape[2]]
