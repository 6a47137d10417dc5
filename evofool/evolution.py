"""The compiled loop: one generation is one step, many generations are one device call.

A generation makes `batch` children in every run, draws them, classifies them and offers each to
every cell of its run's archive. Generation 0 is the initial population. Everything random is
derived from (run seed, generation, child index), so results do not depend on how generations are
grouped into calls, nor on the number of runs or devices: work is cut into micro-batches of a
fixed size, each made by the same code whichever device it lands on.

`Engine.advance` runs generations inside one program; `Engine.ask` and `Engine.tell` are the same
generation in two halves, for classifiers that live outside JAX.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float, Int, Key, UInt

import archive
import cppn
from archive import Archive
from evofool.classifiers import Classifier
from evofool.compiling import jit
from evofool.encodings import Encoding
from evofool.scores import fitness_of, two_best

PRNG = "threefry2x32"  # stored with every checkpoint; keys of another kind draw other numbers

# what a child's key is folded with, per use
_SELECT, _VARY = 0, 1


class Item(NamedTuple):
    """What the archive holds of a child.

    Attributes:
        genome: as the encoding makes it.
        born: int32 `[..., 2]`, its id: (generation, child index).
        best: int32 `[..., 2]`, the classifier's two strongest outputs on its picture.
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
        parents: int32 `[runs, batch, parents]`, cells the parents came from; -1 at generation 0.
        num_invalid: int32 `[runs]`, fitness values that were not finite.
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


class Engine(NamedTuple):
    """Compiled functions over a `RunState`.

    Attributes:
        init: seeds uint32 `[runs]` -> the state before the initial population.
        advance: (params, rates, state, stop, target) -> (state, logs, count, had_room). Runs up
            to `chunk` generations, while `next_generation` < stop and some cell is below the
            fitness `target`. `logs` has a leading axis of `chunk`, of which `count` are filled.
            A generation in which a child lacked room is undone, and ends the call with
            had_room False. The state is donated: do not use the old one again.
        ask: (rates, state) -> (offspring, images float32 `[runs, batch, height, width, c]`).
        tell: (state, offspring, outputs `[runs, batch, outputs]`) -> (state, log).
        place: puts a host copy of a state onto the devices.
    """

    init: Callable[[UInt[Array, " runs"]], RunState]
    advance: Callable[..., tuple[RunState, Log, Array, Array]]
    ask: Callable[[Any, RunState], tuple[Offspring, Array]]
    tell: Callable[[RunState, Offspring, Array], tuple[RunState, Log]]
    place: Callable[[RunState], RunState]


