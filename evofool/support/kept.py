"""Arrays of an attack under way, kept in a file, so that a long one can be stopped."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from evofool.support.errors import UserError
from evofool.support.files import replacing


class Progress:
    """Where an attack keeps how far it is.

    Args:
        path: of an `.npz` file; None to keep nothing.
        **facts: what the attack depends on, plain values or arrays; a file with others is not
            continued.
    """

    def __init__(self, path: str | Path | None, **facts: Any):
        self._path = None if path is None else Path(path)
        self._facts = json.dumps(facts, sort_keys=True, default=_digest)

    def load(self) -> dict[str, np.ndarray] | None:
        """Returns the arrays that were saved last; None at the beginning.

        Raises:
            UserError: the file cannot be read, or is of another attack.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            with self._path.open("rb") as file, np.load(file) as stored:
                arrays = dict(stored)
            facts = json.loads(str(arrays.pop("facts")))
        except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise UserError(f"{self._path} holds no attack under way: {error}") from error
        mine = json.loads(self._facts)
        changed = [name for name in facts | mine if facts.get(name) != mine.get(name)]
        if changed:
            raise UserError(
                f"{self._path} is of another attack: made for other {', '.join(changed)}; remove "
                "it, or name another file"
            )
        return arrays

    def save(self, arrays: Mapping[str, Any]) -> None:
        """Replaces what was saved."""
        if self._path is None:
            return
        everything: dict[str, Any] = dict(arrays) | {"facts": np.array(self._facts)}
        with replacing(self._path) as temporary:
            np.savez(temporary, **everything)


def _digest(array: np.ndarray) -> str:
    """Stands for an array among the facts."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
