"""The archive and its three operations: insert a batch, select parents, take elites.

All functions are pure, jit-able and carry the leading axis `runs`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt

Items = Any
"""A pytree of arrays of the caller's own, whose leaves lead with the axes that are said."""

NOBODY = -1  # in `InsertInfo.winner`: no child took the cell


class Archive(NamedTuple):
    """Elites of `runs` independent archives.

    Attributes:
        items: pytree whose leaves have shape `[runs, cells, ...]`.
        fitness: float32 `[runs, cells]`; `-inf` where the cell is empty.
    """

    items: Items
    fitness: Float[Array, "runs cells"]


class InsertInfo(NamedTuple):
    """What an insertion did; worth logging, not needed to go on.

    Attributes:
        winner: int32 `[runs, cells]`; index in the batch of the child that took the cell,
            or `NOBODY`.
        num_invalid: int32 `[runs]`; fitness values that were NaN or infinite and were ignored.
    """

    winner: Int[Array, "runs cells"]
    num_invalid: Int[Array, " runs"]


def empty(example: Items, *, runs: int, cells: int) -> Archive:
    """Makes an archive without elites.

    Args:
        example: one item, as arrays or `jax.ShapeDtypeStruct`s; gives shapes and dtypes.
        runs: number of independent archives.
        cells: number of cells of each.

    Returns:
        An archive whose items are zeros and whose fitness is `-inf`.

    Raises:
        ValueError: `runs` or `cells` is below 1.
    """
    if runs < 1 or cells < 1:
        raise ValueError(f"an archive needs runs >= 1 and cells >= 1, got {runs} and {cells}")
    items = jax.tree.map(lambda leaf: jnp.zeros((runs, cells, *leaf.shape), leaf.dtype), example)
    return Archive(items, jnp.full((runs, cells), -jnp.inf, jnp.float32))


def insert(
    archive: Archive, items: Items, fitness: Float[Array, "runs batch cells"]
) -> tuple[Archive, InsertInfo]:
    """Offers every item to every cell; a strictly better one becomes its elite.

    Ties keep the current elite, then the earliest item of the batch. NaN and infinite fitness
    never enters. Finding the winners is one vectorised pass over `batch x cells`; only the
    cells that change hands are written, so a large archive is not copied.

    Args:
        archive: the archive before the batch.
        items: pytree whose leaves have shape `[runs, batch, ...]`.
        fitness: larger is better.

    Returns:
        The new archive, and which item took which cell.

    Raises:
        ValueError: `fitness` has another number of runs or cells than `archive`.

    References:
        Evolving-AI-Lab/fooling, `map_elite.hpp`, `add_to_archive`: every child is tried
        against every class with a strict `>`.
    """
    runs, cells = archive.fitness.shape
    if fitness.shape[0] != runs or fitness.shape[2] != cells:
        raise ValueError(
            f"fitness should have shape [runs={runs}, batch, cells={cells}], got {fitness.shape}"
        )
    is_valid = jnp.isfinite(fitness)
    valid_fitness = jnp.where(is_valid, fitness, -jnp.inf)
    best = jnp.argmax(valid_fitness, axis=1).astype(jnp.int32)  # the first of equals
    best_fitness = jnp.max(valid_fitness, axis=1)
    improves = best_fitness > archive.fitness
    new_items = _write_rows(archive.items, items, best, improves)
    info = InsertInfo(
        winner=jnp.where(improves, best, NOBODY),
        num_invalid=jnp.sum(~is_valid, axis=(1, 2), dtype=jnp.int32),
    )
    return Archive(new_items, jnp.where(improves, best_fitness, archive.fitness)), info


def select(words: UInt[Array, " draws"], fitness: Float[Array, " cells"]) -> Int[Array, " draws"]:
    """Draws cells of one run uniformly from its filled ones, with replacement.

    Args:
        words: uint32 random words, one per draw.
        fitness: of the run's archive; `-inf` marks empty cells.

    Returns:
        Cell indices. An archive without a single elite gives cell 0.

    References:
        Evolving-AI-Lab/fooling, `map_elite.hpp`, `epoch`: parents are uniform over cells.
    """
    rank = jnp.cumsum(fitness > -jnp.inf)
    count = rank[-1].astype(jnp.uint32)
    # floor(words * count / 2**32) by 16-bit halves: exact, and no modulo bias worth naming
    (high, low), (count_high, count_low) = ((n >> 16, n & 0xFFFF) for n in (words, count))
    middle = high * count_low + (low * count_low >> 16)
    carried = (middle & 0xFFFF) + low * count_high
    chosen = high * count_high + (middle >> 16) + (carried >> 16)
    # the first cell whose rank is chosen + 1 is a filled one
    is_chosen = rank[None, :] == chosen[:, None].astype(rank.dtype) + 1
    return jnp.argmax(is_chosen, axis=1).astype(jnp.int32)


def _write_rows(
    old: Items, new: Items, source: Int[Array, "runs cells"], is_written: Bool[Array, "runs cells"]
) -> Items:
    """Writes row `source` of `new` over each row of `old` that `is_written`, in place."""
    return lax.platform_dependent(
        old, new, source, is_written, cpu=_write_in_turn, default=_write_together
    )


def _write_together(
    old: Items, new: Items, source: Int[Array, "runs cells"], is_written: Bool[Array, "runs cells"]
) -> Items:
    """Passes over all rows at once: a GPU does so in the time of starting a few writes."""
    run = jnp.arange(is_written.shape[0])[:, None]

    def write_leaf(leaf: Array, leaf_new: Array) -> Array:
        mask = jnp.expand_dims(is_written, range(2, leaf.ndim))
        return jnp.where(mask, leaf_new[run, source], leaf)

    return jax.tree.map(write_leaf, old, new)


def _write_in_turn(
    old: Items, new: Items, source: Int[Array, "runs cells"], is_written: Bool[Array, "runs cells"]
) -> Items:
    """Visits the rows that change, and them alone."""
    runs, cells = is_written.shape
    flat_written = is_written.reshape(-1)
    # the written rows first, in order: the loop below visits just those
    rank = jnp.cumsum(flat_written) - 1
    position = jnp.where(flat_written, rank, runs * cells)
    order = (
        jnp.zeros(runs * cells, jnp.int32)
        .at[position]
        .set(jnp.arange(runs * cells, dtype=jnp.int32), mode="drop")
    )

    def write(i: Array, items: Items) -> Items:
        run, cell = jnp.divmod(order[i], cells)
        child = source[run, cell]

        def write_leaf(leaf: Array, leaf_new: Array) -> Array:
            trailing = (0,) * (leaf.ndim - 2)
            row = lax.dynamic_slice(leaf_new, (run, child, *trailing), (1, 1, *leaf_new.shape[2:]))
            return lax.dynamic_update_slice(leaf, row, (run, cell, *trailing))

        return jax.tree.map(write_leaf, items, new)

    return lax.fori_loop(0, jnp.sum(flat_written), write, old)
