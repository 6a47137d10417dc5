"""Who descends from whom: one record for every child that entered a cell.

A child is named by (generation, child index) within its run. Records are kept in files that end
at a checkpoint (see `lineage_files`). Genomes are not stored: every child can be made again from
its parent, because all randomness derives from (seed, generation, child).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Int, Key, UInt

from archive import NOBODY
from evofool.evolution.encodings import Crossing, Encoding, Genomes, Rates, compiled_vary
from evofool.evolution.generation import NO_PARENT, Log, child_keys, variation_keys
from evofool.evolution.lineage_files import (
    RECORD,
    check_records,
    files,
    generation_of,
    ids_of,
    read,
    write,
)
from evofool.support import UserError

NO_ROW = -1


class Step(NamedTuple):
    """One generation of a line of descent.

    Attributes:
        generation: in which it was born.
        child: its index in that generation.
        cell: the place of the class it stood for, among those evolved for: the elite's own, or the
            one its descendant was drawn from.
        mate: (generation, child) of the second parent, or None.
    """

    generation: int
    child: int
    cell: int
    mate: tuple[int, int] | None


class Recorder:
    """Turns logs into records.

    Args:
        born: ids of the current elites, int32 `[runs, cells, 2]`.
        slots: cells of each class.
    """

    def __init__(self, born: np.ndarray, *, slots: int = 1):
        self._born = np.array(born, np.int32)
        self._slots = slots
        self._pending: list[np.ndarray] = []

    def add(self, generation: int, log: Log) -> np.ndarray:
        """Records one generation; returns the number of class changes per run.

        A class change is a cell taken by a child whose parent was an elite of another class.
        """
        winner, parents = np.asarray(log.winner), np.asarray(log.parents)
        run, cell = np.nonzero(winner != NOBODY)
        child = winner[run, cell]
        entered = np.unique(np.stack([run, child], axis=1), axis=0)
        self._pending.append(self._records(generation, entered[:, 0], entered[:, 1], parents))
        self._born[run, cell] = np.stack([np.full_like(child, generation), child], axis=1)
        origin = parents[run, child, 0]
        is_change = (origin // self._slots != cell // self._slots) & (origin >= 0)
        return np.bincount(run[is_change], minlength=len(winner))

    def _records(
        self, generation: int, run: np.ndarray, child: np.ndarray, parents: np.ndarray
    ) -> np.ndarray:
        records = np.full(len(run), -1, RECORD)
        records["run"], records["generation"], records["child"] = run, generation, child
        records["parent_cell"] = parents[run, child, 0] // self._slots  # -1 stays -1
        for name, column in zip(("parent", "mate"), parents[run, child].T, strict=False):
            is_there = column != NO_PARENT
            generation_and_child = self._born[run[is_there], column[is_there]].T
            records[f"{name}_generation"][is_there] = generation_and_child[0]
            records[f"{name}_child"][is_there] = generation_and_child[1]
        return records

    def write(self, folder: Path, generation: int) -> dict[str, str]:
        """Writes what came since the last call; `generation` is that of the checkpoint.

        Returns:
            The SHA-256 of the file by its name; nothing if there was nothing to write.
        """
        if not self._pending:
            return {}
        name, sha256 = write(folder, generation, np.concatenate(self._pending))
        self._pending = []
        return {name: sha256}


class Lineage:
    """The records of a run directory, for looking up ancestors.

    Args:
        records: in any order, each child once; they are sorted by run, generation and child.

    Raises:
        UserError: a child's parent or mate has no record, a parent is not older than its child, or
            a number is out of range.
    """

    def __init__(self, records: np.ndarray):
        check_records(records)
        # Runs have millions of records, so they are searched as sorted integers, and all parents
        # are looked up together; a dictionary of them would take ten times as long to build.
        ids = ids_of(records)
        self._sizes = ids.max(axis=0, initial=-1) + 1
        if math.prod(map(int, self._sizes)) >= np.iinfo(np.int64).max:
            raise UserError(f"numbers of runs, generations and children are up to {self._sizes}")
        keys = self._keys_of(ids)
        order = np.argsort(keys)
        if (np.diff(keys[order]) == 0).any():
            raise UserError("a child has two records")
        self.records = records[order]
        self._keys = np.append(keys[order], np.iinfo(np.int64).max)  # a search ends within
        self._parent, self._mate = self._rows("parent_"), self._rows("mate_")

    @classmethod
    def load(cls, folder: Path, *, last: int | None = None) -> "Lineage":
        """Reads the lineage files of a run directory.

        Args:
            folder: the run's `lineage`.
            last: the generation to end with; all unless given.

        Raises:
            UserError: a file cannot be read, or as above.
        """
        paths = [path for path in files(folder) if last is None or generation_of(path) <= last]
        parts = [read(path) for path in paths]
        try:
            return cls(np.concatenate(parts) if parts else np.empty(0, RECORD))
        except UserError as error:
            raise UserError(f"{folder} is damaged: {error}") from error

    def check_within(self, *, runs: int, children: int, cells: int) -> None:
        """Makes sure that the records can be those of a run of that size.

        Args:
            runs: independent runs.
            children: per generation of a run.
            cells: classes evolved for.

        Raises:
            UserError: a record has a number that is out of range.
        """
        for name, most in (("run", runs), ("child", children), ("parent_cell", cells)):
            largest = self.records[name].max(initial=-1)
            if largest >= most:
                raise UserError(
                    f"the lineage is damaged: {name} is {largest}; expected below {most}"
                )

    def descent(self, run: int, born: tuple[int, int], cell: int) -> list[Step]:
        """Returns the line of first parents, from the elite back to generation 0.

        Args:
            run: index of the run.
            born: id of the elite.
            cell: the cell it holds.

        Raises:
            UserError: there is no record of that child.
        """
        line = self._line(run, born)
        cells = [cell, *line["parent_cell"][:-1].tolist()]
        names = ("generation", "child", "mate_generation", "mate_child")
        columns = (line[name].tolist() for name in names)
        return [
            Step(generation, child, held, (mate, mate_child) if mate >= 0 else None)
            for held, generation, child, mate, mate_child in zip(cells, *columns, strict=True)
        ]

    def ancestry(self, run: int, *born: tuple[int, int]) -> np.ndarray:
        """Returns the records of children and of all their ancestors, mates too, oldest first.

        Raises:
            UserError: there is no record of one of the children.
        """
        is_member = np.zeros(len(self.records), bool)
        newest = np.unique(self._find(np.array([[run, *one] for one in born])))
        while newest.size:
            is_member[newest] = True
            kin = np.unique(np.concatenate([self._parent[newest], self._mate[newest]]))
            newest = kin[(kin != NO_ROW) & ~is_member[kin]]
        return self.records[is_member]

    def _line(self, run: int, born: tuple[int, int]) -> np.ndarray:
        """Returns the records of a child and its first parents, newest first."""
        rows, row = [], self._row(run, born)
        while row != NO_ROW:
            rows.append(row)
            row = self._parent[row]
        return self.records[rows]

    def _row(self, run: int, born: tuple[int, int]) -> int:
        return int(self._find(np.array([[run, *born]]))[0])

    def _rows(self, kin: str) -> np.ndarray:
        """Returns the row of every record's parent or mate, `NO_ROW` where there is none."""
        ids = ids_of(self.records, kin)
        is_there = ids[:, 1] >= 0
        rows = np.full(len(ids), NO_ROW)
        rows[is_there] = self._find(ids[is_there])
        return rows

    def _find(self, ids: np.ndarray) -> np.ndarray:
        """Returns the rows of children, given as `[children, 3]`."""
        keys = self._keys_of(ids)
        rows = np.searchsorted(self._keys, keys)
        is_missing = self._keys[rows] != keys
        if is_missing.any():
            raise UserError(
                f"the lineage has no record of {np.sum(is_missing)} of the children that it or "
                "the archive names; files are missing from the run directory's 'lineage'"
            )
        return rows

    def _keys_of(self, ids: np.ndarray) -> np.ndarray:
        """Returns an integer for every child, in the order of the ids; -1 for an unknown one."""
        _, generations, children = map(int, self._sizes)
        keys = (ids[:, 0] * generations + ids[:, 1]) * children + ids[:, 2]
        return np.where(np.all(ids < self._sizes, axis=1), keys, -1)


