"""Breeding: a person, not a score, says who become parents.

A bred child is made as evolution makes one: of one parent by mutation, or of two by crossover and
mutation, and all that is random about it derives from (seed, generation, child). It is offered to
the cell of its strongest class alone, so that an archive that was bred holds what its images look
like to the classifier, and nothing else. The lineage has a record of every child, elite or not: any
of them can become a parent, and be made again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

import archive
import cppn
from archive import Archive
from evofool.classifiers import ABSENT, two_best
from evofool.config import EvolveConfig
from evofool.evolution import lineage_files, metrics
from evofool.evolution.checkpoint import CheckpointWriter
from evofool.evolution.encodings import Genomes
from evofool.evolution.generation import Log, RunState, child_keys
from evofool.evolution.journal import cut_to
from evofool.evolution.lineage import Remade
from evofool.evolution.lineage_files import RECORD
from evofool.evolution.manifest import History, settings_of
from evofool.evolution.metrics import MetricsLog, lines_of
from evofool.support import read_json

CROSSED = 0.5  # share of the children that have two parents, where there are several
_PARENTS = 4  # what a child's key is folded with to choose its mate; see `generation`
Born = tuple[int, int]  # generation and child index


class Scores(NamedTuple):
    """What a classifier says of children.

    Attributes:
        cells: log-odds of the classes of the run, `[children, cells]`.
        best: the two strongest outputs, int32 `[children, 2]`.
    """

    cells: Float[np.ndarray, "children cells"]
    best: Int[np.ndarray, "children 2"]

    @classmethod
    def of(
        cls, log_odds: Float[np.ndarray, "children outputs"], outputs: Sequence[int]
    ) -> "Scores":
        """Takes from log-odds of all outputs what breeding needs, for the classes of a run."""
        return cls(log_odds[:, list(outputs)], np.asarray(two_best(jnp.asarray(log_odds))))

    def strongest(self) -> list[int]:
        """Returns the cell of every child's strongest class; the first one if there is none."""
        return [int(cell) for cell in np.nan_to_num(self.cells, nan=-np.inf).argmax(axis=1)]


class Kin(NamedTuple):
    """Somebody in a breeding session.

    Attributes:
        born: id, (generation, child index).
        cell: place of the strongest class among those of the run.
    """

    born: Born
    cell: int


def pair(seed: int, born: Born, parents: int) -> list[int]:
    """Chooses the parents of a child: one, or two different ones.

    Every parent is the first one, which gives a network its structure, equally often.

    Args:
        seed: of the run.
        born: id of the child.
        parents: how many there are to choose from.

    Returns:
        Their indices.
    """
    first = born[1] % parents
    if parents == 1:
        return [first]
    toss, mate = _tosses(np.uint32(seed), np.int32(born[0]), np.array([born[1]])).tolist()
    others = [other for other in range(parents) if other != first]
    return [first, others[int(mate * len(others))]] if toss < CROSSED else [first]


@jax.jit
def _tosses(
    seed: UInt[Array, ""], generation: Int[Array, ""], child: Int[Array, " 1"]
) -> Float[Array, " 2"]:
    """Draws two numbers in [0, 1) for a child."""
    key = child_keys(seed, generation, child)[0]
    return cppn.uniform(cppn.random_bits(cppn.fold_in(key, _PARENTS), 2))


def make_children(
    line: Remade, seed: int, generation: int, parents: list[Kin], count: int
) -> tuple[list[Genomes], list[list[Kin]]]:
    """Makes the children of one generation.

    Args:
        line: holds the parents, and will hold the children.
        seed: of the run.
        generation: of the children.
        parents: to choose from.
        count: of children.

    Returns:
        The genomes, on the host, and the parents of each.
    """
    chosen = []
    for child in range(count):
        chosen.append([parents[i] for i in pair(seed, (generation, child), len(parents))])
        line.add((generation, child), [kin.born for kin in chosen[-1]])
    genomes = (line.genomes[generation, child] for child in range(count))
    plain = jax.device_get([line.encoding.without_history(genome) for genome in genomes])
    return [jax.tree.map(lambda leaf: leaf[0], genome) for genome in plain], chosen


def records_of(generation: int, chosen: list[list[Kin]]) -> np.ndarray:
    """Returns the lineage's records of the children of one generation, given their parents."""
    records = np.full(len(chosen), -1, RECORD)
    for child, (record, kin) in enumerate(zip(records, chosen, strict=True)):
        record["run"], record["generation"], record["child"] = 0, generation, child
        record["parent_generation"], record["parent_child"] = kin[0].born
        record["parent_cell"] = kin[0].cell
        for mate in kin[1:]:
            record["mate_generation"], record["mate_child"] = mate.born
    return records


def founded(elites: Archive, run: int, cells: list[int]) -> Archive:
    """Returns an archive of one run in which some elites of another are all there is."""
    alone = jax.tree.map(lambda leaf: np.zeros_like(leaf[:1]), elites)
    alone.fitness[:] = -np.inf
    for new, old in zip(jax.tree.leaves(alone), jax.tree.leaves(elites), strict=True):
        new[0, cells] = old[run, cells]
    return alone


