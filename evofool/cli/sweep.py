"""The command that carries out many runs: sweep."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from evofool.cli.exit_codes import FAILED, OK
from evofool.cli.flags import Json
from evofool.cli.numbers import MaybeCount, whole
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.sweeps import Sweep

Retries = Annotated[int, whole(0, 1000)]


def sweep(
    plan: Annotated[Path, tyro.conf.Positional],
    *,
    out: Path | None = None,
    backend: Literal["local", "ray", "slurm"] = "local",
    workers: MaybeCount = None,
    address: str | None = None,
    retries: Retries = 1,
    trust_code: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Evolves a run for every combination of settings in a file.

    The file has settings as for evolve --config, which all runs share; the number of seeds, or a
    list of them; a table [grid] with a list of values for each setting that varies; and tables
    [[points]] for combinations that are no grid. Classifiers are settings. Every combination
    becomes a run directory in OUT/points, named after its settings. The same command goes on after
    Ctrl-C: finished runs are not repeated, others continue. Failures are kept in OUT/failures and
    tried again. The exit code is 1 if some remain.

      evofool sweep rates.toml
      evofool sweep rates.toml --out sweeps/rates --workers 4
      evofool sweep rates.toml --backend ray --address auto
      evofool sweep rates.toml --backend slurm --workers 100
      evofool compare sweeps/rates --by cppn.add_node_rate --over seed

    Args:
        plan: TOML file.
        out: folder of the sweep; by default sweeps/ and the name of the file.
        backend: local for processes on this machine, ray for a Ray cluster, slurm for an array of
            SLURM jobs. All machines must see OUT under the same path.
        workers: runs at the same time; by default one per core, or what the cluster has room for.
        address: of the Ray cluster, HOST:PORT or auto; by default one is started on this machine.
        retries: how often runs that failed are tried again, after all others.
        trust_code: run the code of classifiers that the file names, FILE.py:factory or
            module:factory.
        quiet: print no progress.
        as_json: print the state of every run as JSON.
    """
    start_jax()
    from evofool.cli.console import print_json
    from evofool.sweeps import sweep

    done = sweep(
        plan,
        out=out,
        backend=backend,
        workers=workers,
        address=address,
        retries=retries,
        trust_code=trust_code,
        quiet=quiet,
    )
    points = done.points
    if as_json:
        print_json({"sweep": done.folder, "points": points})
    else:
        _print_end(done)
    return OK if all(point.state == "finished" for point in points) else FAILED


def _print_end(done: "Sweep") -> None:
    from evofool.cli.console import make_table, output
    from evofool.support import shortened

    points = done.points
    failed = [point for point in points if point.state != "finished"]
    console = output()
    if failed:
        rows = [
            [point.name, point.state, point.attempts, shortened(point.error or "", 300)]
            for point in failed
        ]
        console.print(make_table(["point", "state", "attempts", "error"], rows))
    finished = len(points) - len(failed)
    console.print(f"{finished} of {len(points)} points are finished: {done.folder}", soft_wrap=True)
