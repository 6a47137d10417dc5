"""The genomes that a run begins with, where these are given: its first children of generation 0.

They lie in the run directory as `starters.npz`, as nothing can make them again: a run that is
resumed before its first checkpoint, and lines of descent, find them there.
"""

import shutil
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from evofool.evolution import polished
from evofool.evolution.encodings import Encoding, Genomes, shapes_of
from evofool.evolution.polished import MOST_BYTES, NOT_GENOMES, Born, with_room, with_room_for
from evofool.support import UserError, read_arrays, write_arrays

FILE = "starters.npz"


class Starters(NamedTuple):
    """Given genomes, with the encoding that has room for them.

    Attributes:
        encoding: of the run, grown.
        genomes: leaves `[number, ...]`.
        number: of the genomes.
    """

    encoding: Encoding
    genomes: Genomes
    number: int

    def among(self, records: np.ndarray, encoding: Encoding) -> dict[Born, Genomes]:
        """Returns those that some records of a lineage name, by id, with a leading axis of 1.

        Args:
            records: of a lineage.
            encoding: of the run, whose room they get.
        """
        is_first = (records["generation"] == 0) & (records["child"] < self.number)
        full = with_room(jax.tree.leaves(self.genomes), shapes_of(encoding))
        return {
            (0, child): jax.tree.map(itemgetter(slice(child, child + 1)), full)
            for child in records["child"][is_first].tolist()
        }


def store(folder: Path, genomes: Genomes) -> None:
    """Writes the genomes that a run is to begin with into its directory."""
    leaves = map(np.asarray, jax.tree.leaves(genomes))
    arrays = {f"leaf_{i}": leaf for i, leaf in enumerate(leaves)}
    write_arrays(folder / FILE, arrays)


def load(folder: Path, encoding: Encoding) -> Starters | None:
    """Reads the genomes that a run begins with; None where it begins with random ones.

    Args:
        folder: of the run.
        encoding: of the run, with the room that its genomes have at first.

    Raises:
        UserError: the file cannot be read, or does not hold genomes of the run.
    """
    path = folder / FILE
    if not path.exists():
        return None
    structure = jax.tree.structure(shapes_of(encoding))
    arrays = read_arrays(path, most_bytes=MOST_BYTES)
    try:
        leaves = [arrays[f"leaf_{i}"] for i in range(structure.num_leaves)]
        encoding = with_room_for(encoding, [[leaf[:1] for leaf in leaves]])
        genomes = with_room(leaves, shapes_of(encoding))
        if fault := encoding.fault_of(genomes):
            raise ValueError(fault)
    except NOT_GENOMES as error:
        raise UserError(f"{path} does not hold genomes of this run: {error}") from error
    return Starters(encoding, genomes, len(leaves[0]))


def copy(folder: Path, to: Path) -> None:
    """Copies the genomes that a run began with, if there are any, to one that continues it."""
    if (folder / FILE).exists():
        shutil.copy(folder / FILE, to)


def remembered(
    folder: Path, encoding: Encoding, run: int, records: np.ndarray
) -> tuple[Encoding, dict[Born, Genomes]]:
    """Reads those genomes of some records that a run keeps, as it could not make them again.

    Args:
        folder: of the run.
        encoding: of the run.
        run: index of the independent run.
        records: of a lineage.

    Returns:
        The encoding, grown until all of them have room, and the genomes that the run began with
        or that polishing made, by id, with that room and a leading axis of 1.

    Raises:
        UserError: a file cannot be read, or does not hold genomes of the run.
    """
    given = load(folder, encoding)
    encoding = encoding if given is None else given.encoding
    encoding, known = polished.load(folder / "lineage", encoding, run, records)
    return encoding, known if given is None else known | given.among(records, encoding)
