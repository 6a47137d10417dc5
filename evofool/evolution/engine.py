"""The compiled functions of a run: `generation.Loop` under `jit`, on one device or many."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, UInt

from evofool.classifiers import Classifier
from evofool.evolution.encodings import Encoding
from evofool.evolution.generation import Log, Loop, Offspring, RunState
from evofool.evolution.selection import Selection
from evofool.evolution.sharding import AXIS, Layout
from evofool.support import jit

KEPT_ENGINES = 8  # that stay in memory for the next run of the same kind


class Engine(NamedTuple):
    """Compiled functions over a `RunState`.

    Attributes:
        init: seeds uint32 `[runs]` -> the state before the initial population.
        advance: (params, rates, state, stop, target) -> (state, logs, count, had_room). Runs up
            to `chunk` generations, while `next_generation` < stop and some class is below the
            fitness `target`. `logs` has a leading axis of `chunk`, of which `count` are filled.
            A generation in which a child lacked room is undone, and ends the call with
            had_room False. The state is donated: do not use the old one again.
        ask: (rates, state) -> (offspring, images float32 `[runs, batch, height, width, c]`).
        tell: (state, offspring, outputs `[runs, batch, outputs]`) -> (state, log).
        place: puts a pytree, as it is on every host, onto all devices.
    """

    init: Callable[[UInt[Array, " runs"]], RunState]
    advance: Callable[..., tuple[RunState, Log, Array, Array]]
    ask: Callable[[Any, RunState], tuple[Offspring, Array]]
    tell: Callable[[RunState, Offspring, Array], tuple[RunState, Log]]
    place: Callable[[Any], Any]


def make_engine(
    encoding: Encoding,
    classifier: Classifier,
    *,
    selection: Selection,
    runs: int,
    batch: int,
    micro_batch: int,
    chunk: int,
    devices: list[Any] | None = None,
) -> Engine:
    """Builds the compiled loop for one encoding and classifier.

    In one process, the same arguments give the same engine: other seeds, rates and parameters
    are evolved without tracing or compiling anew.

    Args:
        encoding: how genomes are made, varied and drawn.
        classifier: its function and kind; parameters are given to `advance`.
        selection: which cells there are, who competes for them, and who are parents.
        runs: number of independent runs.
        batch: children per generation and run.
        micro_batch: children that are made, drawn and classified together.
        chunk: most generations in one call of `advance`.
        devices: the `jax.Device`s that share the micro-batches, of all processes; all by default.
            More devices of one process than micro-batches are left idle.
    """
    used = devices or jax.devices()
    if jax.process_count() == 1:  # a process without a device could not take part
        used = used[: runs * -(-batch // micro_batch)]
    return _engine(
        encoding,
        classifier.apply,
        classifier.kind,
        selection,
        runs=runs,
        batch=batch,
        micro_batch=micro_batch,
        chunk=chunk,
        devices=tuple(used),
    )


@lru_cache(maxsize=KEPT_ENGINES)
def _engine(
    encoding: Encoding,
    apply: Callable[..., Any],
    kind: str,
    selection: Selection,
    *,
    runs: int,
    batch: int,
    micro_batch: int,
    chunk: int,
    devices: tuple[Any, ...],
) -> Engine:
    mesh = Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))
    layout = Layout.plan(runs, batch, micro_batch, mesh.size)
    loop = Loop(encoding, apply, kind, selection, layout, mesh, chunk)
    everywhere = NamedSharding(mesh, P())

    def place(tree: Any) -> Any:
        if jax.process_count() == 1:
            return jax.device_put(tree, everywhere)

        def place_leaf(leaf: Any) -> Array:
            host = np.asarray(leaf)
            return jax.make_array_from_callback(host.shape, everywhere, host.__getitem__)

        return jax.tree.map(place_leaf, tree)

    return Engine(
        init=jit(loop.init, out_shardings=everywhere),
        advance=jit(loop.advance, donate_argnums=2),
        ask=jit(loop.ask, out_shardings=everywhere),
        tell=jit(loop.tell),
        place=place,
    )
