"""The commands that evolve: evolve, resume."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from evofool.cli.exit_codes import BAD_INPUT, FAILED, INTERRUPTED, OK
from evofool.cli.flags import (
    ConfigFile,
    Json,
    RunFolder,
    Settings,
    Start,
    check_settings,
    refuse_unused,
)
from evofool.cli.lines import say
from evofool.cli.numbers import MaybeDevices, MaybeGenerations, PolishSteps, Port
from evofool.cli.serve import PORT, announce
from evofool.cli.startup import JobFlags, start_jax
from evofool.support import UserError

if TYPE_CHECKING:
    from evofool.evolution import Reporter
    from evofool.runs import Run

Job = Annotated[JobFlags, tyro.conf.arg(name="")]
ROWS_AT_ENDS = 10  # of the table after a run of many classes


def evolve(
    *,
    config: Settings,
    preset: str | None = None,
    config_file: ConfigFile = None,
    polish_steps: PolishSteps = None,
    trust_code: bool = False,
    start: Start = (),
    out: Path | None = None,
    overwrite: bool = False,
    live: bool = False,
    port: Port = PORT,
    devices: MaybeDevices = None,
    job: Job = JobFlags(),  # noqa: B008  (tyro reads its defaults)
    no_cache: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Evolves an image for each class of a classifier.

    From generation to generation, the classifier becomes more confident that the image is of the
    class. Writes a run directory: gallery.png, convergence.png, summary.json, metrics.jsonl,
    config.json and checkpoints. Settings come from the defaults, --preset, --config and the flags;
    later ones override earlier ones. Ctrl-C writes a checkpoint and stops; evofool resume
    continues. The exit code is 1 if a class stays below --target-confidence.

      evofool evolve
      evofool evolve --preset mnist-direct --seed 3 --out runs/third
      evofool evolve --classifier mock:10 --generations 20 --classes 3 7
      evofool evolve --preset imagenet-cppn --classifier squeezenet_v1.1 --weights nets
      evofool evolve --classifier squeezenet_v1.1 --weights nets --preset imagenet-polished
      evofool evolve --classifier lenet --from runs/cppn-0 seven.json
      evofool evolve --config mine.toml --cppn.add-node-rate 0.7 --polish 100

    Args:
        config: settings of the run.
        preset: mnist-cppn (the same as the defaults), mnist-direct, mnist-cppn-released (the
            settings of the paper's released code), imagenet-cppn or imagenet-direct (the paper's
            for ImageNet), imagenet-polished (the best known for it) or imagenet-waves (pixels,
            without gradients). The last four need --classifier and --weights.
        config_file: TOML file with any of the settings below; [cppn], [direct] and [polish] are
            tables.
        polish_steps: polish the elites after evolution, with so many gradient steps each; the same
            as --polish.steps. Needs a classifier with gradients.
        trust_code: run the code of the classifier that the TOML file names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        start: run directories, and JSON files of genomes, that generation 0 begins with.
        out: run directory to write; by default runs/PRESET-SEED or runs/ENCODING-SEED, with a
            number appended where that exists.
        overwrite: replace the run directory --out if it exists.
        live: show in the browser how the images evolve, with buttons to pause and to stop.
        port: with --live, of this machine to listen on; 0 for any that is free.
        devices: number of JAX devices to split the processor into; by default one per core.
        job: the processes that work together.
        no_cache: do not cache compiled programs on disk. The environment variable
            EVOFOOL_CACHE names the folder of the cache.
        quiet: print neither progress nor the table of elites.
        as_json: print the summary as JSON.
    """
    if out is None:
        refuse_unused("without --out, the run directory to replace", overwrite=overwrite)
    check_settings(config)
    if polish_steps is not None:
        config = replace(config, polish=replace(config.polish, steps=polish_steps))
    start_jax(devices=devices, evolves=True, cache=not no_cache, job=job)
    del config_file, trust_code  # are in config already
    from evofool.runs import evolve

    evolve_run = partial(
        evolve, config=config, start=start, name=preset, out=out, overwrite=overwrite
    )
    if live:
        run = _evolve_live(lambda reporter: evolve_run(reporter=reporter), quiet=quiet, port=port)
        return report_end(run, quiet, as_json)
    with within_job():
        run = evolve_run(quiet=quiet)
    return report_end(run, quiet, as_json)