def offer(
    elites: Archive, genomes: list[Genomes], generation: int, scores: Scores
) -> tuple[Archive, Int[np.ndarray, "1 cells"]]:
    """Offers every child to the cell of its strongest class.

    Args:
        elites: the archive, on the host.
        genomes: of the children; the archive gets the room that they have, if it has less.
        generation: of the children.
        scores: of the children.

    Returns:
        The new archive, and the child that took each cell or `archive.NOBODY`.
    """
    elites = _with_room_for(elites, genomes[0])
    winner = np.full(elites.fitness.shape, archive.NOBODY, np.int32)
    for child, (genome, cell) in enumerate(zip(genomes, scores.strongest(), strict=True)):
        fitness = scores.cells[child, cell]
        least = max(ABSENT, elites.fitness[0, cell])  # an image may compete in no cell at all
        if not (np.isfinite(fitness) and fitness > least):
            continue
        winner[0, cell] = child
        elites.fitness[0, cell] = fitness
        elites.items.born[0, cell] = generation, child
        elites.items.best[0, cell] = scores.best[child]
        genes = zip(jax.tree.leaves(elites.items.genome), jax.tree.leaves(genome), strict=True)
        for leaf, new in genes:
            leaf[0, cell] = 0  # spare room of genomes holds zeros
            leaf[(0, cell, *map(slice, np.shape(new)))] = new
    return elites, winner


def _with_room_for(elites: Archive, genome: Genomes) -> Archive:
    """Returns a copy of an archive that has at least as much room as a genome."""

    def copy(leaf: np.ndarray, new: np.ndarray | np.generic) -> np.ndarray:
        room = zip(leaf.shape[2:], np.shape(new), strict=True)
        return np.pad(leaf, [(0, 0), (0, 0), *((0, max(0, to - size)) for size, to in room)])

    grown = jax.tree.map(copy, elites.items.genome, genome)
    copied: Archive = jax.tree.map(np.array, elites)
    return copied._replace(items=copied.items._replace(genome=grown))


def state_of(elites: Archive, generation: int, seed: int) -> RunState:
    """Returns the state of a bred run at the end of a generation."""
    return RunState(jnp.int32(generation + 1), jnp.array([seed], jnp.uint32), elites)


class BredRun:
    """The files of a run directory that is bred, generation by generation.

    Args:
        folder: the run directory, with `config.json`.
        config: of the run, whose last generation is that of the newest checkpoint.
        generation: of the newest checkpoint; what is newer was cut short and is removed.
    """

    def __init__(self, folder: Path, config: EvolveConfig, generation: int):
        self._folder, self._config = folder, config
        cut_to(folder, config, generation)
        (folder / "lineage").mkdir(exist_ok=True)

    def begin(self, records: np.ndarray, elites: Archive, generation: int, *, used: int) -> None:
        """Writes the first checkpoint.

        Args:
            records: of the ancestors of the elites.
            elites: the archive.
            generation: that it is the end of.
            used: micro-batch of the run.
        """
        lineage_files.write(self._folder / "lineage", generation, records)
        self._save(elites, generation, used)

    def add(
        self,
        elites: Archive,
        winner: Int[np.ndarray, "1 cells"],
        generation: int,
        chosen: list[list[Kin]],
        *,
        used: int,
        seconds: float,
    ) -> None:
        """Writes lineage, metrics and checkpoint of a generation.

        Args:
            elites: the archive after it.
            winner: as `offer` returns it.
            generation: its number.
            chosen: parents of its children.
            used: micro-batch of the run.
            seconds: that it took.
        """
        lineage_files.write(self._folder / "lineage", generation, records_of(generation, chosen))
        parents = np.array([[kin[0].cell] for kin in chosen], np.int32)[None]
        log = Log(*map(jnp.asarray, (elites.fitness, winner, parents, np.zeros(1, np.int32))))
        cells = np.flatnonzero(winner[0] != archive.NOBODY)
        moved = np.sum(parents[0, winner[0, cells], 0] != cells)
        before = [*metrics.read(self._folder / "metrics.jsonl")][-1:]
        evaluations = len(chosen) * self._config.looks
        line = lines_of(
            generation,
            log,
            np.array([moved]),
            seed=self._config.seed,
            evaluations=evaluations + sum(line["evaluations"] for line in before),
            evaluations_per_second=round(evaluations / seconds, 1),
            seconds=round(seconds + sum(line.get("seconds", 0.0) for line in before), 3),
        )
        with self._metrics() as log_file:
            log_file.append(line)
            log_file.flush()
        self._save(elites, generation, used)

    @contextmanager
    def _metrics(self) -> Iterator[MetricsLog]:
        log = MetricsLog(self._folder / "metrics.jsonl", self._config.log_every)
        try:
            yield log
        finally:
            log.close()

    def _save(self, elites: Archive, generation: int, used: int) -> None:
        state = state_of(elites, generation, self._config.seed)
        with self._metrics() as log:
            history: History = {
                "micro_batches": [(0, used)],
                "settings": settings_of(read_json(self._folder / "config.json")),
                "lineage": lineage_files.checksums(self._folder / "lineage"),
                "metrics": log.extent,
            }
        writer = CheckpointWriter(self._folder / "checkpoints", keep=self._config.keep_checkpoints)
        try:
            writer.save(state, history)
        finally:
            writer.close()
