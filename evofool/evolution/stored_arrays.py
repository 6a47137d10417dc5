"""The arrays of a checkpoint, read with TensorStore, the library below Orbax.

Orbax itself, when it meets a damaged file, leaves tasks behind that print tracebacks.
"""

import math
import os
from pathlib import Path

import numpy as np

from evofool.support import AnyArray, UserError, check_room

NOT_READ = "\\"  # TensorStore takes it for the border of a folder, as on Windows
NOT_WRITTEN = NOT_READ + "["  # Orbax looks for its own files with a pattern
Table = dict[str, np.ndarray]  # arrays by their dotted names in the run state


def read_arrays(path: Path) -> Table:
    """Reads the arrays of a checkpoint.

    Raises:
        UserError: they do not fit the memory, or as `check_name`.
        Exception: whatever TensorStore stumbles on, or a file that may never end.
    """
    import tensorstore

    check_name(path, NOT_READ)
    _check_files(path)
    # no URL, in which a name with % or # would have to be quoted
    store = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{path.resolve()}/"}}
    keys = tensorstore.KvStore.open(store).result().list().result()
    arrays = {}
    for name in sorted({key.decode().split("/")[0] for key in keys}):
        spec = {"driver": "zarr3", "kvstore": store | {"path": f"{name}/"}}
        arrays[name] = tensorstore.open(spec).result()
    check_room(
        sum(_bytes_of(array) for array in arrays.values()),
        f"the checkpoint {path.parent}",
        remedy="use a machine with more; if the run is not large, the checkpoint is damaged",
    )
    return {name: array.read().result() for name, array in arrays.items()}


def check_name(path: Path, letters: str) -> None:
    """Refuses a path that Orbax or TensorStore would take for another one.

    Args:
        path: of a folder.
        letters: that it must not have on this system.

    Raises:
        UserError: it has.
    """
    found = [letter for letter in letters if letter in str(path.absolute())]
    if found and os.sep == "/":
        raise UserError(
            f"cannot use {path}: the library that stores checkpoints takes the {found[0]} in its "
            "name for something else; rename the folder"
        )


def _bytes_of(array: AnyArray) -> int:
    """Returns what it takes to read an array of TensorStore, or a single chunk of it."""
    chunk = array.chunk_layout.read_chunk.shape or ()
    return max(math.prod(array.shape), math.prod(chunk)) * array.dtype.numpy_dtype.itemsize


def _check_files(path: Path) -> None:
    """Makes sure that a checkpoint holds nothing but folders and files: none waits for ever."""
    for file in path.rglob("*"):
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise ValueError(f"{file.name} in it is no regular file")
