"""Names that settings may have: those that are built in, and those that users register."""

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

from evofool.support.errors import UserError, unknown_name

Value = TypeVar("Value")
PLUGINS = "EVOFOOL_PLUGINS"  # the environment variable


class Registry(Generic[Value]):
    """What users add under names of their own, beside the names that are built in.

    Args:
        kind: what the names are of, for messages, for instance "encoding".
        *built_in: names that nobody else may have.
    """

    def __init__(self, kind: str, *built_in: str):
        self._kind, self._built_in = kind, built_in
        self._values: dict[str, Value] = {}

    def __iter__(self) -> Iterator[str]:
        yield from (*self._built_in, *self._values)

    def add(self, name: str, value: Value) -> None:
        """Adds a value, or replaces the one of that name.

        Raises:
            UserError: the name is built in, or is not made of letters, digits, "_" and "-".
        """
        if name in self._built_in:
            raise UserError(f"{self._kind} {name!r} is built in; choose another name")
        if not re.fullmatch(r"[A-Za-z][\w-]*", name):
            raise UserError(
                f"{self._kind} {name!r}: expected a name of letters, digits, '_' and '-' that "
                "begins with a letter; a lambda has none: register it under one"
            )
        self._values[name] = value

    def check(self, name: str) -> None:
        """Refuses a name that nobody has.

        Raises:
            UserError: it is neither built in nor registered.
        """
        if name not in list(self):
            raise UserError(
                f"{unknown_name(self._kind, name, list(self))}; one of your own is registered in "
                f"Python, or in a file that the variable {PLUGINS} names"
            )

    def get(self, name: str) -> Value | None:
        """Returns what was registered; None for a name that is built in.

        Raises:
            UserError: the name is neither.
        """
        self.check(name)
        return self._values.get(name)
