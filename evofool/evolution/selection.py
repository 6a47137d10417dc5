"""Who competes for which cell, and whose elites become parents: the two algorithms.

* **MAP-Elites**: a cell per class; every child competes in all of them, and parents are drawn from
  all of them, so that a line of descent may change its class.
* **Single-class**: the baseline without that. Every class has a population of its own, a cell per
  member, and an equal share of the children, which compete in it and descend from it alone. It is
  a (mu + lambda) evolution strategy: parents are drawn uniformly, and the best of parents and
  children survive (truncation).

Both work on the same archive and in the same compiled loop, so that runs of either kind are
resumed, looked at and compared alike.

References:
    Mouret and Clune, "Illuminating search spaces by mapping elites", 2015.
    Beyer and Schwefel, "Evolution strategies: a comprehensive introduction", Natural Computing,
    2002, section 2: (mu + lambda) selection.
    Nguyen, Yosinski and Clune 2015, who found one run for each class to give similar results. The
    authors' later code (Evolving-AI-Lab/innovation-engine, `rank_simple.hpp`) has such a run:
    population 100, of which the best 60 survive.
"""

from dataclasses import dataclass
from typing import TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt

import archive
from evofool.classifiers import Card, resolve_classes
from evofool.config import EvolveConfig
from evofool.evolution.sharding import (
    NO_CHILD,
    Champions,
    Layout,
    Units,
    champions_of,
    competes,
    merge_champions,
)
from evofool.support import UserError


@dataclass(frozen=True)
class MapElites:
    """A cell per class, open to every child.

    Attributes:
        outputs: `[cells]`, the classifier's output that each cell is for.
    """

    outputs: tuple[int, ...]
    slots = 1

    @property
    def cells(self) -> int:
        """Number of cells of a run."""
        return len(self.outputs)

    def score(self, fitness: Float[Array, "micro outputs"], unit: Units) -> Champions:
        """Returns what `champions` needs of a micro-batch: its best child for every cell."""
        return champions_of(fitness[:, jnp.array(self.outputs)], unit.child, unit.is_real)

    def champions(
        self,
        scores: Champions,
        layout: Layout,
        elites: Float[Array, "runs cells"],
    ) -> Champions:
        """Returns the child of every run that challenges each cell.

        Args:
            scores: of all micro-batches, leading axis `units`.
            layout: of them.
            elites: fitness in the archive.
        """
        del elites
        return merge_champions(scores, layout)

    def champions_of_batch(
        self, fitness: Float[Array, "runs batch outputs"], elites: Float[Array, "runs cells"]
    ) -> Champions:
        """Returns the same for children that are all in one place."""
        del elites
        child, is_real = jnp.arange(fitness.shape[1]), jnp.ones(fitness.shape[1], bool)
        find = jax.vmap(champions_of, in_axes=(0, None, None))
        return find(fitness[..., jnp.array(self.outputs)], child, is_real)

    def has_parents(self, fitness: Float[Array, " cells"]) -> Bool[Array, ""]:
        """Says whether a run has elites that parents can be drawn from."""
        return jnp.any(fitness > -jnp.inf)

    def parents(
        self,
        words: UInt[Array, "children parents"],
        child: Int[Array, " children"],
        fitness: Float[Array, " cells"],
    ) -> Int[Array, "children parents"]:
        """Draws the cells that children of one run have their parents from.

        Args:
            words: random.
            child: indices of the children.
            fitness: of the run's elites; it has parents.
        """
        del child
        return archive.select(words.reshape(-1), fitness).reshape(words.shape)


