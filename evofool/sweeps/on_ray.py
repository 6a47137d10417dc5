"""The engine for a cluster: Ray, which sends points to processes on its nodes.

All nodes must see the sweep's folder under the same path. Ray gives a point whose process or node
died to another one, which goes on from the newest checkpoint.
"""

import socket
from collections import deque
from collections.abc import Generator, Sequence

from evofool.support import UserError, needing
from evofool.sweeps.engines import Means
from evofool.sweeps.work import Outcome, Task, carry_out, devices_of

PATIENCE = 10.0  # seconds for a connection
LIVES = 3  # how often Ray begins a point again when a process or node dies


def carry_out_on_ray(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
    """Yields what became of every task; `engines.Engine`."""
    with needing("sweeps on Ray", "ray"):
        import ray  # pyright: ignore[reportMissingImports]
        from ray.exceptions import RayError  # pyright: ignore[reportMissingImports]
    is_ours = not ray.is_initialized()
    if is_ours:
        try:
            _knock(means.address)
            ray.init(address=means.address, log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(f"cannot reach Ray at {means.address!r}: {error}") from error
    resources = {"num_cpus": 1, **means.resources}
    start = ray.remote(max_retries=LIVES, **resources)(carry_out).remote
    devices = devices_of(resources["num_cpus"])
    waiting, running = deque(tasks), {}
    try:
        while waiting or running:
            while waiting and (means.workers is None or len(running) < means.workers):
                task = waiting.popleft()
                running[start(task._replace(devices=devices))] = task.name
            (ended, *_), _ = ray.wait(list(running))
            name = running.pop(ended)
            try:
                yield ray.get(ended)
            except RayError as error:
                said = str(error).strip().split("\n")[0]
                yield Outcome(name, "failed", f"{type(error).__name__}: {said}", str(error))
    finally:
        for one in running:
            ray.cancel(one)  # as Ctrl-C: with a checkpoint
        if running:
            ray.wait(list(running), num_returns=len(running))
        if is_ours:
            ray.shutdown()


def _knock(address: str | None) -> None:
    """Raises `OSError` where nobody listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():  # else Ray finds the cluster, or begins one
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