def parents_of(record: np.void) -> list[tuple[int, int]]:
    """Returns the ids of a record's parents: none, one, or two."""
    ids = [
        (int(record[f"{name}_generation"]), int(record[f"{name}_child"]))
        for name in ("parent", "mate")
    ]
    return [born for born in ids if born[0] >= 0]


class Remade:
    """Children that were made again from their random keys, so that they can be parents.

    Args:
        encoding: of the run; grows by itself where a child needs room.
        rates: of the run, see `make_rates`.
        seed: of the independent run.

    Attributes:
        encoding: with room for all genomes.
        genomes: of that encoding, by id (generation, child), with a leading axis of 1.
    """

    def __init__(self, encoding: Encoding, rates: Rates, seed: int):
        self.encoding: Crossing = encoding.for_crossing()
        self.genomes: dict[tuple[int, int], Genomes] = {}
        self._rates, self._seed = rates, np.uint32(seed)

    def add_all(self, records: np.ndarray, known: Mapping[tuple[int, int], Genomes]) -> None:
        """Makes all children that are not there.

        Args:
            records: closed under parents, oldest first, as `Lineage.ancestry` gives them.
            known: genomes that are not made again, as `starters.remembered` returns them.
        """
        for record in records:
            born = (int(record["generation"]), int(record["child"]))
            if born not in self.genomes:
                self.add(born, parents_of(record), known.get(born))

    def plain(self) -> dict[tuple[int, int], Genomes]:
        """Returns the genomes by id, bit for bit as evolution made them, without a leading axis."""
        return {
            born: jax.tree.map(lambda leaf: leaf[0], self.encoding.without_history(genome))
            for born, genome in self.genomes.items()
        }

    def add(
        self,
        born: tuple[int, int],
        parents: Sequence[tuple[int, int]],
        known: Genomes | None = None,
    ) -> None:
        """Makes one child.

        Args:
            born: its id, from which all that is random about it derives.
            parents: ids of children that are there: none, one, or two that are crossed.
            known: its genome, if it is known, with a leading axis of 1.
        """
        genome, had_room = self._make(born, parents, known)
        while not np.all(had_room):
            self.genomes = {key: self.encoding.grow(value) for key, value in self.genomes.items()}
            self.encoding = self.encoding.grown()
            genome, had_room = self._make(born, parents, known)
        self.genomes[born] = genome

    def _make(
        self, born: tuple[int, int], parents: Sequence[tuple[int, int]], known: Genomes | None
    ) -> tuple[Genomes, Bool[Array, " 1"] | np.ndarray]:
        generation, child = born
        keys, for_variation = _keys_of(self._seed, np.int32(generation), np.array([child]))
        genomes, has_room = tuple(self.genomes[parent] for parent in parents), np.ones(1, bool)
        if known is not None:
            return self.encoding.adopt(keys, known, genomes), has_room
        if not parents:
            return self.encoding.init(keys), has_room
        vary = compiled_vary(self.encoding)
        return vary(for_variation, genomes, self._rates, np.int32(generation))


@jax.jit  # a hundred operations: one after the other they take a fifth of a second
def _keys_of(
    seed: UInt[Array, ""], generation: Int[Array, ""], child: Int[Array, " children"]
) -> tuple[Key[Array, " children"], Key[Array, " children"]]:
    """Returns the keys of children, and those that vary them."""
    keys = child_keys(seed, generation, child)
    return keys, variation_keys(keys)


def entries(steps: list[Step]) -> list[Step]:
    """Returns the steps with which a line of descent entered a class, oldest first.

    The first is that of generation 0; then each whose class is another than its parent's.

    Args:
        steps: as `Lineage.descent` returns them, newest first.
    """
    oldest_first = steps[::-1]
    entered = (
        after for before, after in itertools.pairwise(oldest_first) if after.cell != before.cell
    )
    return [*oldest_first[:1], *entered]


def class_changes(steps: list[Step]) -> int:
    """Counts how often a line of descent passed from one class to another."""
    return len(entries(steps)) - 1
