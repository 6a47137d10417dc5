"""Checkpoints: the whole run state, atomic, in the background, the newest few kept.

Orbax writes flat tables of arrays, in a job of several processes each of them its part. A manifest
travels as metadata: a SHA-256 of the arrays, so that a damaged checkpoint is noticed and the one
before it is used, and of what else the run has left by then (see `manifest`).
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from archive import Archive
from evofool.evolution.advice import makes_again
from evofool.evolution.encodings import PRNG
from evofool.evolution.generation import RunState
from evofool.evolution.manifest import (
    SCHEMA,
    UNSEALED,
    History,
    Manifest,
    MicroBatches,
    has_its_seal,
    sealed,
)
from evofool.evolution.stored_arrays import NOT_WRITTEN, Table, check_name, read_arrays
from evofool.support import (
    MOST_JSON,
    AnyArray,
    DamagedFileError,
    Foreign,
    Tree,
    UserError,
    as_record,
    check_file,
    check_schema,
    flush,
    remove,
    write_error,
)


class Checkpoint(NamedTuple):
    """A checkpoint that was read.

    Attributes:
        generation: the last one it holds.
        table: the run state.
        manifest: what it says of itself.
    """

    generation: int
    table: Table
    manifest: Manifest

    @property
    def micro_batches(self) -> MicroBatches:
        """Those that the run has used; empty where the checkpoint does not list them."""
        return [(start, size) for start, size in self.manifest.get("micro_batches", [])]


class CheckpointWriter:
    """Writes checkpoints of one run directory; use as a context manager."""

    def __init__(self, folder: Path, *, keep: int):
        check_name(folder, NOT_WRITTEN)
        self._folder, self._keep = folder, keep
        self._saving: Foreign = None  # Orbax's response to the last save
        self._path = folder  # of the last checkpoint
        with _as_user_error(folder):
            folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def _orbax(self) -> Foreign:  # Orbax's types do not fit its own policies
        """Is made for the first checkpoint: its imports, 0.5 s, then delay no first generation."""
        from orbax.checkpoint import v1

        training: Foreign = v1.training
        return training.Checkpointer(
            self._folder.absolute(),
            preservation_policy=training.preservation_policies.LatestN(self._keep),
            save_decision_policy=training.save_decision_policies.FixedIntervalPolicy(1),
            cleanup_tmp_directories=True,
        )

    def save(self, state: RunState, history: History) -> None:
        """Starts writing a checkpoint, after waiting for the one before.

        Args:
            state: its generation must be new.
            history: what the run has left up to here, all of it on disk.

        Raises:
            UserError: this or the earlier checkpoint could not be written.
        """
        with _as_user_error(self._folder):
            self._wait()  # so that two copies of the state are the most there ever are
            table: Mapping[str, AnyArray] = flatten(state)
            own = {"schema": SCHEMA, "prng": PRNG, "sha256": table_sha256(table)}
            manifest = sealed(own | history)
            generation = int(table["next_generation"]) - 1
            if jax.process_count() > 1:
                # Orbax takes the arrays of a job from all its processes. The state itself is
                # given to the next device call, which would not wait for the writing.
                table = {name: jnp.copy(leaf) for name, leaf in _named_leaves(state)}
            self._saving = self._orbax.save_async(generation, table, custom_metadata=manifest)
            self._path = self._folder / str(generation)

    def _wait(self) -> None:
        if self._saving is not None:
            # Not `wait()` of the checkpointer: it leaves the response's thread and its event
            # loop, with three file descriptors, to a process that may save ten thousand times.
            saving, self._saving = self._saving, None
            saving.result()
            _flush_all(self._path)

    def close(self) -> None:
        """Waits until the last checkpoint is on disk.

        Raises:
            UserError: it could not be written.
        """
        with _as_user_error(self._folder):
            self._wait()
            if "_orbax" in self.__dict__:
                self._orbax.close()


def load_newest(
    folder: Path,
    warn: Callable[[str], None],
    *,
    find_damage: Callable[[Manifest], list[str]] = lambda manifest: [],
) -> Checkpoint | None:
    """Reads the newest checkpoint that is whole.

    Args:
        folder: the run's `checkpoints`.
        warn: told about every damaged checkpoint that was passed over.
        find_damage: lists what else makes a checkpoint unusable; by default nothing.

    Returns:
        The checkpoint, or None when there is none yet.

    Raises:
        DamagedFileError: there are checkpoints, but none can be used.
        UserError: a checkpoint is of a newer version of evofool.
    """
    generations = saved_generations(folder)
    for generation in reversed(generations):
        try:
            found = _load(folder / str(generation))
            if damage := find_damage(found.manifest):
                raise _DamagedError(damage[0])
            return found
        except _DamagedError as error:
            if saved_generations(folder)[-1:] != generations[-1:]:
                # the run goes on, and has replaced it meanwhile
                return load_newest(folder, warn, find_damage=find_damage)
            warn(f"the checkpoint of generation {generation} is damaged ({error})")
    if generations:
        raise DamagedFileError(
            f"none of the {len(generations)} checkpoints in {folder} can be used; "
            f"{makes_again(folder.parent)}"
        )
    return None


def load_whole(folder: Path) -> Checkpoint | None:
    """Reads the newest checkpoint that is whole, in silence; returns None if there is none."""
    try:
        return load_newest(folder, lambda damage: None)
    except DamagedFileError:
        return None


def load(folder: Path, generation: int) -> Checkpoint:
    """Reads the checkpoint of one generation.

    Raises:
        DamagedFileError: it is not there, or damaged.
    """
    try:
        return _load(folder / str(generation))
    except _DamagedError as error:
        raise DamagedFileError(
            f"{folder / str(generation)} is damaged or missing ({error})"
        ) from error


def saved_generations(folder: Path) -> list[int]:
    """Lists the generations that have a finished checkpoint, oldest first."""
    if not folder.is_dir():
        return []
    names = (path.name for path in folder.iterdir())
    return sorted(int(name) for name in names if re.fullmatch("0|[1-9][0-9]{,17}", name))


def cut(folder: Path, generation: int) -> None:
    """Removes the checkpoints after `generation`, damaged ones, and those cut short by a kill."""
    if not folder.is_dir():
        remove(folder)
    for newer in saved_generations(folder):
        if newer > generation:
            remove(folder / str(newer))
    for half_written in folder.glob("*.orbax-checkpoint-tmp*"):
        remove(half_written)


def _flush_all(folder: Path) -> None:
    """Waits until a checkpoint is on the disk.

    Orbax renames it before that. After a power failure in between it may be damaged, and the one
    before it is used.
    """
    for path in (*folder.rglob("*"), folder, folder.parent):
        flush(path)


def flatten(tree: Tree) -> Table:
    """Copies a pytree to the host as a table from dotted names to arrays."""
    return {name: np.array(leaf) for name, leaf in _named_leaves(tree)}


def unflatten(table: Mapping[str, np.ndarray], template: Tree) -> Tree:
    """Puts a table back into the structure of `template`.

    Raises:
        UserError: names, shapes or dtypes differ from the template's.
    """
    leaves = []
    for name, leaf in _named_leaves(template):
        array = table.get(name)
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            stored = "nothing" if array is None else f"{array.dtype} {array.shape}"
            raise UserError(
                f"the checkpoint does not fit its configuration: {name} should be "
                f"{leaf.dtype} {leaf.shape}, found {stored}"
            )
        leaves.append(array)
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def holds_smaller_arrays(template: Tree, table: Mapping[str, np.ndarray]) -> bool:
    """Says whether some array of `template` has less room than the stored one."""
    return any(
        leaf.size < table[name].size for name, leaf in _named_leaves(template) if name in table
    )


def table_sha256(table: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of names, dtypes, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(table):
        array = np.ascontiguousarray(table[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)  # no copy: archives are large
    return digest.hexdigest()


def run_of(elites: Archive, run: int) -> Archive:
    """Returns the archive of one run, as an archive of a single run."""
    return jax.tree.map(lambda leaf: leaf[run : run + 1], elites)


def archive_sha256(elites: Archive, trim: Callable[[Tree], Tree]) -> str:
    """Returns the SHA-256 of an archive, spare capacity left out by `trim`."""
    items = elites.items._replace(genome=trim(elites.items.genome))
    return table_sha256(
        {name: np.asarray(leaf) for name, leaf in _named_leaves(elites._replace(items=items))}
    )


def _named_leaves(tree: Tree) -> list[tuple[str, AnyArray]]:
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(p, simple=True, separator="."), leaf) for p, leaf in paths]


class _DamagedError(Exception):
    """A checkpoint that cannot be read or is not what was written."""


def _load(path: Path) -> Checkpoint:
    manifest = _read_manifest(path / "_CHECKPOINT_METADATA")
    try:
        table = read_arrays(path / "state")
    except UserError:
        raise
    except Exception as error:  # whatever the reader stumbles on, the checkpoint is not usable
        raise _DamagedError(_reason(error)) from error
    if table_sha256(table) != manifest["sha256"]:
        raise _DamagedError("its bytes are not those that were written")
    generation = int(path.name)
    if not np.array_equal(table.get("next_generation", 0), generation + 1):
        raise _DamagedError("it is of another generation than its name says")
    return Checkpoint(generation, table, manifest)


def _read_manifest(path: Path) -> Manifest:
    try:
        check_file(path, most_bytes=MOST_JSON)
        metadata = json.loads(path.read_text(encoding="utf-8"))
        content = metadata["custom_metadata"]
        schema = content["schema"]
    except PermissionError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:
        raise _DamagedError(f"its manifest cannot be read: {_reason(error)}") from error
    check_schema(schema, (UNSEALED, SCHEMA), path)
    try:
        manifest = as_record(Manifest, content, path)
    except UserError as error:
        raise _DamagedError(str(error)) from error
    if schema != UNSEALED and not has_its_seal(content):
        raise _DamagedError("its manifest is not the one that was written")
    used = manifest.get("micro_batches", [])
    if any(start < 0 or size < 1 for start, size in used):
        raise _DamagedError(f"its micro-batches are {used}")
    if manifest["prng"] != PRNG:
        raise UserError(f"{path} was made with {manifest['prng']} random keys, not {PRNG}")
    return manifest


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


class _as_user_error:  # noqa: N801  (reads as a statement)
    """Turns a failed write, also one wrapped by Orbax, into a `UserError`."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cause = error
        while cause is not None:
            if isinstance(cause, OSError):
                raise write_error(self._folder, cause) from error
            if code := re.search(r"os_error_code='(\d+)'", str(cause)):  # as TensorStore says it
                number = int(code[1])
                raise write_error(self._folder, OSError(number, os.strerror(number))) from error
            cause = cause.__cause__ or cause.__context__
