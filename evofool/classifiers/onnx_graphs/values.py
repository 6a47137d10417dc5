"""Values of a graph: arrays, and arrays that are kept channels last.

A graph has its feature maps as `[batch, channels, ...]`. Here they are `Maps`: the same numbers as
`[batch, ..., channels]`, transposed only for operations that cannot do without.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Plain = np.ndarray | jax.Array
"""NumPy arrays are constants; JAX arrays depend on weights or on the image."""


class Maps(NamedTuple):
    """An array `[batch, ..., channels]` that stands for `[batch, channels, ...]`."""

    array: jax.Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the graph sees."""
        batch, *sides, channels = self.array.shape
        return (batch, channels, *sides)


Value = Plain | Maps


def plain(value: Value) -> Plain:
    """Returns a value as the graph sees it."""
    return jnp.moveaxis(value.array, -1, 1) if isinstance(value, Maps) else value


def channels_last(value: Value) -> Plain:
    """Returns a value with its channels last."""
    if isinstance(value, Maps):
        return value.array
    if value.ndim <= 2:
        return value
    order = last_axis_order(value.ndim)
    return np.transpose(value, order) if isinstance(value, np.ndarray) else value.transpose(order)


def beside_maps(value: Value, rank: int) -> Plain:
    """Returns what is combined with maps of `rank` axes, element by element."""
    if isinstance(value, Maps):
        return value.array
    if value.ndim == 0:
        return value
    return channels_last(value.reshape((1,) * (rank - value.ndim) + value.shape))


def last_axis_order(rank: int) -> tuple[int, ...]:
    """Returns the graph's axis at each place of maps: (0, 2, 3, 1) for a rank of 4."""
    return (0, *range(2, rank), 1)
