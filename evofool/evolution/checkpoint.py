"""Checkpoints: the whole run state, atomic, in the background, the newest few kept.

Orbax writes flat tables of arrays, in a job of several processes each of them its part; a SHA-256
over them travels as metadata, so that a damaged checkpoint is noticed and the one before it is
used.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from archive import Archive
from evofool.evolution.generation import PRNG, RunState
from evofool.support import UserError, write_error

SCHEMA = 1  # raise when the tables change; older checkpoints are then refused by name


class CheckpointWriter:
    """Writes checkpoints of one run directory; use as a context manager."""

    def __init__(self, folder: Path, *, keep: int):
        self._folder, self._keep = folder, keep
        with _as_user_error(folder):
            folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def _orbax(self) -> Any:
        """Is made for the first checkpoint: its imports, 0.5 s, then delay no first generation."""
        from orbax.checkpoint import v1

        training: Any = v1.training  # its protocols do not fit its own policies
        return training.Checkpointer(
            self._folder.absolute(),
            preservation_policy=training.preservation_policies.LatestN(self._keep),
            save_decision_policy=training.save_decision_policies.FixedIntervalPolicy(1),
            cleanup_tmp_directories=True,
        )

    def save(self, state: RunState) -> None:
        """Starts writing a checkpoint, after waiting for the one before.

        Raises:
            UserError: this or the earlier checkpoint could not be written.
        """
        with _as_user_error(self._folder):
            self._wait()  # so that two copies of the state are the most there ever are
            table: Mapping[str, Any] = flatten(state)
            manifest = {"schema": SCHEMA, "prng": PRNG, "sha256": table_sha256(table)}
            generation = int(table["next_generation"]) - 1
            if jax.process_count() > 1:
                # Orbax takes the arrays of a job from all its processes. The state itself is
                # given to the next device call, which would not wait for the writing.
                table = {name: jnp.copy(leaf) for name, leaf in _named_leaves(state)}
            self._orbax.save_async(generation, table, custom_metadata=manifest)

    def _wait(self) -> None:
        if "_orbax" in self.__dict__:
            self._orbax.wait()

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
    folder: Path, warn: Callable[[str], None]
) -> tuple[int, dict[str, np.ndarray]] | None:
    """Reads the newest checkpoint that is whole.

    Args:
        folder: the run's `checkpoints`.
        warn: told about every damaged checkpoint that was passed over.

    Returns:
        Its generation and flat table of arrays, or None when there is no checkpoint yet.

    Raises:
        UserError: there are checkpoints, but none can be read.
    """
    generations = saved_generations(folder)
    for generation in reversed(generations):
        try:
            return generation, _load(folder / str(generation))
        except _DamagedError as error:
            warn(f"the checkpoint of generation {generation} is damaged ({error}); using an older")
    if generations:
        raise UserError(
            f"none of the {len(generations)} checkpoints in {folder} can be read; "
            "start again with --overwrite"
        )
    return None


def load(folder: Path, generation: int) -> dict[str, np.ndarray]:
    """Reads the checkpoint of one generation.

    Raises:
        UserError: it is not there, or damaged.
    """
    try:
        return _load(folder / str(generation))
    except _DamagedError as error:
        raise UserError(
            f"the checkpoint of generation {generation} in {folder} cannot be read ({error}); all "
            "processes of a job must see the run directory"
        ) from error


def saved_generations(folder: Path) -> list[int]:
    """Lists the generations that have a finished checkpoint, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


def cut(folder: Path, generation: int) -> None:
    """Removes the checkpoints after `generation`: damaged ones, which will be written anew."""
    for newer in saved_generations(folder):
        if newer > generation:
            shutil.rmtree(folder / str(newer))


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Copies a pytree to the host as a table from dotted names to arrays."""
    return {name: np.array(leaf) for name, leaf in _named_leaves(tree)}


def unflatten(table: Mapping[str, np.ndarray], template: Any) -> Any:
    """Puts a table back into the structure of `template`.

    Raises:
        UserError: names, shapes or dtypes differ from the template's.
    """
    leaves = []
    for name, leaf in _named_leaves(template):
        found = table.get(name)
        if found is None or found.shape != leaf.shape or found.dtype != leaf.dtype:
            what = "nothing" if found is None else f"{found.dtype} {found.shape}"
            raise UserError(
                f"the checkpoint does not fit its configuration: {name} should be "
                f"{leaf.dtype} {leaf.shape}, found {what}"
            )
        leaves.append(found)
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def holds_smaller_arrays(template: Any, table: Mapping[str, np.ndarray]) -> bool:
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


def archive_sha256(elites: Archive, trim: Callable[[Any], Any]) -> str:
    """Returns the SHA-256 of an archive, spare capacity left out by `trim`."""
    items = elites.items._replace(genome=trim(elites.items.genome))
    return table_sha256(
        {name: np.asarray(leaf) for name, leaf in _named_leaves(elites._replace(items=items))}
    )


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(p, simple=True, separator="."), leaf) for p, leaf in paths]


class _DamagedError(Exception):
    """A checkpoint that cannot be read or is not what was written."""


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        manifest = json.loads((path / "_CHECKPOINT_METADATA").read_text())["custom_metadata"]
        table = _read_arrays(path / "state")
    except Exception as error:  # whatever the reader stumbles on, the checkpoint is not usable
        reason = str(error).splitlines() or [type(error).__name__]
        raise _DamagedError(reason[0][:200]) from error
    if not isinstance(manifest, Mapping) or "schema" not in manifest:
        raise _DamagedError("its manifest is missing")
    if manifest["schema"] != SCHEMA:
        raise UserError(
            f"{path} has checkpoint schema {manifest['schema']}, this version of evofool "
            f"reads schema {SCHEMA}"
        )
    if manifest.get("prng") != PRNG:
        raise UserError(f"{path} was made with {manifest.get('prng')} random keys, not {PRNG}")
    if table_sha256(table) != manifest.get("sha256"):
        raise _DamagedError("its bytes are not those that were written")
    return table


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads what Orbax wrote with TensorStore, the library below it.

    Orbax itself, when it meets a damaged file, leaves tasks behind that print tracebacks.
    """
    import tensorstore

    store = {"driver": "ocdbt", "base": f"file://{path.absolute()}/"}
    keys = tensorstore.KvStore.open(store).result().list().result()
    table = {}
    for name in sorted({key.decode().split("/")[0] for key in keys}):
        spec = {"driver": "zarr3", "kvstore": store | {"path": f"{name}/"}}
        table[name] = tensorstore.open(spec).result().read().result()
    return table


class _as_user_error:  # noqa: N801  (reads as a statement)
    """Turns a failed write, also one wrapped by Orbax, into a `UserError`."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        cause = error
        while cause is not None:
            if isinstance(cause, OSError):
                raise write_error(self._folder, cause) from error
            if found := re.search(r"os_error_code='(\d+)'", str(cause)):  # as TensorStore says it
                number = int(found[1])
                raise write_error(self._folder, OSError(number, os.strerror(number))) from error
            cause = cause.__cause__ or cause.__context__
