"""The compiled loop: one generation is one step, many generations are one device call.

A generation makes `batch` children in every run, draws them, classifies them and offers them to
the cells of their run's archive; `selection` says which to which, and who are parents.
Generation 0 is the initial population. Everything random is
derived from (run seed, generation, child index), so results do not depend on how generations are
grouped into calls, nor on the number of runs or devices: work is cut into micro-batches of a
fixed size, each made by the same code whichever device it lands on.

`Loop.advance` runs generations inside one program; `Loop.ask` and `Loop.tell` are the same
generation in two halves, for classifiers that live outside JAX. `engine` compiles them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float, Int, Key, UInt

import archive
import cppn
from archive import Archive
from evofool.classifiers import fitness_of, two_best
from evofool.evolution.encodings import Encoding
from evofool.evolution.selection import Selection, best_of_class
from evofool.evolution.sharding import AXIS, Layout, Units

PRNG = "threefry2x32"  # stored with every checkpoint; keys of another kind draw other numbers

NO_PARENT = -1  # in `Log.parents`

# Winners that travel between devices together: few enough that memory does not notice, so many
# that the time does not go into starting transfers.
BLOCK_BYTES = 16 * 2**20

# what a child's key is folded with, per use
_SELECT, _VARY = 0, 1


class Item(NamedTuple):
    """What the archive holds of a child.

    Attributes:
        genome: as the encoding makes it.
        born: int32 `[..., 2]`, its id: (generation, child index).
        best: int32 `[..., 2]`, the classifier's two strongest outputs on its image.
    """

    genome: Any
    born: Int[Array, "*lead 2"]
    best: Int[Array, "*lead 2"]


class RunState(NamedTuple):
    """All that evolution needs to go on; the same for one run and for many.

    Attributes:
        next_generation: int32; 0 before the initial population was made.
        seeds: uint32 `[runs]`.
        archive: of `Item`s.
    """

    next_generation: Int[Array, ""]
    seeds: UInt[Array, " runs"]
    archive: Archive


class Log(NamedTuple):
    """What happened in a generation (leading axis `generations` when many are logged).

    Attributes:
        fitness: float32 `[runs, cells]`, after the generation.
        winner: int32 `[runs, cells]`, child that took the cell or `archive.NOBODY`.
        parents: int32 `[runs, batch, parents]`, cells the parents came from, or `NO_PARENT` of a
            child made at random: in generation 0, and while a run lacks parents.
        num_invalid: int32 `[runs]`, fitness values that would have competed but were not finite.
    """

    fitness: Float[Array, "*lead runs cells"]
    winner: Int[Array, "*lead runs cells"]
    parents: Int[Array, "*lead runs batch parents"]
    num_invalid: Int[Array, "*lead runs"]


class Offspring(NamedTuple):
    """The children of one generation, leading axes `[runs, batch]`."""

    genomes: Any
    parents: Int[Array, "runs batch parents"]
    had_room: Bool[Array, "runs batch"]


@dataclass(frozen=True)
class Loop:
    """What the compiled functions of an engine are made of; see `engine.make_engine`.

    Attributes:
        encoding: how genomes are made, varied and drawn.
        apply: the classifier's function.
        kind: what its outputs are.
        selection: which cells there are, who competes for them, and who are parents.
        layout: which device makes which children.
        mesh: the devices.
        chunk: most generations in one call of `advance`.
    """

    encoding: Encoding
    apply: Callable[..., Any]
    kind: str
    selection: Selection
    layout: Layout
    mesh: Mesh
    chunk: int

    def init(self, seeds: UInt[Array, " runs"]) -> RunState:
        """Returns the state before the initial population."""
        key = jax.random.key(0, impl=PRNG)
        genome = jax.eval_shape(lambda: jax.tree.map(lambda x: x[0], self.encoding.init(key[None])))
        pair: Any = jax.ShapeDtypeStruct((2,), jnp.int32)
        elites = archive.empty(
            Item(genome, pair, pair), runs=self.layout.runs, cells=self.selection.cells
        )
        return RunState(jnp.int32(0), seeds, elites)

    def advance(
        self, params: Any, rates: Any, state: RunState, stop: Array, target: Array
    ) -> tuple[RunState, Log, Array, Array]:
        """Runs generations, each device its share of the children and the whole archive."""

        def on_one_device(units: Units, params: Any, rates: Any, state: RunState) -> Any:
            def goes_on(carry: Any) -> Array:
                state, _, count, had_room = carry
                best = best_of_class(state.archive.fitness, self.selection.slots)
                below = jnp.any(best < target)
                return (state.next_generation < stop) & (count < self.chunk) & had_room & below

            def step(carry: Any) -> Any:
                state, logs, count, _ = carry
                after, log = self.generation(units, params, rates, state)
                logs = jax.tree.map(lambda all_, one: all_.at[count].set(one), logs, log)
                had_room = after.next_generation > state.next_generation
                return after, logs, count + had_room, had_room

            start = (state, self.empty_logs(), jnp.int32(0), jnp.bool_(True))
            return lax.while_loop(goes_on, step, start)

        return self.on_devices(on_one_device, P(), params, rates, state)

    def generation(
        self, units: Units, params: Any, rates: Any, state: RunState
    ) -> tuple[RunState, Log]:
        """Makes one device's children and offers those of all devices to the archive."""

        def make(unit: Units) -> tuple[Offspring, Array, Any]:
            offspring = self.offspring(rates, state, unit)
            outputs = self.apply(params, self.encoding.render(offspring.genomes))
            scores = self.selection.score(fitness_of(outputs, self.kind), unit)
            return offspring, two_best(outputs), scores

        offspring, best, scores = lax.map(make, units)
        champions = self.selection.champions(scores, units, self.layout, state.archive.fitness)
        complete = lax.pmin(jnp.all(offspring.had_room).astype(jnp.int32), AXIS)
        wins = (champions.fitness > state.archive.fitness) & (complete == 1)
        winner = jnp.where(wins, champions.child, archive.NOBODY)
        elites = self.enter(state, offspring.genomes, best, winner, champions.fitness)
        parents = self.layout.merge(lax.all_gather(offspring.parents, AXIS, tiled=True))
        log = Log(elites.fitness, winner, parents, champions.num_invalid)
        return RunState(state.next_generation + complete, state.seeds, elites), log

    def enter(
        self, state: RunState, genomes: Any, best: Array, winner: Array, fitness: Array
    ) -> Archive:
        """Writes the winners into their cells.

        Each winner travels once, however many cells it takes, in blocks of `BLOCK_BYTES`.

        Args:
            state: before the generation.
            genomes: of this device's children, leaves `[units, micro, ...]`.
            best: int32 `[units, micro, 2]`, their two strongest outputs.
            winner: int32 `[runs, cells]`, who takes the cell or `NOBODY`.
            fitness: float32 `[runs, cells]`, of the winners.
        """
        runs, batch, *_ = self.layout
        leaves = jax.tree.leaves(genomes)
        genome_bytes = sum(math.prod(leaf.shape[2:]) * leaf.dtype.itemsize for leaf in leaves)
        offer_bytes = self.selection.cells * fitness.dtype.itemsize
        block = min(batch, max(1, BLOCK_BYTES // (runs * (genome_bytes + offer_bytes))))
        row = jnp.arange(runs)[:, None]
        is_winner = jnp.zeros((runs, batch + 1), bool)
        is_winner = is_winner.at[row, winner].set(True)[:, :batch]  # nobody, -1, is the last
        winners_first = jnp.argsort(~is_winner, axis=1, stable=True).astype(jnp.int32)
        winners_first = jnp.pad(winners_first, ((0, 0), (0, -batch % block)))
        num_winners = jnp.sum(is_winner, axis=1, dtype=jnp.int32)

        def enter_block(i: Array, elites: Archive) -> Archive:
            child = lax.dynamic_slice_in_dim(winners_first, i * block, block, axis=1)
            genome, two = self.layout.fetch((genomes, best), child)
            born = jnp.stack([jnp.full_like(child, state.next_generation), child], axis=-1)
            is_entry = i * block + jnp.arange(block) < num_winners[:, None]
            takes = (winner[:, None, :] == child[:, :, None]) & is_entry[:, :, None]
            offered = jnp.where(takes, fitness[:, None, :], -jnp.inf)
            return archive.insert(elites, Item(genome, born, two), offered)[0]

        num_blocks = -(-jnp.max(num_winners) // block)
        return lax.fori_loop(0, num_blocks, enter_block, state.archive)

    def ask(self, rates: Any, state: RunState) -> tuple[Offspring, Array]:
        """Makes and draws the children of all runs."""

        def on_one_device(units: Units, rates: Any, state: RunState) -> tuple[Offspring, Array]:
            def make(unit: Units) -> tuple[Offspring, Array]:
                offspring = self.offspring(rates, state, unit)
                return offspring, self.encoding.render(offspring.genomes)

            return lax.map(make, units)

        made = self.on_devices(on_one_device, P(AXIS), rates, state)
        return jax.tree.map(self.layout.merge, made)

    def tell(self, state: RunState, offspring: Offspring, outputs: Array) -> tuple[RunState, Log]:
        """Offers the children to the archive, unless one of them lacked room."""
        complete = jnp.all(offspring.had_room)
        child = jnp.broadcast_to(
            jnp.arange(self.layout.batch, dtype=jnp.int32), offspring.had_room.shape
        )
        born = jnp.stack([jnp.full_like(child, state.next_generation), child], axis=-1)
        items = Item(offspring.genomes, born, two_best(outputs))
        champions = self.selection.champions_of_batch(
            fitness_of(outputs, self.kind), state.archive.fitness
        )
        is_offered = complete & (champions.child[:, None, :] == child[:, :, None])
        offered = jnp.where(is_offered, champions.fitness[:, None, :], -jnp.inf)
        elites, info = archive.insert(state.archive, items, offered)
        log = Log(elites.fitness, info.winner, offspring.parents, champions.num_invalid)
        return RunState(
            state.next_generation + complete.astype(jnp.int32), state.seeds, elites
        ), log

    def offspring(self, rates: Any, state: RunState, unit: Units) -> Offspring:
        """Makes one micro-batch: random in generation 0, and while its run lacks parents."""
        fitness = state.archive.fitness[unit.run]
        keys = child_keys(state.seeds[unit.run], state.next_generation, unit.child)

        def random(keys: Key[Array, " children"]) -> Offspring:
            nobody = jnp.full((len(keys), self.encoding.num_parents), NO_PARENT, jnp.int32)
            return Offspring(self.encoding.init(keys), nobody, jnp.ones(len(keys), bool))

        def varied(keys: Key[Array, " children"]) -> Offspring:
            cells = self.select_parents(keys, unit.child, fitness)
            parents = tuple(
                jax.tree.map(lambda leaf, c=c: leaf[unit.run, c], state.archive.items.genome)
                for c in cells.T
            )
            genomes, had_room = self.encoding.vary(
                variation_keys(keys), parents, rates, state.next_generation
            )
            return Offspring(genomes, cells, had_room)

        return lax.cond(self.selection.has_parents(fitness), varied, random, keys)

    def select_parents(
        self,
        keys: Key[Array, " children"],
        child: Int[Array, " children"],
        fitness: Float[Array, " cells"],
    ) -> Int[Array, "children parents"]:
        """Draws the cells that every child's parents come from."""
        keys = jax.vmap(lambda k: cppn.fold_in(k, _SELECT))(keys)
        words = jax.vmap(lambda k: cppn.random_bits(k, self.encoding.num_parents))(keys)
        return self.selection.parents(words, child, fitness)

    def on_devices(self, function: Callable[..., Any], out_specs: P, *replicated: Any) -> Any:
        """Calls `function(units, *replicated)` on every device with its own micro-batches."""
        sharded = jax.shard_map(
            function,
            mesh=self.mesh,
            in_specs=(P(AXIS), *(P() for _ in replicated)),
            out_specs=out_specs,
            check_vma=False,
        )
        return sharded(jax.tree.map(jnp.asarray, self.layout.units), *replicated)

    def empty_logs(self) -> Log:
        """Returns room for the logs of one call."""
        runs, batch, *_ = self.layout
        cells, parents = self.selection.cells, self.encoding.num_parents
        return Log(
            fitness=jnp.zeros((self.chunk, runs, cells), jnp.float32),
            winner=jnp.zeros((self.chunk, runs, cells), jnp.int32),
            parents=jnp.zeros((self.chunk, runs, batch, parents), jnp.int32),
            num_invalid=jnp.zeros((self.chunk, runs), jnp.int32),
        )


def child_keys(
    seed: UInt[Array, ""], generation: Int[Array, ""], child: Int[Array, " children"]
) -> Key[Array, " children"]:
    """Returns the key of every child: all that is random about it derives from this."""
    key = cppn.fold_in(jax.random.key(seed, impl=PRNG), generation)
    return jax.vmap(partial(cppn.fold_in, key))(child)


def variation_keys(keys: Key[Array, " children"]) -> Key[Array, " children"]:
    """Returns the keys that `Encoding.vary` takes, from those of the children."""
    return jax.vmap(lambda key: cppn.fold_in(key, _VARY))(keys)
