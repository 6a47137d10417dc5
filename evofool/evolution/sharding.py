"""Which device makes which children, and how all devices agree on the best of them.

The children of a generation are cut into micro-batches of a fixed size, the micro-batches are
dealt to the devices, and every device holds the whole archive. The devices agree on the winner of
each cell by a maximum, and on ties by the lowest child index: both are exact in any order, so no
result depends on the number of devices. Then only the winners travel.

The functions are called under `shard_map` over a mesh with the axis `AXIS`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

AXIS = "children"  # of the mesh; micro-batches are spread over it
NO_CHILD = np.iinfo(np.int32).max  # as a child index, loses every tie


class Units(NamedTuple):
    """Micro-batches, or those of one device.

    Attributes:
        run: int32 `[units]`, the run of each.
        child: int32 `[units, micro_batch]`, indices of its children; padding repeats the last.
        is_real: bool `[units, micro_batch]`, False for padding.
    """

    run: Any
    child: Any
    is_real: Any


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

    def fetch(self, made: Any, child: Int[Array, "runs wanted"]) -> Any:
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
            found = lax.psum(jnp.where(mask, rows, 0), AXIS)
            return lax.bitcast_convert_type(found, leaf.dtype)

        return jax.tree.map(fetch_leaf, made)


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


def champions_of(
    fitness: Float[Array, "micro cells"],
    child: Int[Array, " micro"],
    is_real: Bool[Array, " micro"],
) -> Champions:
    """Finds the champions of one micro-batch."""
    is_finite = jnp.isfinite(fitness)
    comparable = jnp.where(is_finite & is_real[:, None], fitness, -jnp.inf)
    # 0.0 and -0.0 are equal, and which of them a maximum gives is not defined
    comparable = jnp.where(comparable == 0, 0.0, comparable)
    best = jnp.max(comparable, axis=0)
    first = jnp.min(jnp.where(comparable == best, child[:, None], NO_CHILD), axis=0)
    return Champions(best, first, jnp.sum(~is_finite & is_real[:, None], dtype=jnp.int32))


def merge_champions(champions: Champions, run: Int[Array, " units"], runs: int) -> Champions:
    """Finds the champions of every run among those of the micro-batches of all devices.

    Args:
        champions: of this device's micro-batches, leading axis `units`.
        run: the run of each of them.
        runs: number of runs.

    Returns:
        Champions with leading axis `runs`, the same on all devices.
    """
    best = lax.pmax(jax.ops.segment_max(champions.fitness, run, runs), AXIS)
    child = jnp.where(champions.fitness == best[run], champions.child, NO_CHILD)
    return Champions(
        fitness=best,
        child=lax.pmin(jax.ops.segment_min(child, run, runs), AXIS),
        num_invalid=lax.psum(jax.ops.segment_sum(champions.num_invalid, run, runs), AXIS),
    )
