"""Several processes, usually one per host, that work on one run as one program.

Every process computes the same state; the first one alone writes metrics, lineage and images
and speaks to the user. What depends on a clock, a disk or a signal is decided by the first
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
from typing import Any, NamedTuple

import numpy as np

from evofool.support.errors import UserError

HEARTBEAT_SECONDS = 10  # after so long without a sign of life, a process counts as dead
SHUTDOWN_SECONDS = 10  # that a process waits for the others when it has ended


class Job(NamedTuple):
    """Which processes there are, for `start`; all None: found out from SLURM, Open MPI or TPU.

    Attributes:
        coordinator: HOST:PORT of the first process, which all others can reach.
        num_processes: how many there are.
        process_id: which of them this is, 0 being the first.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def start(job: Job) -> None:
    """Joins the processes of a job; to be called before JAX computes anything.

    A process that the others lose is noticed within `HEARTBEAT_SECONDS`, and all of them end.

    Raises:
        UserError: the job could not be found out, or its processes did not meet.
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
            # Gloo tells standard output about its connections, at the first operation
            multihost_utils.sync_global_devices("start")
    except ValueError as error:
        raise UserError(
            "--distributed found no SLURM, Open MPI or TPU job; describe it with "
            "--coordinator HOST:PORT --num-processes N --process-id I"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"the processes of the job did not meet: {_first_line(error)}") from error


def is_alone() -> bool:
    """Says whether this process is the only one."""
    import jax

    return jax.process_count() == 1


def is_first() -> bool:
    """Says whether this process is the one that writes and speaks."""
    import jax

    return jax.process_index() == 0


def from_first(make: Callable[[], Any]) -> Any:
    """Lets the first process call `make` and hands the result, JSON values, to all.

    Also makes the others wait for it.

    Raises:
        UserError: `make` raised it; all processes do.
    """
    from jax.experimental import multihost_utils

    if is_alone():
        return make()
    answer: dict[str, Any] = {}
    if is_first():
        try:
            answer = {"value": make()}
        except UserError as error:
            answer = {"error": str(error)}
    written = np.frombuffer(json.dumps(answer).encode(), np.uint8)
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(written))))
    text = multihost_utils.broadcast_one_to_all(np.resize(written, size))
    answer = json.loads(np.asarray(text).tobytes())
    if "error" in answer:
        raise UserError(answer["error"])
    return answer["value"]


def gather(values: Sequence[int]) -> np.ndarray:
    """Returns what every process gave, int32 `[processes, values]`, to all of them."""
    from jax.experimental import multihost_utils

    own = np.array(values, np.int32)
    if is_alone():
        return own[None]
    return np.asarray(multihost_utils.process_allgather(own))


def is_lost_process(error: Exception) -> bool:
    """Says whether `error` is a collective operation that found another process gone."""
    import jax

    if is_alone():
        return False
    # Gloo's errors come as ValueError; those of NCCL and of the coordination service do not
    return isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error)


def speak_when_aborted(message: str) -> None:
    """Makes this process print `message` and exit with status 1 where JAX would abort it.

    JAX aborts the process, from a thread of its own, when the coordinator is gone or another
    process has sent no sign of life; Python's own handlers of signals never run then.
    """
    global _abort_handler

    def speak(number: int) -> None:
        del number
        end(message, code=1)

    if not is_alone():
        _abort_handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(speak)
        ctypes.CDLL(None).signal(int(signal.SIGABRT), _abort_handler)


_abort_handler: Any = None  # C holds no reference to it


def end(message: str, *, code: int) -> None:
    """Prints `message` and ends the process at once: others may be gone, for whom JAX waits."""
    print(f"evofool: {message}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(code)


@contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Sends what libraries below Python print to standard error, so that output stays JSON."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # they keep it back when it goes to a file or a pipe
        os.dup2(kept, 1)
        os.close(kept)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
