"""Polishing: elites climb, by the classifier's gradient, towards more confidence in their class.

A phase after evolution, in which a child is an elite that has climbed. Each generation takes some
cells of the archive; each elite makes `steps` gradient steps, for its own class alone; then its
best image is offered to all cells, as every child's. The first round goes once through all cells,
and later ones through the weakest part of them, or all again (`next_cells`). Everything else is as
in evolution (drawing, scores, the archive, devices), and all steps of a micro-batch are inside one
device call: a run is resumed at a generation.

CPPNs first get new hidden nodes that change nothing (`cppn.widen`): without these directions to
climb in, an evolved network is soon at a local optimum. Rounding passes gradients straight through.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Key

import cppn
from evofool.classifiers import Params
from evofool.evolution.encodings import Genomes
from evofool.evolution.generation import (
    NO_PARENT,
    Generation,
    Offspring,
    RunState,
    child_keys,
)
from evofool.evolution.predicted_gain import scale_to_predicted_gain
from evofool.evolution.sharding import Units
from evofool.evolution.tuning import Variables

_WIDEN = 2  # what a child's key is folded with; see `generation`


class Climb(NamedTuple):
    """How elites climb; numbers that may change without recompiling.

    Attributes:
        starts: int32 `[rounds + 1]`, the first generation of every round; last, that after all.
        steps: gradient steps.
        gain: what a step is to raise the log-odds by, if they were linear, at first; it falls to 0
            by a cosine.
        cells: int32 `[polished]`, the cells that are polished, in the first round in this order.
    """

    starts: Int[Array | np.ndarray, " rounds+1"]
    steps: Int[Array | np.ndarray, ""]
    gain: Float[Array | np.ndarray, ""]
    cells: Int[Array | np.ndarray, " polished"]


@dataclass(frozen=True)
class Polishing(Generation):
    """A generation whose children are elites that have climbed.

    Attributes:
        widen: hidden nodes that networks get.
    """

    widen: int

    def offspring(self, params: Params, rates: Climb, state: RunState, unit: Units) -> Offspring:
        """Makes one micro-batch: the elites of the next cells, after their climb.

        A cell without an elite is that of the run's best.
        """
        fitness = state.archive.fitness[unit.run]
        cells = next_cells(rates, state.next_generation, fitness, self.layout.batch)
        cell = cells[unit.child]
        is_there = fitness[cell] > -jnp.inf
        cell = jnp.where(is_there, cell, jnp.argmax(fitness).astype(jnp.int32))
        parents = jax.tree.map(lambda leaf: leaf[unit.run, cell], state.archive.items.genome)
        keys = child_keys(state.seeds[unit.run], state.next_generation, unit.child)
        keys = jax.vmap(lambda key: cppn.fold_in(key, _WIDEN))(keys)
        outputs = jnp.array(self.selection.outputs)[cell]
        genomes, had_room = self.climb(params, rates, parents, keys, outputs)
        mates = ((0, 0), (0, self.encoding.num_parents - 1))  # none, where evolution crosses two
        origins = jnp.pad(cell[:, None], mates, constant_values=NO_PARENT)
        return Offspring(genomes, origins, had_room)

    def climb(
        self,
        params: Params,
        rates: Climb,
        genomes: Genomes,
        keys: Key[Array, " batch"],
        outputs: Int[Array, " batch"],
    ) -> tuple[Genomes, Bool[Array, " batch"]]:
        """Returns the best of each climb, and whether each genome had room to be widened.

        Args:
            params: of the classifier.
            rates: how to climb.
            genomes: where the climbs begin.
            keys: of the nodes that are added, and of wear.
            outputs: the classifier's output whose log-odds each climb is to raise.
        """
        tunable = self.encoding.tune(genomes, keys, self.widen)

        def gain(count: ArrayLike) -> Array:
            done = jnp.asarray(count) / rates.steps
            return jnp.asarray(rates.gain) * 0.5 * (1.0 + jnp.cos(jnp.pi * done))

        optimizer = scale_to_predicted_gain(gain, longest=tunable.longest)

        def log_odds(variables: Variables, done: ArrayLike) -> tuple[Array, Array]:
            turn = jnp.asarray(done)  # other copies in every step
            wear = jax.vmap(lambda key: cppn.fold_in(key, turn))(keys)
            scores = self.look(params, tunable.draw(variables), wear)[1]
            each = jnp.take_along_axis(scores, outputs[:, None], axis=1)[:, 0]
            return jnp.sum(each), each

        def keep_better(best: _Best, variables: Variables, fitness: Array) -> _Best:
            # What is no number is not better than anything. Worn copies differ from step to step:
            # a better score is luck, and what a climb comes to is where it ends.
            least = best.fitness if self.expectation is None else -jnp.inf
            is_better = fitness > least

            def choose(new: Array, old: Array) -> Array:
                return jnp.where(jnp.expand_dims(is_better, range(1, new.ndim)), new, old)

            chosen = jax.tree.map(choose, variables, best.variables)
            return _Best(chosen, jnp.where(is_better, fitness, best.fitness))

        def step(i: Array, carry: tuple[Variables, optax.OptState, _Best]):
            variables, state, best = carry
            (_, fitness), gradients = jax.value_and_grad(log_odds, has_aux=True)(variables, i)
            best = keep_better(best, variables, fitness)
            gradients = jax.tree.map(lambda g: jnp.where(jnp.isfinite(g), g, 0.0), gradients)
            updates, state = jax.vmap(optimizer.update)(gradients, state)
            variables = tunable.limit(optax.apply_updates(variables, updates))
            return variables, state, best

        def climb() -> Variables:
            start = tunable.variables
            best = _Best(start, jnp.full(outputs.shape, -jnp.inf))
            state = jax.vmap(optimizer.init)(start)
            variables, _, best = lax.fori_loop(0, rates.steps, step, (start, state, best))
            return keep_better(best, variables, log_odds(variables, rates.steps)[1]).variables

        # without room the generation is made again, when there is some: it need not be climbed now
        has_room = jnp.all(tunable.had_room)
        variables = lax.cond(has_room, climb, lambda: tunable.variables)
        return tunable.genomes(variables), tunable.had_room


def next_cells(
    climb: Climb,
    generation: Int[Array, ""],
    fitness: Float[Array, " cells"],
    batch: int,
) -> Int[Array, " batch"]:
    """Returns the cells whose elites climb in a generation.

    A round with turns for all cells takes them in order; the last cell fills up the batch. A
    shorter round deals the cells out to its turns, as cards; each takes the weakest of its hand.
    So the choice follows from the archive as it is, and every cell is looked at once in a round.

    Args:
        climb: which cells are polished, and when the rounds begin.
        generation: of polishing.
        fitness: of a run's archive.
        batch: elites of a run that climb in one generation.
    """
    cells, starts = jnp.asarray(climb.cells), jnp.asarray(climb.starts)
    count = len(climb.cells)
    this = jnp.searchsorted(starts, generation, side="right") - 1
    turn, turns = generation - starts[this], starts[this + 1] - starts[this]
    in_order = jnp.minimum(turn * batch + jnp.arange(batch), count - 1)
    is_in_hand = jnp.arange(count) % turns == turn
    weakest = lax.top_k(jnp.where(is_in_hand, -fitness[cells], -jnp.inf), batch)[1]
    return cells[jnp.where(turns * batch >= count, in_order, weakest)]


class _Best(NamedTuple):
    """The best so far of every climb."""

    variables: Variables
    fitness: Float[Array, " batch"]
