"""The genomes that polishing made, beside the lineage, which cannot make them again.

A child of evolution is made again from its parent and its random key. What polishing made depends
on the classifier as well, down to the last bits of its gradients, so it is kept: a file for each
generation, `lineage/polished-NNNNNNNN.npz`, written before the generation's checkpoint.
"""

from pathlib import Path

import jax
import numpy as np

from archive import Archive
from evofool.evolution.encodings import Encoding, Genomes
from evofool.support import UserError, read_arrays, replacing, sha256_of

MOST_BYTES = 2**30
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
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, run=ids[:, 0], child=ids[:, 1], **arrays)
    return {path.name: sha256_of(path)}


def load(folder: Path, encoding: Encoding, run: int) -> tuple[Encoding, dict[Born, Genomes]]:
    """Reads all genomes of a run that polishing made.

    Args:
        folder: of the lineage.
        encoding: of the run.
        run: index of the independent run.

    Returns:
        The encoding, grown until all of them have room, and the genomes by id, with that room and
        a leading axis of 1.

    Raises:
        UserError: a file cannot be read, or does not hold genomes of the run.
    """
    stored = [(path, read_arrays(path, most_bytes=MOST_BYTES)) for path in files(folder)]
    stored = [(path, arrays) for path, arrays in stored if len(arrays.get("run", ()))]
    like, structure = jax.tree.flatten(_shapes(encoding))
    names = [f"leaf_{i}" for i in range(len(like))]
    genomes: dict[Born, Genomes] = {}
    try:
        for _, arrays in stored:
            while any(
                arrays[name][0].size > leaf.size for name, leaf in zip(names, like, strict=True)
            ):
                if encoding == encoding.grown():
                    raise ValueError("they are larger than its images")
                encoding = encoding.grown()
                like = jax.tree.leaves(_shapes(encoding))
        for path, arrays in stored:
            rows = np.flatnonzero(arrays["run"] == run)
            leaves = [
                _with_room(arrays[name][rows], shape)
                for name, shape in zip(names, like, strict=True)
            ]
            for row, child in enumerate(arrays["child"][rows].tolist()):
                one = [leaf[row : row + 1] for leaf in leaves]
                genomes[generation_of(path), child] = jax.tree.unflatten(structure, one)
    except (KeyError, ValueError) as error:
        raise UserError(f"{folder} does not hold genomes of this run: {error}") from error
    return encoding, genomes


def _shapes(encoding: Encoding) -> Genomes:
    return jax.eval_shape(lambda: encoding.init(jax.random.key(0)[None]))


def files(folder: Path) -> list[Path]:
    """Lists the files of a run directory, the oldest first."""
    return sorted(
        path
        for path in folder.glob("polished-*.npz")
        if (number := path.stem.removeprefix("polished-")).isascii() and number.isdigit()
    )


def checksums(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file, by its name."""
    return {path.name: sha256_of(path) for path in files(folder)}


def cut(folder: Path, generation: int) -> None:
    """Removes the genomes of generations after `generation`, which must be a checkpoint's."""
    for path in files(folder):
        if generation_of(path) > generation:
            path.unlink()


def generation_of(path: Path) -> int:
    """Returns the generation that a file is of."""
    return int(path.stem.split("-")[1])


def _with_room(leaf: np.ndarray, like: jax.ShapeDtypeStruct) -> np.ndarray:
    """Fills rows up with zeros, which is what unused entries of genomes hold."""
    room = [(0, wanted - size) for wanted, size in zip(like.shape[1:], leaf.shape[1:], strict=True)]
    return np.pad(leaf.astype(like.dtype, casting="same_kind"), [(0, 0), *room])