@dataclass(frozen=True)
class SingleClass:
    """Cells `c * slots` to `c * slots + slots - 1` are the population of class c.

    Child i is one of class `i % classes`: each has the same number. The methods are those of
    `MapElites`.

    Attributes:
        outputs: `[classes]`, the classifier's output that each class is.
        slots: size of a population.
    """

    outputs: tuple[int, ...]
    slots: int

    @property
    def cells(self) -> int:
        """Number of cells of a run."""
        return len(self.outputs) * self.slots

    def score(self, fitness: Float[Array, "micro outputs"], unit: Units) -> Float[Array, " micro"]:
        """Returns every child's fitness for its own class."""
        return self._own(fitness, unit.child)

    def champions(
        self,
        scores: Float[Array, "units micro"],
        layout: Layout,
        elites: Float[Array, "runs cells"],
    ) -> Champions:
        """See `MapElites.champions`."""
        return self._challengers(layout.merge(scores), elites)

    def champions_of_batch(
        self, fitness: Float[Array, "runs batch outputs"], elites: Float[Array, "runs cells"]
    ) -> Champions:
        """See `MapElites.champions_of_batch`."""
        own = jax.vmap(self._own, in_axes=(0, None))(fitness, jnp.arange(fitness.shape[1]))
        return self._challengers(own, elites)

    def has_parents(self, fitness: Float[Array, " cells"]) -> Bool[Array, ""]:
        """Says whether every class has a member."""
        return jnp.all(jnp.any(self._populations(fitness) > -jnp.inf, axis=-1))

    def parents(
        self,
        words: UInt[Array, "children parents"],
        child: Int[Array, " children"],
        fitness: Float[Array, " cells"],
    ) -> Int[Array, "children parents"]:
        """See `MapElites.parents`."""
        of_class = child % len(self.outputs)
        slot = jax.vmap(archive.select)(words, self._populations(fitness)[of_class])
        return of_class[:, None] * self.slots + slot

    def _own(
        self, fitness: Float[Array, "children outputs"], child: Int[Array, " children"]
    ) -> Float[Array, " children"]:
        wanted = jnp.asarray(self.outputs)[child % len(self.outputs)]
        return jnp.take_along_axis(fitness, wanted[:, None], axis=1)[:, 0]

    def _populations(self, fitness: Float[Array, "*lead cells"]) -> Float[Array, "*lead classes _"]:
        return fitness.reshape(*fitness.shape[:-1], len(self.outputs), self.slots)

    def _challengers(
        self, own: Float[Array, "runs batch"], elites: Float[Array, "runs cells"]
    ) -> Champions:
        """Pairs the k-th best child of a class with the k-th worst member of its population.

        Children that beat their partner are as many as belong to the best of both, and so are the
        members that are not beaten: replacing the others is truncation. Ties keep the member, then
        the earliest child.
        """
        runs, batch = own.shape
        classes = len(self.outputs)
        is_finite = jnp.isfinite(own)
        comparable = jnp.where(competes(own), own, -jnp.inf)
        children = comparable.reshape(runs, -1, classes).swapaxes(1, 2)
        pairs = min(self.slots, batch // classes)
        child = jnp.argsort(-children, axis=-1, stable=True)[..., :pairs]
        member = jnp.argsort(self._populations(elites), axis=-1, stable=True)[..., :pairs]
        run, of_class = jnp.ogrid[:runs, :classes][0][..., None], jnp.arange(classes)[None, :, None]
        shape = (runs, classes, self.slots)
        fitness = jnp.full(shape, -jnp.inf).at[run, of_class, member]
        index = jnp.full(shape, NO_CHILD, jnp.int32).at[run, of_class, member]
        return Champions(
            fitness=fitness.set(jnp.take_along_axis(children, child, -1)).reshape(runs, -1),
            child=index.set(child * classes + of_class).reshape(runs, -1),
            num_invalid=jnp.sum(~is_finite, axis=1, dtype=jnp.int32),
        )


Selection = MapElites | SingleClass
Scores = Champions | Array  # what `score` makes of a micro-batch, for `champions` to compare


def make_selection(config: EvolveConfig, card: Card) -> Selection:
    """Builds the algorithm that a configuration asks for.

    Args:
        config: names the algorithm and the classes.
        card: of the classifier.

    Raises:
        UserError: an unknown class, or children that cannot be shared equally by the classes.
    """
    outputs = resolve_classes(card, config.classes)
    if config.algorithm == "map-elites":
        return MapElites(outputs)
    if config.batch_size % len(outputs):
        share = max(1, round(config.batch_size / len(outputs)))
        raise UserError(
            f"batch_size is {config.batch_size}; expected a multiple of the {len(outputs)} "
            "classes, which have equal shares of the children in single-class: "
            f"{share * len(outputs)}, for instance"
        )
    return SingleClass(outputs, config.population)


Table = TypeVar("Table", np.ndarray, Array)


def best_of_class(fitness: Table, slots: int) -> Table:
    """Returns the fitness of every class's elite.

    Args:
        fitness: of all cells, NumPy or JAX `[..., cells]`.
        slots: cells of each class.

    Returns:
        The same kind of array, `[..., classes]`.
    """
    return cast(Table, fitness.reshape(*fitness.shape[:-1], -1, slots).max(axis=-1))


def elites_of(table: dict[str, np.ndarray], *, classes: int) -> dict[str, np.ndarray]:
    """Leaves one cell of each class in a checkpoint's arrays: that with the highest fitness."""
    fitness = table["archive.fitness"]
    runs, cells = fitness.shape
    slots = cells // classes
    if slots == 1:
        return table
    best = fitness.reshape(runs, classes, slots).argmax(axis=-1) + np.arange(classes) * slots
    run = np.arange(runs)[:, None]
    return {
        name: leaf[run, best] if name.startswith("archive.") else leaf
        for name, leaf in table.items()
    }
