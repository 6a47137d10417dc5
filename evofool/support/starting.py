"""Configures JAX: number of devices, precision, compilation cache, quiet libraries.

The command line does this, and so does whoever calls `configure`. Importing evofool configures
nothing: a program that uses it as a library decides for itself.
"""

import contextlib
import glob
import logging
import os
import re
import sys
import warnings
from functools import cache as only_once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evofool.support.errors import UserError
from evofool.support.kept_programs import keep_programs_in
from evofool.support.platforms import user_cache

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# Drawing, varying and small convolutions use one core each, so that evolution is faster with a
# device per core. Each device holds a copy of the archive, hence the limit.
MOST_DEVICES = 8


def configure(*, devices: int | None = None, cache: bool = True) -> None:
    """Configures JAX as the command line does; must be called before anything is computed.

    Products are computed in float32 on GPUs as well, unless the environment asks for less, compiled
    programs are cached on disk, and libraries do not log errors that they also raise.

    Args:
        devices: number of devices that JAX splits the processor into; by default one per core, 8
            at most. No result depends on it.
        cache: cache compiled programs on disk, in `$EVOFOOL_CACHE` or the user cache.

    Raises:
        UserError: `devices` is below 1.

    Example:
        >>> import evofool
        >>> evofool.configure(devices=1)
    """
    if devices is None:
        devices = min(os.cpu_count() or 1, MOST_DEVICES)
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
        keep_programs_in(folder / "programs")


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
