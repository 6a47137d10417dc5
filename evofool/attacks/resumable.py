"""Arrays of an attack under way, kept in a file, so that a long one can be stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evofool.errors import UserError
from evofool.files import replacing


class Progress:
    """Where an attack keeps how far it is.

    Args:
        path: of an `.npz` file; None to keep nothing.
        **facts: plain values that the attack depends on; a file with others is not continued.
    """

    def __init__(self, path: str | Path | None, **facts: Any):
        self._path = None if path is None else Path(path)
        self._facts = json.dumps(facts, sort_keys=True)

    def load(self) -> dict[str, np.ndarray] | None:
        """Returns the arrays that were saved last; None at the beginning.

        Raises:
            UserError: the file cannot be read, or is of another attack.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            with np.load(self._path) as stored:
                arrays = dict(stored)
            facts = str(arrays.pop("facts"))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{self._path} holds no attack under way: {error}") from error
        if facts != self._facts:
            raise UserError(
                f"{self._path} is of another attack: {facts}, not {self._facts}; remove it, or "
                "name another file"
            )
        return arrays

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replaces what was saved."""
        if self._path is None:
            return
        everything: dict[str, Any] = dict(arrays) | {"facts": np.array(self._facts)}
        with replacing(self._path) as temporary:
            np.savez(temporary, **everything)
