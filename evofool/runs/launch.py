"""The two verbs that make runs: evolve and resume."""

import dataclasses
import itertools
import shutil
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from evofool.classifiers import Classifier, check_classifier
from evofool.config import EvolveConfig, from_dict, make_config
from evofool.evaluation import choose_micro_batch
from evofool.evolution import (
    INTERRUPTED,
    MAX_SECONDS,
    Encoding,
    Outcome,
    Quiet,
    Reporter,
    Runner,
    archive_sha256,
    best_of_class,
    configure,
    load_configured,
    lost_process,
    make_encoding,
    make_selection,
    resume_command,
    run_of,
    summarize,
)
from evofool.images import save_image
from evofool.runs.convergence import write_convergence
from evofool.runs.gallery import gallery
from evofool.runs.run import Run
from evofool.support import UserError, multihost, platform_facts, write_error, write_json

MANIFEST_SCHEMA = 1
STOPPED_EARLY = (INTERRUPTED, MAX_SECONDS)  # what `resume` goes on with by itself


def evolve(
    classifier: str | Classifier | None = None,
    *,
    config: EvolveConfig | None = None,
    preset: str | None = None,
    config_file: str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    **settings: Any,
) -> Run:
    """Evolves fooling images and leaves a run directory.

    Args:
        classifier: name, or a `Classifier` of your own.
        config: a whole configuration; else it is built from the next three.
        preset: name in `evofool.config.PRESETS`.
        config_file: TOML file.
        name: what the default run directory is named after; the preset or encoding unless given.
        out: run directory; by default `runs/<name>-<seed>`, numbered when it is there.
        overwrite: replace an explicit `out` that is there.
        reporter: is told how it goes; silent by default.
        **settings: fields of `EvolveConfig`; `cppn` and `direct` may be mappings.

    Returns:
        The finished run, opened.

    Raises:
        UserError: bad settings, a classifier that cannot be used, or `out` is there already.

    Example:
        >>> import evofool, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> run = evofool.evolve("mock:10", generations=5, batch_size=20, out=folder)
        >>> len(run.elites())
        10
    """
    if isinstance(classifier, str):
        settings["classifier"] = classifier
    if config is None:
        config = make_config(preset=preset, file=config_file, **settings)
    elif preset or config_file or settings:
        raise UserError("give either config, or preset, config_file and settings, not both")
    if not isinstance(classifier, Classifier):
        classifier = load_configured(config)
    else:
        config = dataclasses.replace(config, classifier=classifier.card.name)
        classifier = configure(classifier, config)
    if config.micro_batch is None:
        micro_batch = choose_micro_batch(
            config.batch_size, classifier, least_parts=2 if config.encoding == "cppn" else 1
        )
        config = dataclasses.replace(config, micro_batch=micro_batch)
    # what the classifier does not allow is refused before anything is written
    make_selection(config, classifier.card)
    make_encoding(config, classifier.card.input_shape)
    check_classifier(classifier)

    def make_folder() -> str:
        folder = _make_folder(out, overwrite, f"{name or preset or config.encoding}-{config.seed}")
        write_json(folder / "config.json", _manifest(config, classifier))
        return str(folder)

    folder = Path(multihost.from_first(make_folder))
    return _carry_out(folder, config, classifier, reporter or Quiet())


def resume(
    run: str | Path | Run,
    *,
    generations: int | None = None,
    classifier: Classifier | None = None,
    reporter: Reporter | None = None,
) -> Run:
    """Goes on from the newest checkpoint, to the same or a larger number of generations.

    Args:
        run: the run directory.
        generations: new total; the configured one by default.
        classifier: needed only for one that cannot be loaded by name.
        reporter: is told how it goes; silent by default.

    Returns:
        The finished run, opened anew. A run that was finished already is returned as it is; one
        that stopped after `max_seconds` is given as many again.

    Raises:
        UserError: not a run directory, or `generations` is less than the run has.
    """
    if not isinstance(run, Run) or classifier is not None:
        run = Run(run.folder if isinstance(run, Run) else run, classifier=classifier)
    config = multihost.from_first(partial(_go_on, run, generations))
    if config is None:
        return run
    return _carry_out(run.folder, from_dict(config), run.classifier, reporter or Quiet())


