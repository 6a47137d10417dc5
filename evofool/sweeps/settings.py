"""Settings of a run as one flat table: `cppn.add_node_rate` for what a TOML file nests."""

from collections.abc import Mapping
from typing import Any  # a setting: a number, text, a list of texts

TABLES = ("cppn", "direct", "polish")  # the settings that are tables of settings


def flattened(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested settings with dotted names.

    Example:
        >>> flattened({"seed": 1, "cppn": {"color": "hsv"}})
        {'seed': 1, 'cppn.color': 'hsv'}
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if name in TABLES and isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = value
    return flat


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings as `make_config` takes them; undoes `flattened`."""
    tree: dict[str, Any] = {}
    for name, value in settings.items():
        table, dot, inner = name.partition(".")
        if dot:
            tree.setdefault(table, {})[inner] = value
        else:
            tree[name] = value
    return tree
