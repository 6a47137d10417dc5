"""Dataclasses of settings: made from plain values, merged, and checked field by field."""

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from evofool.support.errors import UserError, unknown_name
from evofool.support.loose import Setting

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TABLES = ("cppn", "direct", "polish")  # the settings that are tables of settings

Built = TypeVar("Built", bound="DataclassInstance")


def build(cls: type[Built], values: Mapping[str, Setting], *, prefix: str = "") -> Built:
    """Makes a dataclass of settings from nested plain values.

    Args:
        cls: the dataclass; fields are numbers, texts, `Literal`s, tuples of texts, or dataclasses.
        values: of its fields; what is left out keeps its default.
        prefix: of the names in messages, for instance "cppn.".

    Raises:
        UserError: an unknown name, or a value of the wrong kind or out of range.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    arguments: dict[str, Setting] = {}
    for name, value in values.items():
        if name not in fields:
            raise unknown_name("setting", prefix + name, [prefix + f for f in fields])
        kind = fields[name].type
        nested = kind if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None
        if nested is not None and isinstance(value, Mapping):
            value = build(nested, value, prefix=f"{prefix}{name}.")
        elif nested is not None and not isinstance(value, nested):
            raise UserError(f"{name} is {value!r}; expected a table of its settings")
        arguments[name] = _coerce(prefix + name, value, fields[name])
    return cls(**arguments)


def _coerce(name: str, value: Setting, spec: dataclasses.Field) -> Any:
    """Checks one plain value against the field's default and annotation."""
    annotation = str(spec.type)
    if annotation.startswith("tuple"):
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise UserError(f"{name} is {value!r}; expected a list")
        return tuple(str(v) for v in value)
    if value is None and "None" in annotation:
        return None
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    options = getattr(spec.type, "__args__", ())
    if annotation.startswith("typing.Literal") and value not in options:
        raise unknown_name(name, str(value), options)
    for kind, accepted in (("int", int), ("float", (int, float)), ("str", str)):
        if annotation in (kind, f"<class '{kind}'>", f"{kind} | None"):
            if isinstance(value, bool) or not isinstance(value, accepted):
                raise UserError(f"{name} is {value!r}; expected {_ARTICLE[kind]}")
            try:
                return float(value) if kind == "float" else value
            except OverflowError as error:
                raise UserError(f"{name} is far too large for a number") from error
    return value


_ARTICLE = {"int": "a whole number", "float": "a number", "str": "text"}


def merged(base: Mapping[str, Setting], over: Mapping[str, Setting]) -> dict[str, Setting]:
    """Returns nested settings in which those of `over` override those of `base`."""
    result = dict(base)
    for name, value in over.items():
        below = result.get(name)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[name] = merged(below, value)
        else:
            result[name] = value
    return result


def check_rates(config: Any, prefix: str) -> None:
    """Refuses probabilities outside [0, 1]: all fields whose names end in `_rate`."""
    for spec in dataclasses.fields(config):
        if spec.name.endswith("_rate"):
            value = getattr(config, spec.name)
            if not 0.0 <= value <= 1.0:  # also refuses NaN
                raise UserError(
                    f"{prefix}.{spec.name} is {value}; expected a probability in [0, 1]"
                )


def check_counts(config: object, prefix: str, **ranges: tuple[int, int]) -> None:
    """Refuses fields outside their ranges.

    Args:
        config: the dataclass.
        prefix: of the names in messages, for instance "cppn.".
        **ranges: the least and the most of each field; None is in every range.
    """
    for name, (least, most) in ranges.items():
        value = getattr(config, name)
        if value is not None and not least <= value <= most:
            raise UserError(f"{prefix}{name} is {value}; expected {least}..{most}")


def check_positive(config: object, prefix: str, *names: str) -> None:
    """Refuses fields that are not more than 0, or not finite.

    Args:
        config: the dataclass.
        prefix: of the names in messages, for instance "cppn".
        *names: of the fields.
    """
    for name in names:
        value = getattr(config, name)
        if not (value > 0 and math.isfinite(value)):
            full = f"{prefix}.{name}" if prefix else name
            raise UserError(f"{full} is {value}; expected more than 0")


def flattened(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Returns nested settings with dotted names.

    Example:
        >>> flattened({"seed": 1, "cppn": {"color": "hsv"}})
        {'seed': 1, 'cppn.color': 'hsv'}
    """
    flat: dict[str, Setting] = {}
    for name, value in settings.items():
        if name in TABLES and isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = value
    return flat


def nested(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Returns settings as `make_config` takes them; undoes `flattened`."""
    tree: dict[str, Setting] = {}
    for name, value in settings.items():
        table, dot, inner = name.partition(".")
        if dot:
            tree.setdefault(table, {})[inner] = value
        else:
            tree[name] = value
    return tree
