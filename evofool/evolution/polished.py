"""The genomes that polishing made, beside the lineage, which cannot make them again.

A child of evolution is made again from its parent and its random key. What polishing made depends
on the classifier as well, down to the last bits of its gradients, so it is kept: a file for each
generation, `lineage/polished-NNNNNNNN.npz`, written before the generation's checkpoint.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import jax
import numpy as np

from archive import Archive
from evofool.evolution.encodings import Encoding, Genomes, shapes_of
from evofool.evolution.lineage_files import GENOMES, files, generation_of
from evofool.support import UserError, read_arrays, sha256_of, write_arrays

MOST_BYTES = 2**30
NOT_GENOMES = (KeyError, IndexError, TypeError, ValueError)  # what arrays of another kind end in
Born = tuple[int, int]  # generation and child index


def store(folder: Path, generation: int, elites: Archive) -> dict[str, str]:
    """Writes the genomes that were born in a generation of polishing and became elites.

    Args:
        folder: of the lineage.
        generation: that the archive is that of the end of.
        elites: the archive.

    Returns:
        The SHA-256 of the file, by its name.
    """
    born = np.asarray(elites.items.born)
    run, cell = np.nonzero(born[..., 0] == generation)
    ids = np.stack([run, born[run, cell, 1]], axis=1)
    ids, first = np.unique(ids, axis=0, return_index=True)
    leaves = jax.tree.leaves(jax.device_get(elites.items.genome))
    arrays = {f"leaf_{i}": leaf[run[first], cell[first]] for i, leaf in enumerate(leaves)}
    folder.mkdir(exist_ok=True)
    path = folder / f"polished-{generation:08d}.npz"
    write_arrays(path, {"run": ids[:, 0], "child": ids[:, 1], **arrays})
    return {path.name: sha256_of(path)}


def copy_of_run(folder: Path, run: int, to: Path) -> None:
    """Copies what polishing made in one of the independent runs, as that of a run of its own.

    Args:
        folder: of the lineage.
        run: index of the run; its genomes are those of run 0 in the copy.
        to: folder of the other lineage.
    """
    for path in files(folder, GENOMES):
        arrays = read_arrays(path, most_bytes=MOST_BYTES)
        rows = np.flatnonzero(arrays["run"] == run)
        kept = {name: array[rows] for name, array in arrays.items()}
        kept["run"] = np.zeros_like(kept["run"])
        write_arrays(to / path.name, kept)


def load(
    folder: Path, encoding: Encoding, run: int, records: np.ndarray
) -> tuple[Encoding, dict[Born, Genomes]]:
    """Reads those genomes of some records that polishing made.

    Args:
        folder: of the lineage.
        encoding: of the run.
        run: index of the independent run.
        records: of a lineage.

    Returns:
        The encoding, grown until all of them have room, and the genomes by id, with that room and
        a leading axis of 1.

    Raises:
        UserError: a file cannot be read, or does not hold genomes of the run.
    """
    structure = jax.tree.structure(shapes_of(encoding))
    stored: dict[Born, list[np.ndarray]] = {}
    try:
        for path in files(folder, GENOMES):
            generation = generation_of(path)
            children = records["child"][records["generation"] == generation]
            if not len(children):
                continue
            arrays = read_arrays(path, most_bytes=MOST_BYTES)
            is_wanted = (arrays["run"] == run) & np.isin(arrays["child"], children)
            for row in np.flatnonzero(is_wanted):
                one = slice(row, row + 1)
                leaves = [arrays[f"leaf_{i}"][one] for i in range(structure.num_leaves)]
                stored[generation, int(arrays["child"][row])] = leaves
        encoding = with_room_for(encoding, stored.values())
        shapes = shapes_of(encoding)
        genomes = {born: with_room(leaves, shapes) for born, leaves in stored.items()}
        for genome in genomes.values():
            if fault := encoding.fault_of(genome):
                raise ValueError(fault)
    except NOT_GENOMES as error:
        raise UserError(f"{folder} does not hold genomes of this run: {error}") from error
    return encoding, genomes


def with_room_for(encoding: Encoding, stored: Iterable[list[np.ndarray]]) -> Encoding:
    """Returns an encoding whose genomes have room for stored ones."""
    for leaves in stored:
        shapes = jax.tree.leaves(shapes_of(encoding))
        while any(leaf.size > shape.size for leaf, shape in zip(leaves, shapes, strict=True)):
            if encoding == encoding.grown():
                raise ValueError("they are larger than its images")
            encoding = encoding.grown()
            shapes = jax.tree.leaves(shapes_of(encoding))
    return encoding


def with_room(leaves: Sequence[np.ndarray], shapes: Genomes) -> Genomes:
    """Makes genomes of their leaves, with the room that `shapes_of` an encoding says."""
    wanted, structure = jax.tree.flatten(shapes)
    pairs = zip(leaves, wanted, strict=True)
    return structure.unflatten(_filled_up(leaf, like) for leaf, like in pairs)


def _filled_up(leaf: np.ndarray, like: jax.ShapeDtypeStruct) -> np.ndarray:
    """Fills a leaf of genomes up with zeros, which is what unused entries of genomes hold."""
    leaf = leaf.astype(like.dtype, casting="same_kind")
    room = [wanted - size for wanted, size in zip(like.shape[1:], leaf.shape[1:], strict=True)]
    return np.pad(leaf, [(0, 0), *((0, free) for free in room)])
