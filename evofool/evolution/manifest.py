"""What a checkpoint vouches for, beside its arrays: settings, lineage and metrics up to it.

A manifest travels as metadata of each checkpoint, which Orbax writes last. It holds a checksum of
everything that the run has left by then, and a *seal*, a checksum of itself. So whoever reads a run
directory can tell what is as it was written. Runs of versions before schema 2 have no such
checksums; what cannot be checked there is said by `evofool verify`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

from evofool.evolution import lineage_files, metrics
from evofool.support import DamagedFileError, JsonValue

UNSEALED, SCHEMA = 1, 2  # schemas that can be read; the first has neither seal nor history
LETTERS = 16  # of the digest of a member of config.json

# What a user may change between two processes of a run: where the weights lie, when it ends, and
# when it writes checkpoints. All else decides what the images are.
FREE = {
    *("weights", "generations", "target_confidence", "max_seconds", "max_evaluations"),
    *("checkpoint_every", "keep_checkpoints"),
}
APART = ("config", "micro_batches")  # members of config.json: taken one by one, and listed early on

MicroBatches = list[tuple[int, int]]  # (generation, size used from it on), in order


class History(TypedDict):
    """What a run has left up to a checkpoint, beside its arrays.

    Attributes:
        micro_batches: that it has used.
        settings: a digest of every member of `config.json`, those of `FREE` left out.
        lineage: SHA-256 of every lineage file, by name.
        metrics: how much of `metrics.jsonl` is vouched for.
    """

    micro_batches: MicroBatches
    settings: dict[str, str]
    lineage: dict[str, str]
    metrics: metrics.Extent


class Manifest(TypedDict):
    """What a checkpoint says of itself, in its metadata.

    Attributes:
        schema: of the version that wrote it.
        prng: kind of the random keys.
        sha256: of the table.
        micro_batches: that the run has used up to here; early versions listed them in
            `config.json` instead.
        settings, lineage, metrics: see `History`.
        seal: SHA-256 of all the other members.
    """

    schema: int
    prng: str
    sha256: str
    micro_batches: NotRequired[MicroBatches]
    settings: NotRequired[dict[str, str]]
    lineage: NotRequired[dict[str, str]]
    metrics: NotRequired[metrics.Extent]
    seal: NotRequired[str]


def sealed(content: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Returns a copy of a JSON object with a `seal`: the SHA-256 of its other members."""
    return {**json.loads(json.dumps(content)), "seal": _seal_of(content)}


def has_its_seal(content: Mapping[str, JsonValue]) -> bool:
    """Says whether a sealed object is the one that was sealed."""
    return content.get("seal") == _seal_of(content)


def _seal_of(content: Mapping[str, JsonValue]) -> str:
    return _digest({name: value for name, value in content.items() if name != "seal"})


def settings_of(config_json: Mapping[str, JsonValue]) -> dict[str, str]:
    """Returns a digest of every member of a run's `config.json` that must not change."""
    outer = {name: value for name, value in config_json.items() if name not in APART}
    inner = {name: value for name, value in config_json["config"].items() if name not in FREE}
    members = outer | {f"config.{name}": value for name, value in inner.items()}
    return {name: _digest(value)[:LETTERS] for name, value in members.items()}


def changed_settings(config_json: Mapping[str, JsonValue], manifest: Manifest) -> list[str]:
    """Names the members of `config.json` that are not as they were at a checkpoint."""
    now = settings_of(config_json)
    then = manifest.get("settings", {})
    return [name for name, digest in then.items() if now.get(name) != digest]


def settings_message(folder: Path, changed: list[str]) -> str:
    """Says that settings of a run were changed."""
    names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if changed[3:] else "")
    return (
        f"{folder / 'config.json'} was edited or is damaged: not as when the run was made are "
        f"{names}; put the old values back"
    )


def damaged_history(folder: Path, manifest: Manifest) -> list[str]:
    """Lists what is wrong with lineage and metrics up to a checkpoint, a file in each line.

    Args:
        folder: the run directory.
        manifest: of the checkpoint; nothing is found if it vouches for neither.
    """
    return [*damaged_lineage(folder, manifest), *damaged_metrics(folder, manifest)]


def damaged_lineage(folder: Path, manifest: Manifest) -> list[str]:
    """Lists what is wrong with the lineage; otherwise as `damaged_history`."""
    found: list[str] = []
    for name, sha256 in manifest.get("lineage", {}).items():
        try:
            lineage_files.check(folder / "lineage" / name, sha256)
        except DamagedFileError as error:
            found.append(str(error))
    return found


def damaged_metrics(folder: Path, manifest: Manifest) -> list[str]:
    """Lists what is wrong with the metrics; otherwise as `damaged_history`."""
    try:
        if extent := manifest.get("metrics"):
            metrics.check(folder / "metrics.jsonl", extent)
    except DamagedFileError as error:
        return [str(error)]
    return []


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
