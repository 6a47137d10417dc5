"""The engine for SLURM: submitit, which makes an array of jobs of the points.

All nodes must see the sweep's folder under the same path. A job that runs out of time, or is
preempted, is put into the queue again and goes on from the newest checkpoint.
"""

import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from evofool.support import UserError, needing
from evofool.sweeps.engines import Means
from evofool.sweeps.work import Outcome, Task, carry_out, devices_of

if TYPE_CHECKING:
    from submitit import Job  # pyright: ignore[reportMissingImports]

OF_SLURM = ("partition", "account", "qos", "constraint")  # submitit: slurm_partition, ...
SECONDS = {"slurm": 10.0}  # between questions about jobs; a cluster of another kind is at hand
MINUTES = 60  # of a job, unless the plan says otherwise


def carry_out_on_slurm(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
    """Yields what became of every task; `engines.Engine`."""
    with needing("sweeps on SLURM", "submitit"):
        import submitit  # pyright: ignore[reportMissingImports]
    resources = {"cpus_per_task": 1, "timeout_min": MINUTES, **means.resources}
    try:
        executor = submitit.AutoExecutor(means.logs, cluster=resources.pop("cluster", "slurm"))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"SLURM cannot be used here: {error}") from error
    devices = devices_of(resources["cpus_per_task"])
    named = {f"slurm_{n}" if n in OF_SLURM else n: value for n, value in resources.items()}
    executor.update_parameters(
        name="evofool", slurm_array_parallelism=means.workers or len(tasks), **named
    )
    jobs = executor.map_array(_Job(), [task._replace(devices=devices) for task in tasks])
    waiting = dict(zip(jobs, tasks, strict=True))
    try:
        while waiting:
            ended = [job for job in waiting if job.done()]
            for job in ended:
                yield _outcome_of(job, waiting.pop(job).name)
            if not ended:
                time.sleep(SECONDS.get(executor.cluster, 0.2))
    finally:
        for job in waiting:
            job.cancel()


class _Job:
    """What a job runs; submitit asks it what to run again."""

    def __call__(self, task: Task) -> Outcome:
        return carry_out(task)

    def checkpoint(self, task: Task) -> object:
        """Returns the same: the run directory knows how far it is."""
        from submitit.helpers import DelayedSubmission  # pyright: ignore[reportMissingImports]

        return DelayedSubmission(self, task)


def _outcome_of(job: "Job[Outcome]", name: str) -> Outcome:
    from submitit.core.utils import UncompletedJobError  # pyright: ignore[reportMissingImports]

    try:
        return job.result()
    except UncompletedJobError as error:
        said = str(error).strip().split("\n")[0]
        return Outcome(name, "failed", f"job {job.job_id}: {said}", str(error))
