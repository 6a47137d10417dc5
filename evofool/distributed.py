"""Several processes, usually one per host, that work on one run as one program.

Every process computes the same state; the first one alone writes metrics, lineage and pictures
and speaks to the user. What depends on a clock, a disk or a signal is decided by the first
process, or by all together, so that all of them make the same device calls. All processes see
the run directory. In a program of one process every function here is trivial.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from evofool.errors import UserError

HEARTBEAT_SECONDS = 10  # after so long without a sign of life, a process counts as dead
SHUTDOWN_SECONDS = 10  # that a process waits for the others when it has ended


@dataclass(frozen=True, kw_only=True)
class Job:
    """Which processes there are, for `start`; all None: found out from SLURM, Open MPI or TPU.

    Attributes:
        coordinator: HOST:PORT of the first process, which all others can reach.
        num_processes: how many there are.
        process_id: which of them this is, 0 being the first.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None

    def __post_init__(self) -> None:
        given = (self.coordinator, self.num_processes, self.process_id)
        if any(value is not None for value in given) and None in given:
            raise UserError(
                "--coordinator, --num-processes and --process-id describe a job together; "
                "give all three, or none where SLURM, Open MPI or TPU says it"
            )
        if self.coordinator is None or self.num_processes is None or self.process_id is None:
            return
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdigit():
            raise UserError(f"coordinator is {self.coordinator!r}; expected HOST:PORT")
        if not 0 <= self.process_id < self.num_processes:
            raise UserError(
                f"process_id is {self.process_id}; expected 0..{self.num_processes - 1}, "
                f"for num_processes = {self.num_processes}"
            )


def start(job: Job) -> None:
    """Joins the processes of a job; to be called before JAX computes anything.

    A process that the others lose is noticed within `HEARTBEAT_SECONDS`, and all of them end.

    Raises:
        UserError: the job could not be found out, or its processes did not meet.
    """
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
    except ValueError as error:
        raise UserError(
            "--distributed found no SLURM, Open MPI or TPU job; describe it with "
            "--coordinator HOST:PORT --num-processes N --process-id I"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"the processes of the job did not meet: {_first_line(error)}") from error


def is_first() -> bool:
    """Says whether this process is the one that writes and speaks."""
    return jax.process_index() == 0


def from_first(make: Callable[[], Any]) -> Any:
    """Lets the first process call `make` and hands the result, JSON values, to all.

    Also makes the others wait for it.

    Raises:
        UserError: `make` raised it; all processes do.
    """
    if jax.process_count() == 1:
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
    own = np.array(values, np.int32)
    if jax.process_count() == 1:
        return own[None]
    return np.asarray(multihost_utils.process_allgather(own))


def is_lost_process(error: Exception) -> bool:
    """Says whether `error` is a collective operation that found another process gone."""
    if jax.process_count() == 1:
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

    if jax.process_count() > 1:
        _abort_handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(speak)
        ctypes.CDLL(None).signal(int(signal.SIGABRT), _abort_handler)


_abort_handler: Any = None  # C holds no reference to it


def end(message: str, *, code: int) -> None:
    """Prints `message` and ends the process at once: others may be gone, for whom JAX waits."""
    print(f"evofool: {message}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(code)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
