"""NumPy's files: written whole or not at all, and read with limits.

What a header claims is compared with what the file holds.

A header of a hundred bytes can claim 2^40 records, and a small archive can unpack to gigabytes;
either would be allocated before the first value is read.
"""

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from evofool.support.errors import UserError
from evofool.support.files import replacing
from evofool.support.reading import check_file

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)
_UNREADABLE += (NotImplementedError, RuntimeError)  # other compressions, passwords


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an `.npz` file, compressed and without pickle, in place of the one that is there."""
    # An open file: to a name that does not end in .npz NumPy adds the ending, and writes elsewhere.
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_array(path: Path, *, most_bytes: int) -> np.ndarray:
    """Reads an `.npy` file.

    Args:
        path: of the file.
        most_bytes: the most that an array of its kind can have.

    Raises:
        UserError: it cannot be read, is too large, holds Python objects, which would be a pickle,
            or another number of bytes than its header says.
    """
    size = check_file(path, most_bytes=most_bytes)
    try:
        with path.open("rb") as file:
            return _read(file, size, str(path))
    except _UNREADABLE as error:
        raise _damaged(str(path), error) from error


def read_arrays(path: Path, *, most_bytes: int) -> dict[str, np.ndarray]:
    """Reads an `.npz` file, whole.

    Args:
        path: of the file.
        most_bytes: the most that all its arrays together can have, unpacked.

    Raises:
        UserError: as `read_array`.
    """
    check_file(path, most_bytes=most_bytes)
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            unpacked = sum(member.file_size for member in members)
            if unpacked > most_bytes:
                raise UserError(
                    f"{path} unpacks to {unpacked:,} bytes; expected at most {most_bytes:,} of a "
                    "file of its kind"
                )
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                with packed.open(member) as file:
                    arrays[name] = _read(file, member.file_size, f"{path}, {name}")
            return arrays
    except _UNREADABLE as error:
        raise _damaged(str(path), error) from error


def _read(file: IO[bytes], size: int, where: str) -> np.ndarray:
    """Reads one array of a file of `size` bytes, header included."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):  # 3.0 is for names of fields that are not Latin-1
        raise UserError(f"{where} is of the format {version}; expected that of NumPy, 1.0 or 2.0")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise UserError(
            f"{where} holds Python objects, which could run code when they are read; expected "
            "numbers or text"
        )
    claimed, held = math.prod(shape) * dtype.itemsize, size - file.tell()
    if claimed != held or min(shape, default=0) < 0:
        raise UserError(
            f"{where} holds {held:,} bytes, and its header says {claimed:,}: it is damaged"
        )
    content = file.read(held)
    if len(content) != held:
        raise UserError(f"{where} is cut short: {len(content):,} of {held:,} bytes")
    values = np.frombuffer(content, dtype).copy()  # writable, as `numpy.load` returns it
    return values.reshape(shape[::-1]).T if is_fortran else values.reshape(shape)


def _damaged(where: str, error: Exception) -> UserError:
    """Makes the error; what NumPy advises, to allow pickles, is not passed on."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, OSError) and error.strerror:
        return UserError(f"cannot read {where}: {error.strerror}")
    return UserError(f"{where} is damaged, or is no file of arrays")
