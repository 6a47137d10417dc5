"""How much memory there is, and the refusal of work that needs more, before it begins.

Without it, a request for too much ends in the middle: killed by the system, or aborted by a
library. Where the system does not tell how much there is, nothing is refused.
"""

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from evofool.support.errors import UserError
from evofool.support.formats import gigabytes
from evofool.support.kept_programs import held
from evofool.support.platforms import c_library

if TYPE_CHECKING:
    from jax.stages import Compiled

_CGROUP = Path("/sys/fs/cgroup")


def check_room(needed: int, what: str, *, remedy: str) -> None:
    """Makes sure that there is memory for what comes next.

    Args:
        needed: bytes, a forecast.
        what: needs them, for the message.
        remedy: what to do instead, in the imperative.

    Raises:
        UserError: there is less.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise UserError(
            f"{what} would take about {gigabytes(needed)} of memory; {gigabytes(available)} are "
            f"available: {remedy}"
        )


def check_program(program: "Compiled", what: str, *, remedy: str) -> None:
    """Makes sure that there is memory to run a compiled program, which says what it needs.

    Devices with memory of their own are left out.

    Args:
        program: compiled for the arguments that it will get, which are in memory already.
        what: is computed, for the message.
        remedy: what to do instead, in the imperative.

    Raises:
        UserError: there is less.
    """
    import jax

    sizes = program.memory_analysis()
    if jax.default_backend() == "cpu" and sizes is not None:
        check_room(sizes.temp_size_in_bytes + sizes.output_size_in_bytes, what, remedy=remedy)


def available_memory() -> int | None:
    """Returns how many bytes this process can still allocate; None where that is not known.

    The least of what the machine has left, what a container may have, and `ulimit -v`.
    """
    known = [bytes_ for bytes_ in (_of_machine(), _of_container(), _of_process()) if bytes_]
    return max(0, min(known)) if known else None


def _of_machine() -> int | None:
    if sys.platform == "linux":
        with suppress(OSError, KeyError, ValueError):
            return 1024 * _numbers(Path("/proc/meminfo"))["MemAvailable:"]
    with suppress(AttributeError, OSError, ValueError):  # no sysconf on Windows
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_container() -> int | None:
    """Returns what cgroups (version 2) leave; files that were read may be dropped from memory."""
    with suppress(OSError, KeyError, ValueError):
        most = int((_CGROUP / "memory.max").read_text(encoding="ascii"))  # or "max"
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        return most - used + _numbers(_CGROUP / "memory.stat")["inactive_file"]
    return None


def _of_process() -> int | None:
    with suppress(ImportError, OSError, KeyError, ValueError):  # no `resource` on Windows
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            return most - 1024 * _numbers(Path("/proc/self/status"))["VmSize:"]
    return None


def _numbers(path: Path) -> dict[str, int]:
    """Reads lines of a name and a number."""
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def forget_programs() -> None:
    """Lets go of what JAX has compiled, and gives the memory back to the system.

    What is needed again is compiled again, or read from the cache of compiled programs.
    """
    import jax

    held.clear()
    jax.clear_caches()
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):  # not the C library of GNU
        c_library().malloc_trim(0)
