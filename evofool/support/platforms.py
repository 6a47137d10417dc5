"""The kind of machine: results are bit-exact on one kind, nearly equal on others."""

import ctypes
import os
import platform
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from evofool.support.errors import UserError


def platform_facts() -> dict[str, str]:
    """Returns what the last bits of a result depend on, for `config.json`."""
    import jax

    return {
        "processor": _processor(),
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "jax": version("jax"),
        "jaxlib": version("jaxlib"),
    }


@cache
def _processor() -> str:
    """Returns the model name of the processor, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peak_memory() -> int:
    """Returns the most memory this process has held, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return _peak_on_windows()
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of the Windows API; all but the first two fields are sizes."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("page_fault_count", ctypes.c_uint32),
        ("peak_working_set_size", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 7),
    )


def _peak_on_windows() -> int:
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]  (exists on Windows alone)
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    is_known = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return counters.peak_working_set_size if is_known else 0


def c_library() -> ctypes.CDLL:
    """Returns the C library, whose buffers and signal handlers Python cannot reach."""
    return ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)


def user_cache() -> Path:
    """Returns evofool's folder in the user cache.

    That is below `$XDG_CACHE_HOME` or, unless it is set, where the system keeps caches: `~/.cache`,
    `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.

    Raises:
        UserError: the user has no home directory, as in some containers.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    if not named and sys.platform == "win32":
        named = os.environ.get("LOCALAPPDATA")
    if named:
        return Path(named) / "evofool"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise UserError(
            "this user has no home directory; set HOME or XDG_CACHE_HOME to a folder"
        ) from error
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "evofool"
