"""Which device makes which children, and how all devices agree on the best of them.

The children of a generation are cut into micro-batches of a fixed size, the micro-batches are
dealt to the devices, and every device holds the whole archive. Each tells all others how good its
children are, in one message; then all of them find the winners, each for itself and alike, so that
no result depends on the number of devices. Then only the winners travel.

The functions are called under `shard_map` over a mesh with the axis `AXIS`: code that is written
for one device runs on each, sees that device's part of the micro-batches and copies of all else,
and speaks to the others by `lax.psum` and `all_gather` alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float, Int

import archive
import cppn
from archive import Archive
from evofool.classifiers import ABSENT

AXIS = "children"  # of the mesh; micro-batches are spread over it
NO_CHILD = np.iinfo(np.int32).max  # as a child index, loses every tie

# Winners that travel between devices together: few enough that memory does not notice, so many
# that the time does not go into starting transfers.
BLOCK_BYTES = 16 * 2**20

Tree = TypeVar("Tree")  # a pytree of arrays
HostOrDevice = Any  # a NumPy array on the host, a traced one on a device
Device = Any  # a `jax.Device`, which is no type to type checkers


class Units(NamedTuple):
    """Micro-batches, or those of one device.

    Attributes:
        run: int32 `[units]`, the run of each.
        child: int32 `[units, micro_batch]`, indices of its children; padding repeats the last.
        is_real: bool `[units, micro_batch]`, False for padding.
    """

    run: HostOrDevice
    child: HostOrDevice
    is_real: HostOrDevice


class Layout(NamedTuple):
    """How the children of all runs are cut into micro-batches, the same number per device.

    A child's place within its micro-batch depends on its index alone, so that a classifier whose
    last bits depend on that place still gives the same for one run and for many.

    Attributes:
        runs: number of independent runs.
        batch: children per generation and run.
        micro_batch: children that are made together.
        per_device: micro-batches of each device.
        units: NumPy arrays, all devices one after the other.
    """

    runs: int
    batch: int
    micro_batch: int
    per_device: int
    units: Units

    @classmethod
    def plan(cls, runs: int, batch: int, micro_batch: int, devices: int) -> "Layout":
        """Deals the children to `devices`; those that would get fewer repeat some."""
        per_run = -(-batch // micro_batch)
        per_device = -(-runs * per_run // devices)
        unit = np.arange(per_device * devices)
        run = np.minimum(unit // per_run, runs - 1, dtype=np.int32)
        child = (unit % per_run)[:, None] * micro_batch + np.arange(micro_batch)
        is_real = (unit < runs * per_run)[:, None] & (child < batch)
        units = Units(run, np.minimum(child, batch - 1, dtype=np.int32), is_real)
        return cls(runs, batch, micro_batch, per_device, units)

    def merge(self, leaf: Array) -> Array:
        """Turns `[units, micro_batch, ...]` into `[runs, batch, ...]`, dropping the padding."""
        per_run = -(-self.batch // self.micro_batch)
        used = leaf[: self.runs * per_run]
        rows = used.reshape(self.runs, per_run * self.micro_batch, *leaf.shape[2:])
        return rows[:, : self.batch]

    def gather(self, made: Tree) -> Tree:
        """Collects what is said of the micro-batches of all devices, on each of them.

        In one message, because starting one takes as long as it does, some 50 us between two cores.

        Args:
            made: pytree of this device's, leaves `[per_device, ...]` of 32 bits or truth values.

        Returns:
            The same with leaves `[units, ...]`.
        """
        leaves, structure = jax.tree.flatten(made)

        def as_words(leaf: Array) -> Int[Array, "per_device words"]:
            is_true = leaf.dtype == bool
            words = leaf.astype(jnp.int32) if is_true else leaf.view(jnp.int32)
            return words.reshape(len(leaf), -1)

        message = [as_words(leaf) for leaf in leaves]
        ends = np.cumsum([words.shape[1] for words in message])
        everything = lax.all_gather(jnp.concatenate(message, axis=1), AXIS, tiled=True)
        parts = jnp.split(everything, ends[:-1], axis=1)

        def as_it_was(words: Array, leaf: Array) -> Array:
            words = words.reshape(-1, *leaf.shape[1:])
            return words != 0 if leaf.dtype == bool else words.view(leaf.dtype)

        gathered = [as_it_was(*pair) for pair in zip(parts, leaves, strict=True)]
        return jax.tree.unflatten(structure, gathered)

    def fetch(self, made: Tree, child: Int[Array, "runs wanted"]) -> Tree:
        """Copies children from the device that made them to all devices, bit for bit.

        Args:
            made: pytree whose leaves have shape `[per_device, micro_batch, ...]`.
            child: wanted children of every run, in `0..batch-1`.

        Returns:
            The same pytree with leaves `[runs, wanted, ...]`.
        """
        per_run = -(-self.batch // self.micro_batch)
        unit = jnp.arange(self.runs)[:, None] * per_run + child // self.micro_batch
        is_mine = unit // self.per_device == lax.axis_index(AXIS)

        def fetch_leaf(leaf: Array) -> Array:
            # the sum of a number and zeros is that number; as integers, also when it is -0.0
            words = lax.bitcast_convert_type(leaf, jnp.dtype(f"uint{8 * leaf.dtype.itemsize}"))
            rows = words[unit % self.per_device, child % self.micro_batch]
            mask = jnp.expand_dims(is_mine, range(2, rows.ndim))
            fetched = lax.psum(jnp.where(mask, rows, 0), AXIS)
            return lax.bitcast_convert_type(fetched, leaf.dtype)

        return jax.tree.map(fetch_leaf, made)


@dataclass(frozen=True, eq=False)
class Devices:
    """The devices that share the children of a run, each with its micro-batches.

    Attributes:
        mesh: the devices, along `AXIS`.
        layout: which of them makes which children.
    """

    mesh: Mesh
    layout: Layout

    @classmethod
    def of(cls, devices: Sequence[Device], *, runs: int, batch: int, micro_batch: int) -> "Devices":
        """Deals the micro-batches to devices."""
        mesh = Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))
        return cls(mesh, Layout.plan(runs, batch, micro_batch, mesh.size))

    @property
    def everywhere(self) -> NamedSharding:
        """How an array lies that every device holds whole."""
        return NamedSharding(self.mesh, P())

    def place(self, tree: Tree) -> Tree:
        """Puts a pytree, as it is on every host, onto all devices."""
        if jax.process_count() == 1:
            return jax.device_put(tree, self.everywhere)

        def place_leaf(leaf: HostOrDevice) -> Array:
            if getattr(leaf, "sharding", None) == self.everywhere:
                return leaf
            host = np.asarray(leaf)
            return jax.make_array_from_callback(host.shape, self.everywhere, host.__getitem__)

        return jax.tree.map(place_leaf, tree)

    def call(self, function: Callable[..., Any], out_specs: P, *replicated: Any) -> Any:
        """Calls `function(units, *replicated)` on every device with its own micro-batches.

        Args:
            function: takes `Units`, then the replicated pytrees; returns a pytree.
            out_specs: `P()` if the result is the same on all devices (nothing checks it), `P(AXIS)`
                if the results are to be put one after the other.
            *replicated: pytrees of which every device gets a copy.
        """
        sharded = jax.shard_map(
            function,
            mesh=self.mesh,
            in_specs=(P(AXIS), *(P() for _ in replicated)),
            out_specs=out_specs,
            check_vma=False,
        )
        return sharded(jax.tree.map(jnp.asarray, self.layout.units), *replicated)


class Champions(NamedTuple):
    """The best child for every cell.

    Attributes:
        fitness: float32 `[..., cells]`; `-inf` where no child has a finite one.
        child: int32 `[..., cells]`, the lowest index of those that have that fitness.
        num_invalid: int32 `[...]`, fitness values that were not finite.
    """

    fitness: Float[Array, "*lead cells"]
    child: Int[Array, "*lead cells"]
    num_invalid: Int[Array, "*lead"]


def competes(fitness: Float[Array, "*lead"]) -> Bool[Array, "*lead"]:
    """Says which fitness values may take a cell: no others than finite ones that are not absent."""
    return jnp.isfinite(fitness) & (fitness > ABSENT)


def champions_of(
    fitness: Float[Array, "micro cells"],
    child: Int[Array, " micro"],
    is_real: Bool[Array, " micro"],
) -> Champions:
    """Finds the champions of one micro-batch."""
    is_finite = jnp.isfinite(fitness)
    comparable = jnp.where(competes(fitness) & is_real[:, None], fitness, -jnp.inf)
    # 0.0 and -0.0 are equal, and which of them a maximum gives is not defined
    comparable = jnp.where(comparable == 0, 0.0, comparable)
    best = jnp.max(comparable, axis=0)
    first = jnp.min(jnp.where(comparable == best, child[:, None], NO_CHILD), axis=0)
    return Champions(best, first, jnp.sum(~is_finite & is_real[:, None], dtype=jnp.int32))


def merge_champions(champions: Champions, layout: Layout) -> Champions:
    """Finds the champions of every run among those of all micro-batches.

    Args:
        champions: of the micro-batches, leading axis `units`.
        layout: of them.

    Returns:
        Champions with leading axis `runs`.
    """
    run, runs = jnp.asarray(layout.units.run), layout.runs
    best = jax.ops.segment_max(champions.fitness, run, runs)
    child = jnp.where(champions.fitness == best[run], champions.child, NO_CHILD)
    return Champions(
        fitness=best,
        child=jax.ops.segment_min(child, run, runs),
        num_invalid=jax.ops.segment_sum(champions.num_invalid, run, runs),
    )


def insert_winners(
    elites: Archive,
    layout: Layout,
    made: Tree,
    winner: Int[Array, "runs cells"],
    fitness: Float[Array, "runs cells"],
    item: Callable[[Int[Array, "runs wanted"], Tree], Any],
) -> Archive:
    """Writes winners into their cells, on every device alike.

    A winner lies on the device that made it, and every device needs it. It travels once, however
    many cells it takes; winners travel in blocks of `BLOCK_BYTES`, because there is neither the
    room to send all children at once nor the time to send one by one. How many there are is known
    on the devices alone, hence a loop over blocks of one size, of which the last is filled up with
    children who won nothing and are offered nowhere.

    Args:
        elites: the archive before the generation.
        layout: of all devices.
        made: of this device's children, leaves `[per_device, micro_batch, ...]`.
        winner: who takes the cell, or `archive.NOBODY`.
        fitness: of the winners.
        item: (child indices, what was made of them) -> items of the archive, `[runs, wanted]`.
    """
    runs, batch, *_ = layout
    cells = winner.shape[1]
    size = min(batch, max(1, BLOCK_BYTES // (runs * _bytes_per_child(made, cells))))

    # The children of every run, winners first: block i of them is what the loop sends in turn i.
    row = jnp.arange(runs)[:, None]
    is_winner = jnp.zeros((runs, batch + 1), bool)
    is_winner = is_winner.at[row, winner].set(True)[:, :batch]  # nobody, -1, is the last
    winners_first = jnp.argsort(~is_winner, axis=1, stable=True).astype(jnp.int32)
    winners_first = jnp.pad(winners_first, ((0, 0), (0, -batch % size)))
    num_winners = jnp.sum(is_winner, axis=1, dtype=jnp.int32)

    def insert_block(i: Array, elites: Archive) -> Archive:
        child = lax.dynamic_slice_in_dim(winners_first, i * size, size, axis=1)
        items = item(child, layout.fetch(made, child))
        is_entry = i * size + jnp.arange(size) < num_winners[:, None]
        takes = (winner[:, None, :] == child[:, :, None]) & is_entry[:, :, None]
        offered = jnp.where(takes, fitness[:, None, :], -jnp.inf)
        return archive.insert(elites, items, offered)[0]

    def insert_all(elites: Archive, most_winners: Array) -> Archive:
        return lax.fori_loop(0, -(-most_winners // size), insert_block, elites)

    def insert_once(elites: Archive, most_winners: Array) -> Archive:
        del most_winners  # a GPU writes a block, of nobody too, sooner than it learns how many
        return insert_block(jnp.int32(0), elites)

    at_once = insert_once if size == batch else insert_all
    return cppn.by_platform(elites, jnp.max(num_winners), cpu=insert_all, default=at_once)


def _bytes_per_child(made: Any, cells: int) -> int:
    """Returns the bytes that one winner takes in a block: its arrays, and what it offers."""
    leaves = jax.tree.leaves(made)
    arrays = sum(math.prod(leaf.shape[2:]) * leaf.dtype.itemsize for leaf in leaves)
    return arrays + cells * np.dtype(np.float32).itemsize
