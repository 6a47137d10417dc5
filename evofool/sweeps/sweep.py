"""The verb: carries a sweep out."""

import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from evofool.evolution import Reporter
from evofool.runs import reporting
from evofool.support import Setting, UserError, unknown_name
from evofool.sweeps.engines import Engine, Means
from evofool.sweeps.folder import LOGS, Sweep, held_sweep
from evofool.sweeps.on_ray import carry_out_on_ray
from evofool.sweeps.on_slurm import carry_out_on_slurm
from evofool.sweeps.on_this_machine import carry_out_here
from evofool.sweeps.plan import Point, read_plan
from evofool.sweeps.work import Outcome, Task

Backend = Literal["local", "ray", "slurm"]
BACKENDS: tuple[str, ...] = get_args(Backend)
ENGINES: dict[str, Engine] = {
    "local": carry_out_here,
    "ray": carry_out_on_ray,
    "slurm": carry_out_on_slurm,
}


def sweep(
    plan: str | Path | Mapping[str, Setting],
    *,
    out: str | Path | None = None,
    backend: Backend = "local",
    workers: int | None = None,
    address: str | None = None,
    retries: int = 1,
    trust_code: bool = False,
    quiet: bool = False,
    reporter: Reporter | None = None,
) -> Sweep:
    """Evolves a run for every combination of settings that a plan describes.

    The same call goes on with a sweep that was stopped: finished points are not repeated, also when
    the plan has other points by now; others go on from their newest checkpoint.

    Args:
        plan: TOML file, see `evofool.sweeps.plan`, or the same as a mapping.
        out: folder of the sweep; by default `sweeps/` and the name of the file.
        backend: what carries points out: processes on this machine, Ray, or SLURM.
        workers: points carried out at the same time; by default one per core of this machine, or as
            many as the cluster has room for.
        address: of a Ray cluster; by default one is started on this machine.
        retries: how often points that failed are tried again, after all others.
        trust_code: whether the file may name classifiers that are code.
        quiet: show no progress.
        reporter: is told how it goes, instead of the person at the terminal or notebook.

    Returns:
        The sweep; points may have failed.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after checkpoints are written.
        UserError: the plan or the engine cannot be used, `out` holds something else, or another
            process works at it.

    Example:
        >>> import evofool, tempfile
        >>> plan = {"classifier": "mock:4", "generations": 2, "batch_size": 8, "seeds": 2}
        >>> done = evofool.sweep(plan, out=tempfile.mkdtemp() + "/sweep", workers=1, quiet=True)
        >>> [point.state for point in done.points]
        ['finished', 'finished']
    """
    if backend not in ENGINES:
        raise unknown_name("backend", backend, ENGINES)
    if address is not None and backend != "ray":
        raise UserError(f"address is {address!r}; only Ray has one, and the backend is {backend}")
    if out is None and isinstance(plan, Mapping):
        raise UserError("out is None; name the folder of the sweep")
    points, resources = read_plan(plan, trust_code=trust_code)
    folder = Path(out) if out is not None else Path("sweeps") / Path(str(plan)).stem
    go_on = "the same call goes on"
    if not isinstance(plan, Mapping):
        command = ["evofool", "sweep", str(plan), "--out", str(folder)]
        go_on = f"go on with '{shlex.join(command)}'"
    with held_sweep(folder, points) as opened, reporting(reporter=reporter, quiet=quiet) as teller:
        means = Means((folder / LOGS).absolute(), workers, address, resources.get(backend, {}))
        for attempt in range(retries + 1):
            tasks = _left_of(opened, points)
            if not tasks:
                break
            verb = "are tried again" if attempt else "are to do"
            teller.message(f"{len(tasks)} of {len(points)} points {verb}")
            with _interruptible(go_on), contextlib.closing(ENGINES[backend](tasks, means)) as ends:
                for outcome in ends:
                    teller.message(_line(opened.record(outcome)))
    return opened


def _left_of(opened: Sweep, points: Sequence[Point]) -> list[Task]:
    """Returns what is left to do, in the order of the plan."""
    states = {point.name: point.state for point in opened.points}
    return [
        Task(
            name=point.name,
            folder=str(opened.folder_of(point.name).absolute()),
            config=point.config.to_dict(),
            devices=1,
            directory=os.getcwd(),
        )
        for point in points
        if states[point.name] != "finished"
    ]


def _line(outcome: Outcome) -> str:
    if outcome.median:
        return f"{outcome.name}: median {outcome.median}"
    return f"{outcome.name}: {outcome.state}{outcome.error and ': '}{outcome.error}"


@contextlib.contextmanager
def _interruptible(go_on: str) -> Iterator[None]:
    """Makes SIGTERM interrupt as Ctrl-C does; says how to go on."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if is_main else None
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(go_on) from error
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)
