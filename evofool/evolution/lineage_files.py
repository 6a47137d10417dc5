"""The files of a lineage: written, checked, read and cut.

`lineage/gen-NNNNNNNN.npy` holds records; `lineage/polished-NNNNNNNN.npz` genomes, see `polished`.
Each file ends at a checkpoint, so that a resumed run drops exactly what its checkpoint does not
know.
"""

import hashlib
import io
from pathlib import Path

import numpy as np

from evofool.support import (
    DamagedFileError,
    UserError,
    check_file,
    read_array,
    remove,
    replacing,
    sha256_of,
)

RECORDS, GENOMES = "gen-*.npy", "polished-*.npz"  # names of the files
MOST_BYTES = 2**32  # of a file, of a hundred million records

RECORD = np.dtype(
    [
        ("run", np.int32),
        ("generation", np.int32),
        ("child", np.int32),
        ("parent_generation", np.int32),  # -1: made at random
        ("parent_child", np.int32),
        ("parent_cell", np.int32),  # the class among whose elites the parent was
        ("mate_generation", np.int32),  # second parent of a crossover, or -1
        ("mate_child", np.int32),
    ]
)


def write(folder: Path, generation: int, records: np.ndarray) -> tuple[str, str]:
    """Writes the records up to a checkpoint; returns the name of the file and its SHA-256."""
    content = io.BytesIO()
    np.save(content, records, allow_pickle=False)
    path = folder / f"gen-{generation:08d}.npy"
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
    return path.name, hashlib.sha256(content.getbuffer()).hexdigest()


def files(folder: Path, names: str = RECORDS) -> list[Path]:
    """Lists the files of a lineage that are named `RECORDS` or `GENOMES`, the oldest first."""

    def is_numbered(path: Path) -> bool:
        number = path.stem.partition("-")[2]
        return number.isascii() and number.isdigit()

    return sorted(filter(is_numbered, folder.glob(names)))


def all_files(folder: Path) -> list[Path]:
    """Lists the files of a lineage, whatever they hold."""
    return [*files(folder, RECORDS), *files(folder, GENOMES)]


def checksums(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every lineage file, by its name."""
    return {path.name: sha256_of(path) for path in all_files(folder)}


def check(path: Path, sha256: str) -> None:
    """Makes sure that a lineage file is as it was written.

    Raises:
        DamagedFileError: it is not, or is missing.
    """
    try:
        check_file(path, most_bytes=MOST_BYTES)
        is_whole = sha256_of(path) == sha256
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}") from error
    except UserError as error:
        raise DamagedFileError(str(error)) from error
    if not is_whole:
        raise DamagedFileError(f"{path} is damaged: its bytes are not those that were written")


def cut(folder: Path, generation: int) -> None:
    """Removes what is of generations after `generation`, which must be a checkpoint's."""
    if not folder.is_dir():
        remove(folder)
    for path in all_files(folder):
        if generation_of(path) > generation:
            remove(path)


def generation_of(path: Path) -> int:
    """Returns the generation with which a lineage file ends."""
    return int(path.stem.partition("-")[2])


def read(path: Path) -> np.ndarray:
    """Reads a lineage file.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    records = read_array(path, most_bytes=MOST_BYTES)
    if records.dtype != RECORD or records.ndim != 1:
        raise UserError(f"{path} holds {records.dtype}, expected lineage records {RECORD}")
    return records


def check_records(records: np.ndarray) -> None:
    """Refuses records that no run has written, so that every walk from parent to parent ends.

    Raises:
        UserError: a parent is not older than its child, or a number is out of range.
    """
    own, parent, mate = (ids_of(records, kin) for kin in ("", "parent_", "mate_"))
    if (own < 0).any():
        raise UserError("a record has a negative number for its run, generation or child")
    for ids in (parent, mate):
        is_there = ids[:, 1] >= 0
        if (ids[:, 1] >= own[:, 1]).any():
            raise UserError("a record names a parent that is not older than its child")
        if (ids[~is_there, 1:] != -1).any() or (ids[is_there, 2] < 0).any():
            raise UserError("a record names a parent by a negative number")
    if (mate[parent[:, 1] < 0, 1] >= 0).any():
        raise UserError("a record names a second parent and no first")
    if ((records["parent_cell"] >= 0) != (parent[:, 1] >= 0)).any():
        raise UserError("a record names a parent without the class it held, or a class without one")


def ids_of(records: np.ndarray, kin: str = "") -> np.ndarray:
    """Returns run, generation and child of records or of their kin, `[records, 3]`."""
    columns = ("run", f"{kin}generation", f"{kin}child")
    return np.stack([records[name].astype(np.int64) for name in columns], axis=1)