def _evolve_live(evolve: "Callable[[Reporter], Run]", *, quiet: bool, port: int) -> "Run":
    """Evolves while windows of the browser watch."""
    from evofool.web import Address, evolve_live

    address = Address(port=port)
    return evolve_live(evolve, quiet=quiet, address=address, on_ready=announce)


def resume(
    run: RunFolder,
    *,
    generations: MaybeGenerations = None,
    classifier: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    devices: MaybeDevices = None,
    job: Job = JobFlags(),  # noqa: B008  (tyro reads its defaults)
    no_cache: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Continues a run from its newest checkpoint.

    The result is that of a run without interruption, bit for bit. A finished run is left as it is
    unless --generations asks for more.

      evofool resume runs/cppn-0
      evofool resume runs/cppn-0 --generations 1000
      evofool resume runs/mine-0 --classifier mine.py:make

    Args:
        run: run directory.
        generations: new total number of generations; not less than the run has.
        classifier: name of the run's classifier, where it is found under another by now. Another
            classifier is refused.
        weights: its weights, where they are elsewhere by now.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        devices: number of JAX devices to split the processor into; by default one per core.
        job: the processes that work together.
        no_cache: do not cache compiled programs on disk. The environment variable
            EVOFOOL_CACHE names the folder of the cache.
        quiet: print neither progress nor the table of elites.
        as_json: print the summary as JSON.
    """
    start_jax(devices=devices, evolves=True, cache=not no_cache, job=job)
    from evofool.runs import resume

    with within_job():
        finished = resume(
            run,
            generations=generations,
            classifier=classifier,
            weights=weights,
            trust_code=trust_code,
            quiet=quiet,
        )
    return report_end(finished, quiet, as_json)


@contextmanager
def within_job() -> Iterator[None]:
    """Ends a process of a job at once when it fails.

    JAX would wait for the other processes first, and these may have ended.
    """
    from evofool.support import multihost

    try:
        yield
    except UserError as error:
        if multihost.is_alone():
            raise
        multihost.end(str(error), code=BAD_INPUT)


def report_end(run: "Run", quiet: bool, as_json: bool) -> int:
    """Prints the result, in the first process of a job only; returns the exit code."""
    from evofool.evolution import resume_command
    from evofool.support import is_first

    assert run.summary is not None
    has_missed = run.summary.get("target_reached") is False
    code = INTERRUPTED if run.was_interrupted else FAILED if has_missed else OK
    if not is_first():
        return code
    if run.was_interrupted:
        last = run.summary["generations"]
        when = f"after generation {last}" if last >= 0 else "before the first generation"
        command = resume_command(run.folder, classifier=run.config.classifier)
        say(f"stopped {when}; continue with:\n  {command}", to_errors=True)
    elif not (quiet or as_json):
        _print_result(run)
    if as_json:
        from evofool.cli.console import print_json

        print_json({"run": run.folder, **run.summary})
    if code == FAILED:
        say(_missed_target(run, run.summary["min_confidence"]), to_errors=True)
    return code


def _missed_target(run: "Run", least: float) -> str:
    """Says that a class stayed below the target confidence, and how to go on."""
    from evofool.evolution import resume_command

    config = run.config
    more = f" --generations {2 * config.generations or 100}"
    command = f"{resume_command(run.folder, classifier=config.classifier)}{more}"
    is_capped = config.max_evaluations is not None and config.last_generation < config.generations
    remedy = "its evaluations are used up" if is_capped else f"continue with:\n  {command}"
    if config.polish.steps:  # such a run is not extended
        remedy = "evolve anew with more --generations, --polish.steps or --polish.rounds"
    return (
        f"target confidence {config.target_confidence} not reached: the least certain class is at "
        f"{run.percent(least)}; {remedy}"
    )


def _print_result(run: "Run") -> None:
    from evofool.cli.console import output
    from evofool.cli.tables import elites_report, runs_table
    from evofool.runs import PER_PAGE, inspect
    from evofool.support import duration

    console, summary = output(), run.summary
    assert summary is not None
    if run.config.runs == 1:
        elites = inspect(run, sort=None)
        console.print(*elites_report(elites, ends=ROWS_AT_ENDS, write=run.percent), sep="\n")
    else:
        console.print(runs_table(summary["per_run"], write=run.percent))
    console.print(
        f"\nmedian {run.percent(summary['median_confidence'])}, min "
        f"{run.percent(summary['min_confidence'])}, {summary['classes_ge_9999']} of "
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
