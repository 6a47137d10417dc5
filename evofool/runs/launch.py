"""The two verbs that make runs: evolve and resume."""

import dataclasses
import itertools
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from evofool.classifiers import Classifier, check_classifier
from evofool.config import EvolveConfig, make_config
from evofool.evolution import (
    INTERRUPTED,
    MAX_SECONDS,
    Plan,
    Quiet,
    Reporter,
    Session,
    configure,
    load_configured,
    lost_process,
    make_plan,
    resume_command,
)
from evofool.images import save_image
from evofool.runs.convergence import write_convergence
from evofool.runs.gallery import gallery
from evofool.runs.run import Run
from evofool.runs.summary import make_manifest, make_summary
from evofool.support import UserError, multihost, write_error, write_json

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
    # what the classifier does not allow is refused before anything is written
    plan = make_plan(config, classifier)
    check_classifier(classifier)

    def make_folder() -> str:
        folder = _make_folder(out, overwrite, f"{name or preset or config.encoding}-{config.seed}")
        write_json(folder / "config.json", make_manifest(plan.config, classifier))
        return str(folder)

    folder = Path(multihost.from_first(make_folder))
    return _carry_out(folder, plan, reporter or Quiet())


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
    last = multihost.from_first(partial(_prepare_to_go_on, run, generations))
    if last is None:
        return run
    config = dataclasses.replace(run.config, generations=last)
    return _carry_out(run.folder, make_plan(config, run.classifier), reporter or Quiet())


def _prepare_to_go_on(run: Run, generations: int | None) -> int | None:
    """Prepares the run directory; returns the number of generations, None if nothing is to do."""
    last = run.config.generations if generations is None else generations
    is_extended = last != run.config.generations
    if last < run.config.generations:
        raise UserError(
            f"generations is {last}, but {run.folder} was started with "
            f"{run.config.generations}; a run can only be extended"
        )
    is_finished = run.summary is not None and run.summary["stopped_by"] not in STOPPED_EARLY
    if is_finished and not is_extended:
        return None
    run.check_weights(run.classifier)
    # a summary stands for a finished run, also to whoever resumes after this process is killed
    (run.folder / "summary.json").unlink(missing_ok=True)
    if is_extended:
        config = run.manifest["config"] | {"generations": last}
        write_json(run.folder / "config.json", {**run.manifest, "config": config})
    return last


def _carry_out(folder: Path, plan: Plan, reporter: Reporter) -> Run:
    """Runs to the end and leaves summary and images."""
    multihost.speak_when_aborted(lost_process(folder))
    try:
        outcome = Session(folder, plan, reporter).run()
    except KeyboardInterrupt as error:  # a second Ctrl-C
        raise KeyboardInterrupt(f"go on with '{resume_command(folder)}'") from error

    def finish() -> None:
        run = Run(folder, classifier=plan.classifier)
        write_json(folder / "summary.json", make_summary(plan, outcome))
        if outcome.reason != INTERRUPTED:
            save_image(gallery(run, page=1)[0], folder / "gallery.png")
            write_convergence(run, folder / "convergence.png")

    multihost.from_first(finish)
    return Run(folder, classifier=plan.classifier)


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
