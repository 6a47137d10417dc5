"""The state of long work in a file, so that it can be stopped and resumed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evofool.support.arrays import read_arrays
from evofool.support.errors import UserError
from evofool.support.files import replacing
from evofool.support.reading import parse_json

MOST_BYTES = 4 * 2**30  # of the arrays of an attack, unpacked: thousands of photographs


class Progress:
    """The file that holds how far an attack is.

    Args:
        path: of an `.npz` file; None saves nothing.
        **facts: what the attack depends on, plain values or arrays. An attack is resumed only
            from a file with the same facts.
    """

    def __init__(self, path: str | Path | None, **facts: object):
        self._path = None if path is None else Path(path)
        self._facts = json.dumps(facts, sort_keys=True, default=_digest)

    def load(self) -> dict[str, np.ndarray] | None:
        """Returns the arrays that were saved last; None when nothing was saved yet.

        Raises:
            UserError: the file cannot be read, or belongs to an attack with other facts.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            arrays = read_arrays(self._path, most_bytes=MOST_BYTES)
            saved = parse_json(str(arrays.pop("facts")), "what it depends on")
            if not isinstance(saved, dict):
                raise UserError("what it depends on is no JSON object")
        except (UserError, KeyError) as error:
            raise UserError(f"{self._path} holds no attack under way: {error}") from error
        wanted = json.loads(self._facts)
        changed = [name for name in saved | wanted if saved.get(name) != wanted.get(name)]
        if changed:
            raise UserError(
                f"{self._path} is of another attack: made for other {', '.join(changed)}; remove "
                "it, or name another file"
            )
        return arrays

    def save(self, arrays: Mapping[str, ArrayLike]) -> None:
        """Replaces the arrays that were saved before."""
        if self._path is None:
            return
        # Any: the type of `numpy.savez` mixes the arrays' names with a flag of its own
        contents: dict[str, Any] = {**arrays, "facts": np.array(self._facts)}
        # An open file: to a name that does not end in .npz NumPy adds the ending.
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, **contents)


def _digest(array: np.ndarray) -> str:
    """Returns what stands for an array among the facts, its hash."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
