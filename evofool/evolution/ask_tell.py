"""A generation in two halves, for classifiers that live outside JAX.

`ask` makes and draws the children, the classifier sees them on the host, `tell` offers them to the
archive: with the same outputs, the same archive as `generation.Generation.step` leaves.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float

import archive
from evofool.classifiers import fitness_of, two_best
from evofool.evolution.encodings import Rates
from evofool.evolution.generation import Generation, Item, Log, Offspring, RunState
from evofool.evolution.sharding import AXIS, Devices, Units
from evofool.support import jit

Images = Float[Array, "runs batch height width channels"]
Outputs = Float[Array, "runs batch outputs"]


class AskTell(NamedTuple):
    """The two halves, compiled.

    Attributes:
        ask: (rates, state) -> (offspring, images in [0, 1]).
        tell: (state, offspring, outputs of their images) -> (state, log). Of worn copies the
            log-odds that these have together stand for outputs.
    """

    ask: Callable[[Rates, RunState], tuple[Offspring, Images]]
    tell: Callable[[RunState, Offspring, Outputs], tuple[RunState, Log]]


def make_ask_tell(generation: Generation, devices: Devices) -> AskTell:
    """Compiles the two halves of a generation when they are first called."""

    def ask(rates: Rates, state: RunState) -> tuple[Offspring, Images]:
        def on_one_device(units: Units, rates: Rates, state: RunState) -> tuple[Offspring, Array]:
            def make(unit: Units) -> tuple[Offspring, Array]:
                offspring = generation.offspring((), rates, state, unit)
                return offspring, generation.encoding.render(offspring.genomes)

            return jax.lax.map(make, units)

        made = devices.call(on_one_device, P(AXIS), rates, state)
        return jax.tree.map(devices.layout.merge, made)

    def tell(state: RunState, offspring: Offspring, outputs: Outputs) -> tuple[RunState, Log]:
        complete = jnp.all(offspring.had_room)
        child = jnp.broadcast_to(
            jnp.arange(devices.layout.batch, dtype=jnp.int32), offspring.had_room.shape
        )
        born = jnp.stack([jnp.full_like(child, state.next_generation), child], axis=-1)
        items = Item(offspring.genomes, born, two_best(outputs))
        # of worn copies, together, there are log-odds
        kind = generation.kind if generation.expectation is None else "log_odds"
        champions = generation.selection.champions_of_batch(
            fitness_of(outputs, kind), state.archive.fitness
        )
        is_offered = complete & (champions.child[:, None, :] == child[:, :, None])
        offered = jnp.where(is_offered, champions.fitness[:, None, :], -jnp.inf)
        elites, info = archive.insert(state.archive, items, offered)
        log = Log(elites.fitness, info.winner, offspring.parents, champions.num_invalid)
        next_generation = state.next_generation + complete.astype(jnp.int32)
        return RunState(next_generation, state.seeds, elites), log

    return AskTell(ask=jit(ask, out_shardings=devices.everywhere), tell=jit(tell))
