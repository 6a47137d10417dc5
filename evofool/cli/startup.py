"""What has to be settled before JAX starts: devices, the compilation cache, silence.

The library never does this at import; a program that uses evofool decides for itself.
"""

import contextlib
import logging
import os
import sys
from functools import cache as only_once
from pathlib import Path
from typing import Any

from evofool.errors import UserError
from evofool.files import user_cache


def start_jax(*, devices: int | None = None, encoding: str = "direct", cache: bool = True) -> None:
    """Configures JAX; to be called before anything is computed.

    Args:
        devices: number of devices that JAX makes of the processor; chosen by the encoding unless
            given. No result depends on it.
        encoding: what will be drawn.
        cache: keep compiled programs on disk, in `cache_folder()`.

    Raises:
        UserError: `devices` is below 1.
    """
    if devices is None:
        devices = _default_devices(encoding)
    if devices < 1:
        raise UserError(f"devices is {devices}; expected 1 or more")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # XLA's C++ side reads it when loaded
    import jax

    _silence_libraries()
    with contextlib.suppress(RuntimeError):  # JAX runs already (notebook, test) and has devices
        jax.config.update("jax_num_cpu_devices", devices)
    folder = cache_folder() if cache else None
    if folder is not None and _can_be_made(folder):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


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


def _default_devices(encoding: str) -> int:
    """Returns how many devices to make of the processor.

    Drawing CPPNs is many small kernels that use one core each, so it gains from a second device;
    the classifier's large ones use all cores from one device.
    """
    return 2 if encoding == "cppn" and (os.cpu_count() or 1) >= 2 else 1


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
