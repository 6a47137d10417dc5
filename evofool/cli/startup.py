"""Starts JAX: number of devices, precision, compilation cache, quiet libraries.

Only the command line does this. Importing evofool configures nothing: a program that uses it as a
library decides for itself.
"""

import contextlib
import glob
import logging
import os
import re
import sys
import warnings
from dataclasses import dataclass
from functools import cache as only_once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evofool.cli.numbers import MaybeCount, MaybeIndex
from evofool.support import UserError, user_cache

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# Drawing, varying and small convolutions use one core each, so that evolution is faster with a
# device per core. Each device holds a copy of the archive, hence the limit.
MOST_DEVICES = 8


@dataclass(frozen=True, kw_only=True)
class JobFlags:
    """Several processes that work on one run, usually one per host."""

    distributed: bool = False
    """Work on one run with other processes; SLURM, Open MPI and Cloud TPU are detected."""
    coordinator: str | None = None
    """HOST:PORT of the first process, if it is not detected."""
    num_processes: MaybeCount = None
    """Number of processes, if it is not detected."""
    process_id: MaybeIndex = None
    """Number of this process, from 0, if it is not detected."""

    def check(self) -> None:
        """Refuses flags that do not fit together.

        Raises:
            UserError: some are missing, or out of range.
        """
        coordinator, number, process = self.coordinator, self.num_processes, self.process_id
        given = [value is not None for value in (coordinator, number, process)]
        if any(given) and not (all(given) and self.distributed):
            raise UserError(
                "--coordinator, --num-processes and --process-id go together, with --distributed: "
                "give all four, or --distributed alone under SLURM, Open MPI or on TPU"
            )
        if coordinator is None or number is None or process is None:
            return
        host, _, port = coordinator.rpartition(":")
        if not host or not re.fullmatch("[0-9]{1,5}", port):
            raise UserError(f"coordinator is {coordinator!r}; expected HOST:PORT")
        if not 0 <= process < number:
            raise UserError(f"process_id is {process}; expected 0..{number - 1}, of {number}")


def start_jax(
    *,
    devices: int | None = None,
    evolves: bool = False,
    cache: bool = True,
    job: JobFlags | None = None,
) -> None:
    """Configures JAX; must be called before anything is computed.

    Args:
        devices: number of devices that JAX splits the processor into. No result depends on it.
        evolves: if evolution will run, the default of `devices` is one per core, else 1.
        cache: cache compiled programs on disk, in `cache_folder()`.
        job: the processes that work together; None for this one alone.

    Raises:
        UserError: `devices` is below 1, the job's flags do not fit together, or its processes
            cannot connect.
    """
    if job is not None:
        job.check()
    if devices is None:
        devices = min(os.cpu_count() or 1, MOST_DEVICES) if evolves else 1
    if devices < 1:
        raise UserError(f"devices is {devices}; expected 1 or more")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # XLA's C++ part reads it when loaded
    import jax

    _silence_libraries()
    jax.config.update("jax_enable_x64", False)  # whatever JAX_ENABLE_X64 says: all is in float32
    if jax.config.values["jax_default_matmul_precision"] is None:
        # Otherwise GPUs multiply with 10 bits of mantissa (TF32): they would score images
        # differently than the processor that verifies them.
        jax.config.update("jax_default_matmul_precision", "float32")
    with contextlib.suppress(RuntimeError):  # in a notebook or test, JAX has its devices already
        jax.config.update("jax_num_cpu_devices", devices)
    folder = cache_folder() if cache else None
    if folder is not None and _make(folder):
        _mend_cache(folder)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if job is not None and job.distributed:
        from evofool.support import Job, start

        start(Job(job.coordinator, job.num_processes, job.process_id))


@only_once
def _silence_libraries() -> None:
    """Stops libraries from logging errors that they also raise, such as a full disk."""
    logging.getLogger("jax").setLevel(logging.ERROR)
    for name in ("absl", "asyncio"):  # Orbax logs to both
        logging.getLogger(name).setLevel(logging.CRITICAL)
    report = sys.unraisablehook

    def report_others(unraisable: "UnraisableHookArgs") -> None:
        # After a failed write TensorStore calls back into the event loop that Orbax has closed.
        if str(unraisable.exc_value) != "Event loop is closed":
            report(unraisable)

    sys.unraisablehook = report_others


@only_once
def _mend_cache(folder: Path) -> None:
    """Removes programs from the cache that JAX cannot read, instead of its warnings about them.

    It writes them in place: one that was cut short by a kill or a full disk would be compiled
    again, and complained of, for ever.
    """
    show = warnings.showwarning

    def show_others(message: Warning | str, *where: Any, **more: Any) -> None:
        unreadable = re.match(r"Error reading persistent \w+ cache entry for '(.+?)'", str(message))
        if unreadable is None:
            show(message, *where, **more)
            return
        for path in folder.glob(f"{glob.escape(unreadable[1])}-*"):
            with contextlib.suppress(OSError):
                path.unlink()

    warnings.showwarning = show_others


def cache_folder() -> Path | None:
    """Returns the folder for compiled programs: `$EVOFOOL_CACHE`, else one in the user cache.

    An empty `$EVOFOOL_CACHE` means no cache: None. So does a user without a home directory.
    """
    named = os.environ.get("EVOFOOL_CACHE")
    if named is not None:
        return Path(named) if named else None
    with contextlib.suppress(UserError):
        return user_cache() / "jax"
    return None


def _make(folder: Path) -> bool:
    """Makes a folder; returns False where that is impossible: a read-only home stops no run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True