def make_engine(
    encoding: Encoding,
    classifier: Classifier,
    *,
    cells: tuple[int, ...],
    runs: int,
    batch: int,
    micro_batch: int,
    chunk: int,
    devices: list[Any] | None = None,
) -> Engine:
    """Builds the compiled loop for one encoding and classifier.

    Args:
        encoding: how genomes are made, varied and drawn.
        classifier: its function; parameters are given to `advance`.
        cells: outputs of the classifier that have a cell, in the order of the cells.
        runs: number of independent runs.
        batch: children per generation and run.
        micro_batch: children that are made, drawn and classified together.
        chunk: most generations in one call of `advance`.
        devices: the `jax.Device`s that share the micro-batches; all by default. More devices than
            micro-batches are left idle.
    """
    units = runs * -(-batch // micro_batch)
    used = (devices or jax.devices())[:units]
    mesh = Mesh(np.array(used), ("children",), axis_types=(AxisType.Auto,))
    everywhere = NamedSharding(mesh, P())
    layout = _Layout.plan(runs, batch, micro_batch, mesh.size)
    output_of_cell = np.array(cells, np.int32)

    def offspring_of(rates: Any, state: RunState, run: Array, child: Array) -> Offspring:
        """Makes the children `child` `[micro]` of one run."""
        keys = child_keys(state.seeds[run], state.next_generation, child)

        def first(keys: Key[Array, " children"]) -> Offspring:
            nobody = jnp.full((micro_batch, encoding.num_parents), -1, jnp.int32)
            return Offspring(encoding.init(keys), nobody, jnp.ones(micro_batch, bool))

        def later(keys: Key[Array, " children"]) -> Offspring:
            cells = select_parents(keys, state.archive.fitness[run])
            parents = tuple(
                jax.tree.map(lambda leaf, c=c: leaf[run, c], state.archive.items.genome)
                for c in cells.T
            )
            genomes, had_room = encoding.vary(
                variation_keys(keys), parents, rates, state.next_generation
            )
            return Offspring(genomes, cells, had_room)

        return lax.cond(state.next_generation == 0, first, later, keys)

    def select_parents(
        keys: Key[Array, " children"], fitness: Array
    ) -> Int[Array, "micro parents"]:
        keys = jax.vmap(lambda k: cppn.fold_in(k, _SELECT))(keys)
        words = jax.vmap(lambda k: cppn.random_bits(k, encoding.num_parents))(keys)
        return archive.select(words.reshape(-1), fitness).reshape(words.shape)

    def spread(function: Callable[..., Any], *replicated: Any) -> Any:
        """Maps `function(*replicated, run, child)` over the micro-batches of all devices."""

        def on_one_device(replicated: Any, run: Array, child: Array) -> Any:
            return lax.map(lambda unit: function(*replicated, *unit), (run, child))

        sharded = jax.shard_map(
            on_one_device,
            mesh=mesh,
            in_specs=(P(), P("children"), P("children")),
            out_specs=P("children"),
            check_vma=False,
        )
        result = sharded(replicated, jnp.asarray(layout.run), jnp.asarray(layout.child))
        gathered = lax.with_sharding_constraint(result, everywhere)
        return jax.tree.map(layout.merge, gathered)

    def generation(params: Any, rates: Any, state: RunState) -> tuple[Offspring, Array]:
        def unit(params: Any, rates: Any, state: RunState, run: Array, child: Array) -> Any:
            offspring = offspring_of(rates, state, run, child)
            return offspring, classifier.apply(params, encoding.render(offspring.genomes))

        return spread(unit, params, rates, state)

    def absorb(state: RunState, offspring: Offspring, outputs: Array) -> tuple[RunState, Log]:
        """Offers the children to the archive, unless one of them lacked room."""
        fitness = fitness_of(outputs, classifier.kind)[..., output_of_cell]
        complete = jnp.all(offspring.had_room)
        child = jnp.broadcast_to(jnp.arange(batch, dtype=jnp.int32), (runs, batch))
        born = jnp.stack([jnp.full_like(child, state.next_generation), child], axis=-1)
        items = Item(offspring.genomes, born, two_best(outputs))
        elites, info = archive.insert(state.archive, items, jnp.where(complete, fitness, -jnp.inf))
        log = Log(elites.fitness, info.winner, offspring.parents, info.num_invalid)
        following = state.next_generation + complete.astype(jnp.int32)
        return RunState(following, state.seeds, elites), log

    @partial(jit, out_shardings=everywhere)
    def init(seeds: UInt[Array, " runs"]) -> RunState:
        key = jax.random.key(0, impl=PRNG)
        genome = jax.eval_shape(lambda: jax.tree.map(lambda x: x[0], encoding.init(key[None])))
        pair: Any = jax.ShapeDtypeStruct((2,), jnp.int32)
        elites = archive.empty(Item(genome, pair, pair), runs=runs, cells=len(cells))
        return RunState(jnp.int32(0), seeds, elites)

    def place(state: RunState) -> RunState:
        return jax.device_put(state, everywhere)

    @partial(jit, donate_argnums=2)
    def advance(
        params: Any, rates: Any, state: RunState, stop: Array, target: Array
    ) -> tuple[RunState, Log, Array, Array]:
        logs = _empty_logs(chunk, runs, len(cells), batch, encoding.num_parents)

        def goes_on(carry: Any) -> Array:
            state, _, count, had_room = carry
            below = jnp.any(state.archive.fitness < target)
            return (state.next_generation < stop) & (count < chunk) & had_room & below

        def step(carry: Any) -> Any:
            state, logs, count, _ = carry
            offspring, outputs = generation(params, rates, state)
            after, log = absorb(state, offspring, outputs)
            logs = jax.tree.map(lambda all_, one: all_.at[count].set(one), logs, log)
            had_room = after.next_generation > state.next_generation
            return after, logs, count + had_room, had_room

        start = (state, logs, jnp.int32(0), jnp.bool_(True))
        return lax.while_loop(goes_on, step, start)

    @jit
    def ask(rates: Any, state: RunState) -> tuple[Offspring, Array]:
        def unit(rates: Any, state: RunState, run: Array, child: Array) -> Any:
            offspring = offspring_of(rates, state, run, child)
            return offspring, encoding.render(offspring.genomes)

        return spread(unit, rates, state)

    return Engine(init, advance, ask, jit(absorb), place)


def child_keys(
    seed: UInt[Array, ""], generation: Int[Array, ""], child: Int[Array, " children"]
) -> Key[Array, " children"]:
    """Returns the key of every child: all that is random about it derives from this."""
    key = cppn.fold_in(jax.random.key(seed, impl=PRNG), generation)
    return jax.vmap(partial(cppn.fold_in, key))(child)


def variation_keys(keys: Key[Array, " children"]) -> Key[Array, " children"]:
    """Returns the keys that `Encoding.vary` takes, from those of the children."""
    return jax.vmap(lambda key: cppn.fold_in(key, _VARY))(keys)


class _Layout(NamedTuple):
    """How the children of all runs are cut into micro-batches, the same number per device.

    A child's place within its micro-batch depends on its index alone, so that a classifier whose
    last bits depend on that place still gives the same for one run and for many.
    """

    runs: int
    batch: int
    run: np.ndarray  # int32 [units]
    child: np.ndarray  # int32 [units, micro_batch]; padding repeats the last child

    @classmethod
    def plan(cls, runs: int, batch: int, micro_batch: int, devices: int) -> "_Layout":
        per_run = -(-batch // micro_batch)
        units = -(-runs * per_run // devices) * devices
        unit = np.arange(units)
        run = np.minimum(unit // per_run, runs - 1)
        child = (unit % per_run)[:, None] * micro_batch + np.arange(micro_batch)
        return cls(runs, batch, run.astype(np.int32), np.minimum(child, batch - 1, dtype=np.int32))

    def merge(self, leaf: Array) -> Array:
        """Turns `[units, micro_batch, ...]` into `[runs, batch, ...]`, dropping the padding."""
        micro_batch = leaf.shape[1]
        per_run = -(-self.batch // micro_batch)
        used = leaf[: self.runs * per_run]
        rows = used.reshape(self.runs, per_run * micro_batch, *leaf.shape[2:])
        return rows[:, : self.batch]


def _empty_logs(chunk: int, runs: int, cells: int, batch: int, parents: int) -> Log:
    return Log(
        fitness=jnp.zeros((chunk, runs, cells), jnp.float32),
        winner=jnp.zeros((chunk, runs, cells), jnp.int32),
        parents=jnp.zeros((chunk, runs, batch, parents), jnp.int32),
        num_invalid=jnp.zeros((chunk, runs), jnp.int32),
    )
