"""Several processes, usually one per host, that work on one run as one program.

Every process computes the same state; the first one alone writes metrics, lineage and images
and prints messages. What depends on a clock, a disk or a signal is decided by the first
process, or by all together, so that all of them make the same device calls. All processes see
the run directory. In a program of one process every function here is trivial.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import numpy as np

from evofool.support.errors import DamagedFileError, StoppedEarlyError, UserError
from evofool.support.files import JsonValue
from evofool.support.platforms import c_library

T = TypeVar("T")

HEARTBEAT_SECONDS = 10  # a process that sends no sign of life for so long counts as dead
SHUTDOWN_SECONDS = 10  # that a finished process waits for the others
# of errors with an exit status of their own
_KINDS = {kind.__name__: kind for kind in (DamagedFileError, StoppedEarlyError)}


class Job(NamedTuple):
    """The processes of a job, for `start`; with all None, SLURM, Open MPI or a TPU tells them.

    Attributes:
        coordinator: HOST:PORT of the first process, which all others can reach.
        num_processes: number of processes.
        process_id: the number of this process, 0 for the first.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def start(job: Job) -> None:
    """Joins the processes of a job; call it before JAX computes anything.

    When a process dies, the others notice it within `HEARTBEAT_SECONDS` and end too.

    Raises:
        UserError: no job was described or detected, or its processes did not meet.
    """
    import jax
    from jax.experimental import multihost_utils

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # it would take SIGTERM away from the runner, which stops all processes at one generation
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            job.coordinator,
            job.num_processes,
            job.process_id,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=SHUTDOWN_SECONDS,
        )
        with _output_to_stderr():
            # Gloo prints its connections to standard output at the first operation
            multihost_utils.sync_global_devices("start")
    except ValueError as error:
        raise UserError(
            "--distributed found no SLURM, Open MPI or TPU job; describe it with "
            "--coordinator HOST:PORT --num-processes N --process-id I"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"the processes of the job did not meet: {_first_line(error)}") from error


def is_alone() -> bool:
    """Returns whether this process is the only one."""
    import jax

    return jax.process_count() == 1


def is_first() -> bool:
    """Returns whether this process is the first, which writes files and prints messages."""
    import jax

    return jax.process_index() == 0


def from_first(make: Callable[[], T]) -> T:
    """Calls `make` in the first process and returns its result in all of them.

    The others wait for the first.

    Args:
        make: returns values that JSON can hold.

    Raises:
        UserError: `make` raised it; then all processes do, one of the same kind.
    """
    from jax.experimental import multihost_utils

    if is_alone():
        return make()
    answer: dict[str, JsonValue] = {}
    if is_first():
        try:
            answer = {"value": make()}
        except UserError as error:
            answer = {"error": str(error), "kind": type(error).__name__}
    written = np.frombuffer(json.dumps(answer).encode(), np.uint8)
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(written))))
    text = multihost_utils.broadcast_one_to_all(np.resize(written, size))
    answer = json.loads(np.asarray(text).tobytes())
    if "error" in answer:
        raise _KINDS.get(answer["kind"], UserError)(answer["error"])
    return answer["value"]


def gather(values: Sequence[int]) -> np.ndarray:
    """Returns the values of every process, int32 `[processes, values]`, in all of them."""
    from jax.experimental import multihost_utils

    row = np.array(values, np.int32)
    if is_alone():
        return row[None]
    return np.asarray(multihost_utils.process_allgather(row))


def is_lost_process(error: Exception) -> bool:
    """Returns whether `error` comes from a collective operation that lost another process."""
    import jax

    if is_alone():
        return False
    # Gloo's errors come as ValueError; those of NCCL and of the coordination service do not
    return isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error)


def speak_when_aborted(message: str) -> None:
    """Makes this process print `message` and exit with status 1 where JAX would abort it.

    When the coordinator is gone or another process is dead, a thread of JAX aborts this process.
    Python's signal handlers do not run then, so the handler is installed in C.
    """
    global _abort_handler

    def speak(number: int) -> None:
        del number
        end(message, code=1)

    if not is_alone():
        _abort_handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(speak)
        c_library().signal(int(signal.SIGABRT), _abort_handler)


_abort_handler: object = None  # keeps the handler alive: C holds no reference to it


def end(message: str, *, code: int) -> None:
    """Prints `message` and ends the process at once; a normal exit would wait for the others."""
    print(f"evofool: {message}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(code)


@contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Sends what C libraries print to standard error, so that standard output stays JSON."""
    standard_output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        c_library().fflush(None)  # C buffers what goes to a file or a pipe
        os.dup2(standard_output, 1)
        os.close(standard_output)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
