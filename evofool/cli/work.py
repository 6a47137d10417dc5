"""The commands that evolve: evolve, resume."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from evofool.cli.flags import ConfigFile, Json, RunFolder, Settings
from evofool.cli.startup import JobFlags, start_jax
from evofool.support import UserError

if TYPE_CHECKING:
    from evofool.evolution import Reporter
    from evofool.runs import Run

BAD_INPUT, INTERRUPTED = 2, 130
Job = Annotated[JobFlags, tyro.conf.arg(name="")]
ROWS_AT_ENDS = 10  # of many elites, after a run


def evolve(
    *,
    config: Settings,
    preset: str | None = None,
    config_file: ConfigFile = None,
    out: Path | None = None,
    overwrite: bool = False,
    devices: int | None = None,
    job: Job = JobFlags(),  # noqa: B008  (tyro reads its defaults)
    no_cache: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Evolves images that a classifier takes for its classes with near certainty.

    Leaves a run directory: gallery.png, convergence.png, summary.json, metrics.jsonl and
    checkpoints. Settings come from the defaults, --preset, --config and the flags, the later
    winning. Ctrl-C stops at the next moment that can be resumed from.

      evofool evolve
      evofool evolve --preset mnist-direct --seed 3 --out runs/third
      evofool evolve --classifier mock:10 --generations 20 --classes 3 7
      evofool evolve --preset imagenet-cppn --classifier mobilenet_v1_0.25_128 --weights nets
      evofool evolve --config mine.toml --cppn.add-node-rate 0.7

    Args:
        config: settings of the run.
        preset: mnist-cppn (also the default), mnist-direct, mnist-cppn-released (the paper's
            released code to the letter), imagenet-cppn, or imagenet-direct; with the last
            two, --classifier and --weights name the network.
        config_file: TOML file with any of the settings below; [cppn] and [direct] are tables.
        out: run directory; runs/<preset or encoding>-<seed>, numbered, unless given.
        overwrite: replace the run directory given with --out.
        devices: devices that JAX makes of each processor; one per core unless given.
        job: the processes that work together.
        no_cache: do not keep compiled programs on disk ($EVOFOOL_CACHE is their folder).
        quiet: no progress and no table.
        as_json: print the summary as JSON.
    """
    start_jax(devices=devices, evolves=True, cache=not no_cache, job=job)
    del config_file  # is in config already
    from evofool.runs import evolve

    with _within_job(), progress(quiet) as reporter:
        run = evolve(config=config, name=preset, out=out, overwrite=overwrite, reporter=reporter)
    return _finish(run, quiet, as_json)


def resume(
    run: RunFolder,
    *,
    generations: int | None = None,
    devices: int | None = None,
    job: Job = JobFlags(),  # noqa: B008  (tyro reads its defaults)
    no_cache: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Goes on with a run from its newest checkpoint.

    The result is the one that the run would have had without a stop, bit for bit. A run that is
    finished is left as it is, unless more generations are asked for.

      evofool resume runs/cppn-0
      evofool resume runs/cppn-0 --generations 1000

    Args:
        run: run directory.
        generations: new total, at least as many as the run has.
        devices: devices that JAX makes of each processor; one per core unless given.
        job: the processes that work together.
        no_cache: do not keep compiled programs on disk ($EVOFOOL_CACHE is their folder).
        quiet: no progress and no table.
        as_json: print the summary as JSON.
    """
    start_jax(devices=devices, evolves=True, cache=not no_cache, job=job)
    from evofool.runs import resume

    with _within_job(), progress(quiet) as reporter:
        finished = resume(run, generations=generations, reporter=reporter)
    return _finish(finished, quiet, as_json)


@contextmanager
def _within_job() -> Iterator[None]:
    """Ends a process of a job at once when it fails: JAX would wait for the others, maybe gone."""
    from evofool.support import multihost

    try:
        yield
    except UserError as error:
        if multihost.is_alone():
            raise
        multihost.end(str(error), code=BAD_INPUT)


def progress(quiet: bool) -> AbstractContextManager["Reporter | None"]:
    """Gives the reporter of this process: none when it is to be quiet, or not the first."""
    from evofool.support import is_first

    if quiet or not is_first():
        return nullcontext(None)
    from evofool.cli.console import progress_output
    from evofool.cli.progress import ProgressReporter

    return ProgressReporter(progress_output())


def _finish(run: "Run", quiet: bool, as_json: bool) -> int:
    """Prints what came out, once in a job; returns the exit code."""
    from evofool.support import is_first

    assert run.summary is not None
    is_interrupted = run.summary["stopped_by"] == "interrupted"
    if not is_first():
        return INTERRUPTED if is_interrupted else 0
    if is_interrupted:
        done = run.summary["generations"]
        when = f"after generation {done}" if done >= 0 else "before the first generation"
        print(
            f"stopped {when}; go on with:\n  evofool resume {shlex.quote(str(run.folder))}",
            file=sys.stderr,
        )
    elif not (quiet or as_json):
        _print_result(run)
    if as_json:
        from evofool.cli.console import print_json

        print_json({"run": run.folder, **run.summary})
    return INTERRUPTED if is_interrupted else 0


def _print_result(run: "Run") -> None:
    from evofool.cli.console import duration, output
    from evofool.cli.tables import elites_report, runs_table
    from evofool.images import percent
    from evofool.runs import PER_PAGE, inspect

    console, summary = output(), run.summary
    assert summary is not None
    if run.config.runs == 1:
        console.print(*elites_report(inspect(run, sort=None), ends=ROWS_AT_ENDS), sep="\n")
    else:
        console.print(runs_table(summary["per_run"]))
    console.print(
        f"\nmedian {percent(summary['median_confidence'])}, min "
        f"{percent(summary['min_confidence'])}, {summary['classes_ge_9999']} of "
        f"{summary['classes']} classes >= 99.99 %; {summary['evaluations']:,} evaluations in "
        f"{duration(summary['wall_seconds'])} ({duration(summary['compile_seconds'])} compiling)"
    )
    images = summary["classes"] * summary["runs"]
    command = f"evofool gallery {shlex.quote(str(run.folder))} --out sheet.jpg"
    part = f" ({PER_PAGE} of {images}; all: {command})" if images > PER_PAGE else ""
    console.print(
        f"images: {run.folder / 'gallery.png'}{part}, everything: {run.folder}/",
        soft_wrap=True,
    )
