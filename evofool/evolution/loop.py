"""The compiled loop: many generations are one program, and one call of the devices."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, UInt

from evofool.classifiers import Params
from evofool.evolution.ask_tell import AskTell, make_ask_tell
from evofool.evolution.encodings import Encoding, Rates
from evofool.evolution.expectation import Expectation
from evofool.evolution.generation import Generation, Log, RunState
from evofool.evolution.plan import Plan
from evofool.evolution.polishing import Polishing
from evofool.evolution.selection import Selection, best_of_class
from evofool.evolution.sharding import Device, Devices, Units
from evofool.support import Compiled, Tree, jit

MAX_CHUNK = 32  # generations in one device call at most
KEPT_LOOPS = 2  # that stay in memory for the next run of the same kind


Carry = tuple[RunState, Log, Array, Array]  # state, logs, generations done, had room


class Loop(NamedTuple):
    """Compiled functions over a `RunState`.

    Attributes:
        init: seeds uint32 `[runs]` -> the state before the initial population.
        advance: (params, rates, state, stop, target) -> (state, logs, count, had_room). Runs up
            to `chunk` generations, while `next_generation` < stop and some class is below the
            fitness `target`. `logs` has a leading axis of `chunk`, of which `count` are filled.
            A generation in which a child lacked room is undone, and ends the call with
            had_room False. The state is donated: do not use the old one again.
        by_halves: the same generation for a classifier outside JAX.
        place: puts a pytree, as it is on every host, onto all devices.
        made_from: all that the functions are made from beside the classifier, as text.
    """

    init: Callable[[UInt[Array, " runs"]], RunState]
    advance: Compiled
    by_halves: AskTell
    place: Callable[[Tree], Tree]
    made_from: str


def compile_loop(
    plan: Plan,
    *,
    encoding: Encoding | None = None,
    micro_batch: int | None = None,
    chunk: int = MAX_CHUNK,
    devices: list[Device] | None = None,
) -> Loop:
    """Builds the program of a run; it is traced and compiled when it is first called.

    In one process, plans that differ only in seed, rates, length and parameters have the same
    program: nothing is traced or compiled anew.

    Args:
        plan: of the run; parameters and rates are given to `advance`.
        encoding: that of the plan, or one that has grown.
        micro_batch: that of the plan unless given.
        chunk: most generations in one call of `advance`.
        devices: that share the micro-batches, of all processes; all by default. More devices of
            one process than micro-batches are left idle.
    """
    config, size = plan.config, micro_batch or plan.micro_batch
    return _loop(
        encoding or plan.encoding,
        plan.classifier.apply,
        plan.classifier.kind,
        plan.selection,
        expectation=plan.expectation,
        runs=config.runs,
        batch=config.batch_size,
        micro_batch=size,
        chunk=chunk,
        used=_used(devices, config.runs * -(-config.batch_size // size)),
    )


def compile_polish(
    plan: Plan,
    *,
    encoding: Encoding,
    micro_batch: int,
    devices: list[Device] | None = None,
) -> Loop:
    """Builds the program of a run's polishing; otherwise as `compile_loop`.

    Its `advance` takes a `Climb` for rates, and makes one generation in a call, which
    takes as long as many of evolution.

    Args:
        plan: of the run; it has a climb.
        encoding: that of the plan, or one that has grown.
        micro_batch: elites that climb together.
        devices: that share the micro-batches; all by default.
    """
    runs, batch = plan.config.runs, plan.polish_batch
    return _loop(
        encoding,
        plan.classifier.apply,
        plan.classifier.kind,
        plan.selection,
        expectation=plan.expectation,
        runs=runs,
        batch=batch,
        micro_batch=micro_batch,
        chunk=1,
        used=_used(devices, runs * -(-batch // micro_batch)),
        widen=plan.config.polish.widen,
    )


def _used(devices: list[Device] | None, units: int) -> tuple[Device, ...]:
    """Returns the devices to work on, of one process no more than there are micro-batches."""
    used = devices or jax.devices()
    # of several processes, one without a device could not take part
    return tuple(used[:units] if jax.process_count() == 1 else used)


@lru_cache(maxsize=KEPT_LOOPS)
def _loop(
    encoding: Encoding,
    apply: Callable[..., Array],
    kind: str,
    selection: Selection,
    *,
    expectation: Expectation | None,
    runs: int,
    batch: int,
    micro_batch: int,
    chunk: int,
    used: tuple[Device, ...],
    widen: int | None = None,
) -> Loop:
    """Builds the program of evolution, or with `widen` that of polishing."""
    devices = Devices.of(used, runs=runs, batch=batch, micro_batch=micro_batch)
    parts = (encoding, apply, kind, selection, devices.layout, expectation)
    generation = Generation(*parts) if widen is None else Polishing(*parts, widen)

    def advance(params: Params, rates: Rates, state: RunState, stop: Array, target: Array) -> Carry:
        def on_one_device(units: Units, params: Params, rates: Rates, state: RunState) -> Carry:
            def goes_on(carry: Carry) -> Array:
                state, _, count, had_room = carry
                below = jnp.any(best_of_class(state.archive.fitness, selection.slots) < target)
                return (state.next_generation < stop) & (count < chunk) & had_room & below

            def step(carry: Carry) -> Carry:
                state, logs, count, _ = carry
                after, log = generation.step(units, params, rates, state)
                logs = jax.tree.map(lambda all_, new: all_.at[count].set(new), logs, log)
                had_room = after.next_generation > state.next_generation
                return after, logs, count + had_room, had_room

            start = (state, _empty_logs(generation, chunk), jnp.int32(0), jnp.bool_(True))
            return lax.while_loop(goes_on, step, start)

        return devices.call(on_one_device, P(), params, rates, state)

    return Loop(
        init=jit(generation.init, out_shardings=devices.everywhere),
        advance=jit(advance, donate_argnums=2),
        by_halves=make_ask_tell(generation, devices),
        place=devices.place,
        made_from=repr([encoding, *parts[2:], micro_batch, chunk, widen, used]),
    )


def _empty_logs(generation: Generation, chunk: int) -> Log:
    """Returns room for the logs of one call."""
    runs, batch, *_ = generation.layout
    cells, parents = generation.selection.cells, generation.encoding.num_parents
    return Log(
        fitness=jnp.zeros((chunk, runs, cells), jnp.float32),
        winner=jnp.zeros((chunk, runs, cells), jnp.int32),
        parents=jnp.zeros((chunk, runs, batch, parents), jnp.int32),
        num_invalid=jnp.zeros((chunk, runs), jnp.int32),
    )
