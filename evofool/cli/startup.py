"""The processes of a job, and JAX as a command needs it.

Only the command line does this. Importing evofool configures nothing: a program that uses it as a
library decides for itself, with `evofool.configure` or without.
"""

import re
from dataclasses import dataclass

from evofool.cli.numbers import MaybeCount, MaybeIndex
from evofool.support import UserError, configure


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
        cache: cache compiled programs on disk.
        job: the processes that work together; None for this one alone.

    Raises:
        UserError: `devices` is below 1, the job's flags do not fit together, or its processes
            cannot connect.
    """
    if job is not None:
        job.check()
    configure(devices=devices if devices is not None or evolves else 1, cache=cache)
    if job is not None and job.distributed:
        from evofool.support import Job, start

        start(Job(job.coordinator, job.num_processes, job.process_id))
