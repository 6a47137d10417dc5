"""JSON objects from files, checked against the `TypedDict` that describes them.

One reader for all of them, so that a file that was edited or damaged is refused in one line that
names the file and the member, wherever it is used later.
"""

import functools
import math
import types
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import (
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from evofool.support.errors import UserError

Record = TypeVar("Record")
Hint = Any  # a type, or what `typing` makes of types
MOST_WHOLE = 2**63
MOST_SHOWN = 60  # letters of a wrong value in a message

_KINDS: dict[type, tuple[str, type | tuple[type, ...]]] = {
    int: ("a whole number", int),
    float: ("a finite number", (int, float)),
    str: ("text", str),
    bool: ("true or false", bool),
    types.NoneType: ("null", types.NoneType),
}


def as_record(
    kind: type[Record], value: object, source: str | Path, *, may_lack: Collection[str] = ()
) -> Record:
    """Makes sure that a JSON value is what a `TypedDict` says, and returns it as such.

    Members that the `TypedDict` does not know are left alone.

    Args:
        kind: the `TypedDict`; its members are JSON types, lists, dictionaries, or records again.
        value: as `json.loads` returned it.
        source: where it comes from, for the message.
        may_lack: members that files of earlier versions do not have.

    Raises:
        UserError: a member is missing or of another kind.
    """
    _Checker(source, may_lack).check(kind, value, "")
    return cast(Record, value)


def check_version(found: object, ours: str, source: str | Path) -> None:
    """Refuses a file that a newer version of evofool made.

    Args:
        found: the version that the file names.
        ours: this version.
        source: the file, for the message.

    Raises:
        UserError: the version is newer, in its first two numbers, or none at all.
    """
    theirs, mine = _numbers(str(found)), _numbers(ours)
    if theirs is None:
        raise UserError(f"{source}: evofool is {_shown(found)}; expected a version such as {ours}")
    if mine is not None and theirs > mine:
        raise UserError(
            f"{source} was made by evofool {found}, and this is {ours}; use that version or a newer"
        )


def check_schema(found: object, known: Iterable[int], source: str | Path) -> None:
    """Refuses a file of another schema than those that this version reads.

    Args:
        found: the schema that the file names.
        known: those that this version reads.
        source: the file, for the message.

    Raises:
        UserError: the schema is newer, or none at all.
    """
    if found in (schemas := list(known)) and not isinstance(found, bool):
        return
    if isinstance(found, int) and not isinstance(found, bool) and found > max(schemas):
        raise UserError(
            f"{source} has schema {found}, and this version of evofool reads up to {max(schemas)}; "
            "use a newer version of evofool"
        )
    raise UserError(f"{source}: schema is {_shown(found)}; expected {max(schemas)}")


class _Checker(NamedTuple):
    """Checks the members of one file."""

    source: str | Path
    may_lack: Collection[str]

    def check(self, kind: Hint, value: object, place: str) -> None:
        origin, inner = get_origin(kind), get_args(kind)
        if kind is Any:
            return
        if is_typeddict(kind):
            self._check_members(kind, value, place)
        elif origin in (Union, types.UnionType):
            if not any(_fits(option, value) for option in inner):
                raise self._wrong(value, " or ".join(map(_name_of, inner)), place)
        elif origin is Literal:
            if not isinstance(value, str) or value not in inner:
                raise self._wrong(value, " or ".join(map(repr, inner)), place)
        elif origin is dict:
            for name, one in self._members_of(value, place).items():
                self.check(inner[1], one, _join(place, name))
        elif origin in (list, tuple):
            self._check_list(origin, inner, value, place)
        elif not _fits(kind, value):
            raise self._wrong(value, _name_of(kind), place)

    def _check_members(self, kind: Hint, value: object, place: str) -> None:
        members = self._members_of(value, place)
        for name, hint in _hints(kind).items():
            if name in members:
                self.check(hint, members[name], _join(place, name))
            elif name in kind.__required_keys__ and name not in self.may_lack:
                raise UserError(f"{self.source} is damaged: it has no {_join(place, name)}")

    def _check_list(self, origin: Hint, inner: tuple[Hint, ...], value: object, place: str) -> None:
        if not isinstance(value, list):
            raise self._wrong(value, "a list", place)
        if origin is tuple and len(value) != len(inner):
            raise self._wrong(value, f"a list of {len(inner)}", place)
        kinds = inner if origin is tuple else inner * len(value)
        for number, (one, its_kind) in enumerate(zip(value, kinds, strict=True)):
            self.check(its_kind, one, f"{place}[{number}]")

    def _members_of(self, value: object, place: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self._wrong(value, "an object with members", place)
        return value

    def _wrong(self, value: object, expected: str, place: str) -> UserError:
        return UserError(
            f"{self.source}: {place or 'the content'} is {_shown(value)}; expected {expected}"
        )


@functools.cache
def _hints(kind: Hint) -> Mapping[str, Hint]:
    return get_type_hints(kind)


def _fits(kind: Hint, value: object) -> bool:
    if isinstance(value, bool) and kind is not bool:
        return False
    if not isinstance(value, _KINDS[kind][1]):
        return False
    if isinstance(value, int):
        return abs(value) < MOST_WHOLE  # larger ones fit no array, nor a float
    return not isinstance(value, float) or math.isfinite(value)


def _name_of(kind: Hint) -> str:
    return _KINDS[kind][0]


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _numbers(version: str) -> tuple[int, int] | None:
    parts = version.split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts[:2]):
        return None
    return int(parts[0][:9]), int(parts[1][:9])
