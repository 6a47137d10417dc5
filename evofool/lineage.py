"""Who descends from whom: one record for every child that entered a cell.

A child is named by (generation, child index) within its run. Records are kept in files that end
at a checkpoint, `lineage/gen-NNNNNNNN.npy`, so that a resumed run drops exactly the records that
its checkpoint does not know. Genomes are not stored: every child can be made again from its
parent, because all randomness derives from (seed, generation, child).
"""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from archive import NOBODY
from evofool.compiling import jit
from evofool.encodings import Encoding
from evofool.errors import UserError
from evofool.evolution import Log, child_keys, variation_keys
from evofool.files import replacing

RECORD = np.dtype(
    [
        ("run", np.int32),
        ("generation", np.int32),
        ("child", np.int32),
        ("parent_generation", np.int32),  # -1: made at random, generation 0
        ("parent_child", np.int32),
        ("parent_cell", np.int32),  # the cell whose elite was the parent
        ("mate_generation", np.int32),  # second parent of a crossover, or -1
        ("mate_child", np.int32),
    ]
)


class Step(NamedTuple):
    """One generation of a line of descent.

    Attributes:
        generation: in which it was born.
        child: its index in that generation.
        cell: the cell it held: the elite's own, or the one its descendant was drawn from.
        mate: (generation, child) of the second parent, or None.
    """

    generation: int
    child: int
    cell: int
    mate: tuple[int, int] | None


class Recorder:
    """Turns logs into records; holds the ids of the current elites, `[runs, cells, 2]`."""

    def __init__(self, born: np.ndarray):
        self._born = np.array(born, np.int32)
        self._pending: list[np.ndarray] = []

    def add(self, generation: int, log: Log) -> np.ndarray:
        """Records one generation; returns the number of class changes per run.

        A class change is a cell taken by a child whose parent was the elite of another cell.
        """
        winner, parents = np.asarray(log.winner), np.asarray(log.parents)
        run, cell = np.nonzero(winner != NOBODY)
        child = winner[run, cell]
        entered = np.unique(np.stack([run, child], axis=1), axis=0)
        self._pending.append(self._records(generation, entered[:, 0], entered[:, 1], parents))
        self._born[run, cell] = np.stack([np.full_like(child, generation), child], axis=1)
        origin = parents[run, child, 0]
        is_change = (origin != cell) & (origin >= 0)
        return np.bincount(run[is_change], minlength=len(winner))

    def _records(
        self, generation: int, run: np.ndarray, child: np.ndarray, parents: np.ndarray
    ) -> np.ndarray:
        records = np.full(len(run), -1, RECORD)
        records["run"], records["generation"], records["child"] = run, generation, child
        if generation > 0:
            for name, column in zip(("parent", "mate"), parents[run, child].T, strict=False):
                records[f"{name}_generation"], records[f"{name}_child"] = self._born[run, column].T
            records["parent_cell"] = parents[run, child, 0]
        return records

    def write(self, folder: Path, generation: int) -> None:
        """Writes what came since the last call; `generation` is that of the checkpoint."""
        if not self._pending:
            return
        with replacing(_file(folder, generation)) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate(self._pending), allow_pickle=False)
        self._pending = []


class Lineage:
    """The records of a run directory, for looking up ancestors."""

    def __init__(self, records: np.ndarray):
        self.records = records
        ids = zip(records["run"], records["generation"], records["child"], strict=True)
        self._row = {tuple(map(int, key)): i for i, key in enumerate(ids)}

    @classmethod
    def load(cls, folder: Path) -> "Lineage":
        """Reads all lineage files of a run directory."""
        parts = [_read(path) for path in sorted(folder.glob("gen-*.npy"))]
        return cls(np.concatenate(parts) if parts else np.empty(0, RECORD))

    def descent(self, run: int, born: tuple[int, int], cell: int) -> list[Step]:
        """Returns the line of first parents, from the elite back to generation 0.

        Args:
            run: index of the run.
            born: id of the elite.
            cell: the cell it holds.
        """
        steps: list[Step] = []
        generation, child = born
        while generation >= 0:
            record = self.records[self._row[run, generation, child]]
            mate = (int(record["mate_generation"]), int(record["mate_child"]))
            steps.append(Step(generation, child, cell, mate if mate[0] >= 0 else None))
            cell = int(record["parent_cell"])
            generation, child = int(record["parent_generation"]), int(record["parent_child"])
        return steps

    def ancestry(self, run: int, born: tuple[int, int]) -> np.ndarray:
        """Returns the records of a child and of all its ancestors, mates too, oldest first."""
        rows: set[int] = set()
        pending = [born]
        while pending:
            row = self._row[run, *pending.pop()]
            if row not in rows:
                rows.add(row)
                pending += parents_of(self.records[row])
        return np.sort(self.records[sorted(rows)], order=("generation", "child"))


def parents_of(record: np.void) -> list[tuple[int, int]]:
    """Returns the ids of a record's parents: none, one, or two."""
    ids = [
        (int(record[f"{name}_generation"]), int(record[f"{name}_child"]))
        for name in ("parent", "mate")
    ]
    return [born for born in ids if born[0] >= 0]


def replay(encoding: Encoding, seed: int, records: np.ndarray) -> dict[tuple[int, int], Any]:
    """Makes children again from their random keys, parents first.

    Args:
        encoding: of the run; grows by itself where a child needs room.
        seed: of the independent run the records belong to.
        records: closed under parents, oldest first, as `Lineage.ancestry` gives them.

    Returns:
        Genomes by id (generation, child), bit for bit those that evolution made.
    """

    def child(generation: int, index: int, parents: tuple[Any, ...]) -> tuple[Any, Any]:
        keys = child_keys(jnp.uint32(seed), jnp.int32(generation), jnp.array([index]))
        if not parents:
            return encoding.init(keys), jnp.ones(1, bool)
        return vary(variation_keys(keys), parents, encoding.rates, jnp.int32(generation))

    vary = jit(encoding.vary)
    genomes: dict[tuple[int, int], Any] = {}
    for record in records:
        born = (int(record["generation"]), int(record["child"]))
        parents = tuple(genomes[parent] for parent in parents_of(record))
        genome, had_room = child(*born, parents)
        while not had_room.all():
            genomes = {key: encoding.grow(value) for key, value in genomes.items()}
            encoding = encoding.grown()
            vary = jit(encoding.vary)
            genome, had_room = child(*born, tuple(genomes[p] for p in parents_of(record)))
        genomes[born] = genome
    return {born: jax.tree.map(lambda x: x[0], genome) for born, genome in genomes.items()}


def class_changes(steps: list[Step]) -> int:
    """Counts how often a line of descent passed from one cell to another."""
    return sum(a.cell != b.cell for a, b in itertools.pairwise(steps))


def cut(folder: Path, generation: int) -> None:
    """Removes the records of generations after `generation`, which must be a checkpoint's."""
    for path in folder.glob("gen-*.npy"):
        if int(path.stem.split("-")[1]) > generation:
            path.unlink()


def _file(folder: Path, generation: int) -> Path:
    return folder / f"gen-{generation:08d}.npy"


def _read(path: Path) -> np.ndarray:
    try:
        records = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the lineage file {path}: {error}") from error
    if records.dtype != RECORD:
        raise UserError(f"{path} holds {records.dtype}, expected lineage records {RECORD}")
    return records
