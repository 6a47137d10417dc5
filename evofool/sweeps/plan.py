"""What a sweep is to do: a TOML file, and the points that it describes.

preset = "mnist-cppn"          # settings of all points, as for `evofool evolve --config`
generations = 100
seeds = 5                      # 0..4; or a list

[grid]                         # every combination of these
classifier = ["lenet", "mock:10"]
cppn.add_node_rate = [0.1, 0.5]

[[points]]                     # and of these, one table at a time
encoding = "cppn"
[[points]]
encoding = "direct"
"""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple  # Any: a setting, or what a TOML file holds

from evofool.config import EvolveConfig, make_config
from evofool.support import (
    Setting,
    UserError,
    check_trust,
    flattened,
    nested,
    parse_toml,
    read_text,
    unknown_name,
)

MOST_POINTS = 100_000
HASH = 10  # letters of the hash that ends a point's name
MOST_LETTERS = 100  # of the settings in a point's name
# settings that say how a run is written, not what comes out: no part of a point's name
OPERATIONAL = ("checkpoint_every", "keep_checkpoints")
# What a file may ask of an engine for each point. A file may come from anyone, so that none of
# these is code, or lets code in.
RESOURCES: dict[str, dict[str, type]] = {
    "ray": {"num_cpus": float, "num_gpus": float, "memory": int},
    "slurm": {
        **{"timeout_min": int, "mem_gb": float, "cpus_per_task": int, "gpus_per_node": int},
        **{"partition": str, "account": str, "qos": str, "constraint": str, "cluster": str},
    },
}
_WORD = re.compile(r"[\w.,:@&|*+-]{1,200}")


class Point(NamedTuple):
    """One run of a sweep.

    Attributes:
        name: of its run directory: the settings that differ between points, and a hash of all.
        settings: those that differ between points, dotted names; always with the seed.
        config: all of them.
    """

    name: str
    settings: dict[str, Setting]
    config: EvolveConfig


class Plan(NamedTuple):
    """What a sweep is to do.

    Attributes:
        points: each once.
        resources: by engine, what a point is to get: processors, time, memory.
    """

    points: tuple[Point, ...]
    resources: dict[str, dict[str, Setting]]


def read_plan(source: str | Path | Mapping[str, Setting], *, trust_code: bool = False) -> Plan:
    """Reads what a sweep is to do.

    Args:
        source: TOML file, or the same as a mapping.
        trust_code: whether the file may name classifiers that are code.

    Raises:
        UserError: it cannot be read, has unknown or impossible settings, describes too many points,
            or names code that is not trusted.
    """
    is_file = not isinstance(source, Mapping)
    table = parse_toml(read_text(Path(source)), source) if is_file else dict(source)
    preset, seeds = table.pop("preset", None), table.pop("seeds", 1)
    grid = _grid(table.pop("grid", {}))
    listed = _listed(table.pop("points", [{}]))
    resources = {engine: _resources(engine, table.pop(engine, {})) for engine in RESOURCES}
    base = flattened(table)
    if base.pop("runs", 1) != 1 or any("runs" in axis for axis in (grid, *listed)):
        raise UserError("runs is set; a sweep has a run directory for each seed: say seeds = N")
    if any("seed" in axis for axis in (grid, *listed)):
        raise UserError("seed is in [grid] or [[points]]; name the seeds as seeds = [0, 1, 2]")
    axes = {**grid, "seed": _seeds(seeds, base.get("seed", 0))}
    if math.prod(map(len, axes.values())) * len(listed) > MOST_POINTS:
        raise UserError(f"{source} describes more than {MOST_POINTS:,} points; use fewer values")
    points: dict[str, Point] = {}
    for settings in _combinations(listed, axes):
        config = make_config(preset=preset, **nested(base | settings))
        if is_file:
            check_trust(config.classifier, source=source, trust_code=trust_code)
        name = _name_of(settings, config)
        points.setdefault(identity(name), Point(name, settings, config))
    return Plan(tuple(points.values()), resources)


def identity(name: str) -> str:
    """Returns the end of a point's name: the hash of all its settings."""
    return name[-HASH:]


def _combinations(
    listed: Sequence[Mapping[str, Setting]], axes: Mapping[str, Sequence[Setting]]
) -> Iterator[dict[str, Setting]]:
    for one in listed:
        for values in itertools.product(*axes.values()):
            yield {**one, **dict(zip(axes, values, strict=True))}


def _grid(table: object) -> dict[str, list[Setting]]:
    axes = flattened(_table("[grid]", table))
    for name, values in axes.items():
        if not isinstance(values, list | tuple) or not values:
            raise UserError(f"grid: {name} is {values!r}; expected a list of values")
    return {name: list(values) for name, values in axes.items()}


def _listed(tables: object) -> list[dict[str, Setting]]:
    if not isinstance(tables, list | tuple) or not tables:
        raise UserError("points is no list of tables; write each as [[points]]")
    return [flattened(_table("[[points]]", table)) for table in tables]


def _seeds(seeds: object, first: object) -> list[int]:
    if isinstance(first, bool) or not isinstance(first, int):
        raise UserError(f"seed is {first!r}; expected a whole number, the first of the seeds")
    if isinstance(seeds, int) and not isinstance(seeds, bool) and 1 <= seeds <= MOST_POINTS:
        return list(range(first, first + seeds))
    if isinstance(seeds, list | tuple) and seeds:
        return list(seeds)  # the configuration checks each
    raise UserError(f"seeds is {seeds!r}; expected how many, or a list of seeds")


def _resources(engine: str, table: object) -> dict[str, Setting]:
    """Checks what points are to get; a word of text ends up in a script of SLURM."""
    known = RESOURCES[engine]
    asked = _table(f"[{engine}]", table)
    for name, value in asked.items():
        if name not in known:
            raise unknown_name(f"setting of [{engine}]", name, known)
        kind = known[name]
        fits = isinstance(value, (int, float) if kind is float else kind)
        if isinstance(value, bool) or not fits or (kind is not str and value < 0):
            raise UserError(f"{engine}.{name} is {value!r}; expected {_KINDS[kind]}")
        if kind is str and not _WORD.fullmatch(value):
            raise UserError(f"{engine}.{name} is {value!r}; expected one word")
    return dict(asked)


_KINDS = {int: "a whole number", float: "a number", str: "text"}


def _table(name: str, value: object) -> Mapping[str, Setting]:
    if not isinstance(value, Mapping):
        raise UserError(f"{name} is {value!r}; expected a table")
    return value


def _name_of(settings: Mapping[str, Setting], config: EvolveConfig) -> str:
    """Names a point; two have the same hash at the end if no result of theirs can differ."""
    label = "_".join(f"{name}={_letters(value)}" for name, value in settings.items())
    plain = flattened(EvolveConfig().to_dict())
    essence = {
        name: value
        for name, value in flattened(config.to_dict()).items()
        if value != plain[name] and name not in OPERATIONAL
    }
    digest = hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()
    return f"{label[:MOST_LETTERS]}_{digest[:HASH]}"


def _letters(value: object) -> str:
    """Writes a value with letters that no file system minds."""
    text = "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", text)
