"""One generation: children are made of parents, drawn, classified, and offered to the archive.

A generation makes `batch` children in every run; generation 0 is the initial population. Everything
random is derived from (run seed, generation, child index), so that results do not depend on how
generations are grouped into calls, nor on the number of runs or devices: work is cut into
micro-batches of a fixed size, each made by the same code whichever device it lands on.

`loop` compiles many generations into one device call. `ask_tell` is the same generation in two
halves, for classifiers that live outside JAX.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, UInt

import archive
import cppn
from archive import Archive
from evofool.classifiers import ClassifierError, Params, blaming, fitness_of, two_best
from evofool.evolution.encodings import PRNG, Encoding, Genomes, Rates, shapes_of
from evofool.evolution.expectation import Expectation
from evofool.evolution.selection import Scores, Selection
from evofool.evolution.sharding import Layout, Units, insert_winners

Images = Float[Array, "children height width channels"]

NO_PARENT = -1  # in `Log.parents`

# what a child's key is folded with, per use
_SELECT, _VARY = 0, 1  # 2 is for new nodes in `polishing`, 3 for wear in `expectation`


class Item(NamedTuple):
    """What the archive holds of a child.

    Attributes:
        genome: as the encoding makes it.
        born: int32 `[..., 2]`, its id: (generation, child index).
        best: int32 `[..., 2]`, the classifier's two strongest outputs on its image.
    """

    genome: Genomes
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
    """Children, leading axes `[runs, batch]`, or those of a micro-batch."""

    genomes: Genomes
    parents: Int[Array, "*lead parents"]
    had_room: Bool[Array, "*lead"]


@dataclass(frozen=True)
class Generation:
    """One generation as a function of the state.

    Attributes:
        encoding: how genomes are made, varied and drawn.
        apply: the classifier's function.
        kind: what its outputs are.
        selection: which cells there are, who competes for them, and who are parents.
        layout: which device makes which children.
        expectation: how children are worn before they are classified; None for not at all.
    """

    encoding: Encoding
    apply: Callable[[Params, Array], Array]
    kind: str
    selection: Selection
    layout: Layout
    expectation: Expectation | None

    def look(
        self, params: Params, images: Images, keys: Key[Array, " children"]
    ) -> tuple[Int[Array, "children 2"], Float[Array, "children outputs"]]:
        """Classifies images, or worn copies of them.

        Args:
            params: of the classifier.
            images: of children.
            keys: of wear.

        Returns:
            The two strongest outputs, and the log-odds of all.
        """
        if self.expectation is None:
            outputs = self._classify(params, images)
            return two_best(outputs), fitness_of(outputs, self.kind)

        def one_copy(images: Images) -> Array:
            return fitness_of(self._classify(params, images), self.kind)

        log_odds = self.expectation.log_odds(one_copy, images, keys)
        return two_best(log_odds), log_odds

    def _classify(self, params: Params, images: Array) -> Array:
        """Traces the classifier, which may be code of the user's."""
        with blaming("the classifier", doing=f"on {len(images)} images, inside the loop"):
            outputs = self.apply(params, images)
        if outputs.ndim != 2 or len(outputs) != len(images):
            raise ClassifierError(
                f"the classifier returned shape {outputs.shape} for {len(images)} images, inside "
                "the loop; expected a row of outputs for every image"
            )
        return outputs

    def init(self, seeds: UInt[Array, " runs"]) -> RunState:
        """Returns the state before the initial population: an archive without elites."""
        genome = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), shapes_of(self.encoding)
        )
        pair = jnp.zeros(2, jnp.int32)
        elites = archive.empty(
            Item(genome, pair, pair), runs=self.layout.runs, cells=self.selection.cells
        )
        return RunState(jnp.int32(0), seeds, elites)

    def step(
        self, units: Units, params: Params, rates: Rates, state: RunState
    ) -> tuple[RunState, Log]:
        """Makes one device's children and offers those of all devices to the archive.

        If a child of any device lacked room, the state stays as it was: genomes are then given
        more room, and the generation is made again from the same keys.
        """

        def make(unit: Units) -> tuple[Offspring, Array, Scores]:
            offspring = self.offspring(params, rates, state, unit)
            keys = child_keys(state.seeds[unit.run], state.next_generation, unit.child)
            best, fitness = self.look(params, self.encoding.render(offspring.genomes), keys)
            return offspring, best, self.selection.score(fitness, unit)

        # one micro-batch after the other: no more images than that are in memory
        offspring, best, scores = lax.map(make, units)
        said = (scores, offspring.had_room, offspring.parents)
        scores, had_room, parents = self.layout.gather(said)
        champions = self.selection.champions(scores, self.layout, state.archive.fitness)
        complete = jnp.all(had_room)
        wins = (champions.fitness > state.archive.fitness) & complete
        winner = jnp.where(wins, champions.child, archive.NOBODY)

        def item(child: Int[Array, "runs wanted"], made: tuple[Genomes, Array]) -> Item:
            born = jnp.stack([jnp.full_like(child, state.next_generation), child], axis=-1)
            return Item(made[0], born, made[1])

        elites = insert_winners(
            state.archive, self.layout, (offspring.genomes, best), winner, champions.fitness, item
        )
        log = Log(elites.fitness, winner, self.layout.merge(parents), champions.num_invalid)
        return RunState(state.next_generation + complete, state.seeds, elites), log

    def offspring(self, params: Params, rates: Rates, state: RunState, unit: Units) -> Offspring:
        """Makes one micro-batch: random in generation 0, and while its run lacks parents."""
        del params  # children are made without a look at them
        fitness = state.archive.fitness[unit.run]
        keys = child_keys(state.seeds[unit.run], state.next_generation, unit.child)
        # Parents are looked up before the branch: within it XLA would look up every gene where it
        # is used, number by number, and could not use vectors for anything around it.
        cells = self.select_parents(keys, unit.child, fitness)
        parents = tuple(
            jax.tree.map(lambda leaf, c=c: leaf[unit.run, c], state.archive.items.genome)
            for c in cells.T
        )

        def random(
            keys: Key[Array, " children"], cells: Array, parents: tuple[Genomes, ...]
        ) -> Offspring:
            del parents
            nobody = jnp.full_like(cells, NO_PARENT)
            return Offspring(self.encoding.init(keys), nobody, jnp.ones(len(keys), bool))

        def varied(
            keys: Key[Array, " children"], cells: Array, parents: tuple[Genomes, ...]
        ) -> Offspring:
            genomes, had_room = self.encoding.vary(
                variation_keys(keys), parents, rates, state.next_generation
            )
            return Offspring(genomes, cells, had_room)

        has_parents = self.selection.has_parents(fitness)
        return cppn.branch(has_parents, varied, random, keys, cells, parents)

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


def child_keys(
    seed: UInt[Array, ""], generation: Int[Array, ""], child: Int[Array, " children"]
) -> Key[Array, " children"]:
    """Returns the key of every child: all that is random about it derives from this.

    A key is (seed, generation, child) folded together, never the end of a chain of splits: any
    child of any generation can be made again without those before it, which is how `lineage`
    replays ancestors, and a resumed run draws what an uninterrupted one draws.
    """
    key = cppn.fold_in(jax.random.key(seed, impl=PRNG), generation)
    return jax.vmap(partial(cppn.fold_in, key))(child)


def variation_keys(keys: Key[Array, " children"]) -> Key[Array, " children"]:
    """Returns the keys that `Encoding.vary` takes, from those of the children."""
    return jax.vmap(lambda key: cppn.fold_in(key, _VARY))(keys)
