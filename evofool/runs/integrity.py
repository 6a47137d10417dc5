"""What of a run directory can be used: its files, as far as a checkpoint vouches for them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import jax
import numpy as np

from archive import Archive
from evofool.classifiers import Card
from evofool.config import EvolveConfig
from evofool.evolution import (
    Checkpoint,
    Encoding,
    Genomes,
    Item,
    Lineage,
    MetricsLine,
    changed_settings,
    damaged_lineage,
    damaged_metrics,
    genome_arrays,
    genomes_from,
    load_newest,
    make_encoding,
    makes_again,
    metrics,
    settings_message,
)
from evofool.runs.summary import Manifest
from evofool.support import AnyArray, DamagedFileError, UserError, sha256_of

GENOME = "archive.items.genome"
_KINDS = {
    "archive.fitness": np.float32,
    "archive.items.born": np.int32,
    "archive.items.best": np.int32,
}


def load_usable(
    folder: Path, manifest: Manifest, doubt: Callable[[str, str], None]
) -> Checkpoint | None:
    """Reads the newest whole checkpoint of a run directory; returns None before the first.

    Args:
        folder: the run directory.
        manifest: its `config.json`.
        doubt: told what is damaged, and what is used all the same.

    Raises:
        DamagedFileError: there are checkpoints, but none can be used.
    """

    def pass_over(damage: str) -> None:
        doubt(f"{damage}; {makes_again(folder)}", "an older one is used")

    newest = load_newest(folder / "checkpoints", pass_over)
    if newest is not None and (changed := changed_settings(manifest, newest.manifest)):
        doubt(settings_message(folder, changed), "it is used as it is")
    return newest


def check_arrays(newest: Checkpoint, config: EvolveConfig, card: Card, folder: Path) -> None:
    """Makes sure that a checkpoint's arrays are those of a run.

    Args:
        newest: the checkpoint.
        config: of the run.
        card: of its classifier.
        folder: the run directory, for the message.

    Raises:
        UserError: an array is missing or of another shape than `config.json` says.
    """
    table, classes = newest.table, len(config.classes) or card.classes
    source = folder / "checkpoints" / str(newest.generation)
    fitness = table.get("archive.fitness", np.empty(0))
    runs, cells = fitness.shape if fitness.ndim == 2 else (0, 0)
    if runs != config.runs or cells == 0 or cells % classes:
        raise UserError(
            f"{source} has elites of {runs} runs in {cells} cells each, but in config.json runs is "
            f"{config.runs} and there are {classes} classes: it was edited or is damaged"
        )
    encoding = make_encoding(config, card.input_shape)
    pairs = ("archive.items.born", "archive.items.best")
    for name in (*pairs, *genome_arrays(encoding, prefix=GENOME)):
        shape = table[name].shape if name in table else ()
        if shape[:2] != (runs, cells) or (name in pairs and shape[2:] != (2,)):
            raise UserError(
                f"{source}: {name} has shape {shape}; expected {(runs, cells)} and more, as "
                f"encoding is {config.encoding!r} in config.json"
            )
    for name, kind in _KINDS.items():
        if table[name].dtype != kind:
            raise UserError(f"{source}: {name} is {table[name].dtype}; expected {np.dtype(kind)}")
    is_there = np.isfinite(fitness)
    genomes = jax.tree.map(lambda leaf: leaf[is_there], genomes_of(table, encoding))
    if fault := encoding.fault_of(genomes):
        raise UserError(f"{source} holds genomes that no run makes: {fault}")
    best = table["archive.items.best"][is_there]
    if not ((best >= 0) & (best < card.outputs)).all():
        raise UserError(
            f"{source} names outputs beyond the {card.outputs} of the classifier in config.json"
        )


def genomes_of(table: Mapping[str, AnyArray], encoding: Encoding) -> Genomes:
    """Returns the genomes in a checkpoint's arrays, leaves `[runs, cells, ...]`."""
    return genomes_from(table, encoding, prefix=GENOME)


def archive_of(table: Mapping[str, AnyArray], encoding: Encoding) -> Archive:
    """Returns the archive in a checkpoint's arrays."""
    born, best = table["archive.items.born"], table["archive.items.best"]
    items = Item(genomes_of(table, encoding), born, best)
    return Archive(items, table["archive.fitness"])


def read_metrics(folder: Path, newest: Checkpoint | None) -> list[MetricsLine]:
    """Reads the metrics of a run, checked as far as a checkpoint vouches for them.

    Raises:
        UserError: the file is damaged.
    """
    if newest is not None:
        _refuse(damaged_metrics(folder, newest.manifest), folder)
    return list(metrics.read(folder / "metrics.jsonl"))


def read_lineage(folder: Path, newest: Checkpoint, config: EvolveConfig, classes: int) -> Lineage:
    """Reads the lineage of a run up to a checkpoint, checked as far as it vouches for it.

    Raises:
        UserError: a file is damaged, or the records cannot be those of the run.
    """
    _refuse(damaged_lineage(folder, newest.manifest), folder)
    read = Lineage.load(folder / "lineage", last=newest.generation)
    polished = config.polish.batch_size if config.polish.steps else 0
    children = max(config.batch_size, polished)
    read.check_within(runs=config.runs, children=children, cells=classes)
    return read


def image_hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Returns the SHA-256 of those of a run directory's images that are there."""
    return {name: sha256_of(folder / name) for name in names if (folder / name).is_file()}


def _refuse(damage: list[str], folder: Path) -> None:
    if damage:
        raise DamagedFileError(f"{damage[0]}; {makes_again(folder)}")