def _go_on(run: Run, generations: int | None) -> dict[str, Any] | None:
    """Prepares the run directory; returns the configuration, or None if there is nothing to do."""
    config = run.config
    if generations is not None and generations != config.generations:
        if generations < config.generations:
            raise UserError(
                f"generations is {generations}, but {run.folder} was started with "
                f"{config.generations}; a run can only be extended"
            )
        config = dataclasses.replace(config, generations=generations)
    elif run.summary is not None and run.summary["stopped_by"] not in STOPPED_EARLY:
        return None
    run.check_weights(run.classifier)
    # a summary stands for a finished run, also to whoever resumes after this process is killed
    (run.folder / "summary.json").unlink(missing_ok=True)
    manifest = dict(run.manifest) | {"config": config.to_dict()}
    write_json(run.folder / "config.json", manifest)
    return manifest["config"]


def _carry_out(
    folder: Path, config: EvolveConfig, classifier: Classifier, reporter: Reporter
) -> Run:
    """Runs to the end and leaves summary and images."""
    multihost.speak_when_aborted(lost_process(folder))
    runner = Runner(folder, config, classifier, reporter)
    try:
        outcome = runner.run()
    except KeyboardInterrupt as error:  # a second Ctrl-C
        raise KeyboardInterrupt(f"go on with '{resume_command(folder)}'") from error

    def finish() -> None:
        run = Run(folder, classifier=classifier)
        summary = _summarize(config, classifier, outcome, runner.encoding)
        summary["micro_batches"] = run.manifest["micro_batches"]
        write_json(folder / "summary.json", summary)
        if outcome.reason != INTERRUPTED:
            save_image(gallery(run, page=1)[0], folder / "gallery.png")
            write_convergence(run, folder / "convergence.png")

    multihost.from_first(finish)
    return Run(folder, classifier=classifier)


def _summarize(
    config: EvolveConfig, classifier: Classifier, outcome: Outcome, encoding: Encoding
) -> dict[str, Any]:
    """Returns the content of `summary.json`."""
    elites = jax.device_get(outcome.state.archive)
    fitness = best_of_class(elites.fitness, make_selection(config, classifier.card).slots)
    each: list[dict[str, Any]] = [
        {"run": run, "seed": config.seed + run}
        | summarize(fitness[run])
        | {"archive_sha256": archive_sha256(run_of(elites, run), encoding.trim)}
        for run in range(config.runs)
    ]
    median = float(np.median([run["median_confidence"] for run in each]))
    generation = int(outcome.state.next_generation) - 1
    evolved = outcome.evolve_seconds
    return {
        "encoding": config.encoding,
        "classifier": classifier.card.name,
        "seed": config.seed,
        "runs": config.runs,
        "generations": generation,
        "evaluations": (generation + 1) * config.batch_size * config.runs,
        "stopped_by": outcome.reason,
        "median_confidence": median,
        "min_confidence": min(run["min_confidence"] for run in each),
        "classes": fitness.shape[1],
        "classes_ge_90": min(run["classes_ge_90"] for run in each),
        "classes_ge_99": min(run["classes_ge_99"] for run in each),
        "classes_ge_9999": min(run["classes_ge_9999"] for run in each),
        "evals_per_second": round(outcome.evaluations / evolved, 1) if evolved else None,
        "compile_seconds": round(outcome.compile_seconds, 3),
        "wall_seconds": round(outcome.seconds, 3),
        "archive_sha256": archive_sha256(elites, encoding.trim),
        "per_run": each,
    }


def _make_folder(out: str | Path | None, overwrite: bool, name: str) -> Path:
    """Makes the run directory: the one asked for, or a new one under `runs/`."""
    try:
        if out is None:
            return _make_numbered(Path("runs") / name)
        folder = Path(out)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            if not overwrite:
                raise UserError(
                    f"{folder} is there already; go on with 'evofool resume {folder}', "
                    "choose another --out, or replace it with --overwrite"
                )
            if not (folder / "config.json").is_file():
                raise UserError(f"{folder} is not a run directory; it is not overwritten")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except OSError as error:
        raise write_error(Path(out or "runs"), error) from error


def _make_numbered(base: Path) -> Path:
    for number in itertools.count(1):
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")


def _manifest(config: EvolveConfig, classifier: Classifier) -> dict[str, Any]:
    """Returns the content of `config.json`."""
    return {
        "schema": MANIFEST_SCHEMA,
        "evofool": version("evofool"),
        "config": config.to_dict(),
        "classifier": classifier.card.to_dict(),
        "platform": platform_facts(),
    }
