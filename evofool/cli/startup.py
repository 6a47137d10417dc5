"""What has to be settled before JAX starts: devices, the compilation cache, silence.

The library never does this at import; a program that uses evofool decides for itself.
"""

import contextlib
import logging
import os
import sys
from dataclasses import dataclass
from functools import cache as only_once
from pathlib import Path
from typing import Any

from evofool.support import UserError, user_cache

# Drawing, varying and small convolutions use one core each, so evolution gains from a device per
# core; every device holds the archive, so there is an end to it.
MOST_DEVICES = 8


@dataclass(frozen=True, kw_only=True)
class JobFlags:
    """Working on one run from several processes, usually one per host."""

    distributed: bool = False
    """Work together with other processes; SLURM, Open MPI and TPU say which those are."""
    coordinator: str | None = None
    """HOST:PORT of the first process, where nothing else says it."""
    num_processes: int | None = None
    """How many processes there are, where nothing else says it."""
    process_id: int | None = None
    """Which of them this is, from 0, where nothing else says it."""

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
        if not host or not port.isdigit():
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
    """Configures JAX; to be called before anything is computed.

    Args:
        devices: number of devices that JAX makes of the processor. No result depends on it.
        evolves: whether evolution will run, which gets a device per core unless `devices` says.
        cache: keep compiled programs on disk, in `cache_folder()`.
        job: which processes work together; this one alone unless given.

    Raises:
        UserError: `devices` is below 1, or the job is not described well or does not come about.
    """
    if job is not None:
        job.check()
    if devices is None:
        devices = min(os.cpu_count() or 1, MOST_DEVICES) if evolves else 1
    if devices < 1:
        raise UserError(f"devices is {devices}; expected 1 or more")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # XLA's C++ side reads it when loaded
    import jax

    _silence_libraries()
    config: Any = jax.config  # its attributes are made at run time
    if config.jax_default_matmul_precision is None:
        # or GPUs multiply with 10 bits of mantissa (TF32), and score images otherwise than the
        # processor that verifies them
        jax.config.update("jax_default_matmul_precision", "float32")
    with contextlib.suppress(RuntimeError):  # JAX runs already (notebook, test) and has devices
        jax.config.update("jax_num_cpu_devices", devices)
    folder = cache_folder() if cache else None
    if folder is not None and _can_be_made(folder):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if job is not None and job.distributed:
        from evofool.support import Job, start

        start(Job(job.coordinator, job.num_processes, job.process_id))


@only_once
def _silence_libraries() -> None:
    """Keeps libraries from printing tracebacks of what they also raise, such as a full disk."""
    logging.getLogger("jax").setLevel(logging.ERROR)
    for name in ("absl", "asyncio"):  # Orbax logs to both
        logging.getLogger(name).setLevel(logging.CRITICAL)
    report = sys.unraisablehook

    def report_others(unraisable: Any) -> None:
        # after a failed write TensorStore calls back into the event loop that Orbax has closed
        if str(unraisable.exc_value) != "Event loop is closed":
            report(unraisable)

    sys.unraisablehook = report_others


def cache_folder() -> Path | None:
    """Returns the folder of compiled programs: `$EVOFOOL_CACHE` (empty: none) or the user cache."""
    named = os.environ.get("EVOFOOL_CACHE")
    if named is not None:
        return Path(named) if named else None
    return user_cache() / "jax"


def _can_be_made(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a read-only home is no reason not to run
        return False
    return True
