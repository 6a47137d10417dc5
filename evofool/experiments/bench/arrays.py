"""Measures as named arrays in one file: nested NamedTuples, sequences and mappings of arrays."""

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import quote, unquote

import numpy as np

from evofool.support import Tree

Measures = TypeVar("Measures", bound=tuple)  # a NamedTuple, which is no type of its own


def flatten(measures: tuple) -> dict[str, np.ndarray]:
    """Names every array of a NamedTuple by its path: "runs/0/confidence".

    Fields may be arrays, numbers, text, NamedTuples, and sequences or mappings of these.
    """
    return dict(_leaves("", measures))


def restore(kind: type[Measures], arrays: Mapping[str, np.ndarray]) -> Measures:
    """Is the inverse of `flatten`, for a NamedTuple whose fields are annotated.

    Raises:
        KeyError: an array is missing.
    """
    tree: dict[str, Tree] = {}
    for path, array in arrays.items():
        *branches, leaf = path.split("/")
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf] = array
    return _grow(kind, tree)


def _leaves(path: str, value: Tree) -> Iterator[tuple[str, np.ndarray]]:
    parts: dict[str, Tree] = {}
    if isinstance(value, Mapping):
        parts = {quote(str(key), safe=" "): part for key, part in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        parts = value._asdict()  # pyright: ignore[reportAttributeAccessIssue]
    elif isinstance(value, list | tuple):
        parts = {str(place): part for place, part in enumerate(value)}
    else:
        yield path, np.asarray(value)
    for key, part in parts.items():
        yield from _leaves(f"{path}/{key}" if path else key, part)


def _grow(kind: Any, node: Tree) -> Any:
    """Builds a value of an annotated type; a node is an array, or nodes by name."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return kind(**{field: _grow(hints[field], node.get(field, {})) for field in hints})
    if origin in (dict, Mapping, typing.Mapping):
        return {unquote(key): _grow(inner[1], part) for key, part in node.items()}
    if origin in (list, tuple, Sequence):
        parts = [_grow(inner[0], node[str(place)]) for place in range(len(node))]
        return tuple(parts) if origin is tuple else parts
    if isinstance(node, dict):
        raise KeyError(kind)  # no array has this path
    return node.item() if kind in (int, float, str, bool) else node
