"""The two verbs that make runs: evolve and resume."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Unpack

from evofool.classifiers import Classifier, fingerprint
from evofool.config import EvolveConfig, make_config
from evofool.evolution import (
    INTERRUPTED,
    MAX_SECONDS,
    CellsFunction,
    FitnessFunction,
    Plan,
    Reporter,
    Session,
    configure,
    load_configured,
    lost_process,
    make_plan,
    register_cells,
    register_fitness,
    resume_command,
    sealed,
    starters,
)
from evofool.images import save_image
from evofool.runs.backends import settle_backend
from evofool.runs.breeding_record import CHILDREN, is_session
from evofool.runs.breeding_session import settle, write_children
from evofool.runs.convergence import write_convergence
from evofool.runs.examination import examine
from evofool.runs.folders import CONFIG, SUMMARY, is_tidy, new_run_folder
from evofool.runs.gallery import gallery
from evofool.runs.identity import remarks
from evofool.runs.integrity import image_hashes
from evofool.runs.progress import reporting
from evofool.runs.repair import repair
from evofool.runs.run import Run
from evofool.runs.starting import Start, starting_genomes
from evofool.runs.summary import make_manifest, make_summary, read_summary
from evofool.settings import Settings
from evofool.support import (
    DamagedFileError,
    UserError,
    locked,
    multihost,
    read_json,
    remove,
    write_json,
)

STOPPED_EARLY = (INTERRUPTED, MAX_SECONDS)  # what `resume` goes on with by itself


def evolve(
    classifier: str | Classifier | None = None,
    *,
    fitness: str | FitnessFunction | None = None,
    cells: str | CellsFunction | None = None,
    start: Start | Iterable[Start] = (),
    config: EvolveConfig | None = None,
    preset: str | None = None,
    config_file: str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    trust_code: bool = False,
    quiet: bool = False,
    reporter: Reporter | None = None,
    **settings: Unpack[Settings],
) -> Run:
    """Evolves fooling images and leaves a run directory.

    Args:
        classifier: name, or a `Classifier` of your own.
        fitness: what is maximised: "log_odds" unless given, "probability", a registered name, or a
            function, which is registered under its own name (see `register_fitness`).
        cells: of the archive: "classes" unless given, a registered name, or a function, which is
            registered under its own name (see `register_cells`).
        start: run directories and JSON files of genomes, of which generation 0 begins; the rest of
            it is random.
        config: a whole configuration; else it is built from the next three.
        preset: name in `evofool.presets.PRESETS`.
        config_file: TOML file.
        name: what the default run directory is named after; the preset or encoding unless given.
        out: run directory; by default `runs/<name>-<seed>`, numbered when it is there.
        overwrite: replace an explicit `out` that is there.
        trust_code: whether `config_file` may name a classifier that is code.
        quiet: show no progress.
        reporter: is told how it goes, instead of the person at the terminal or notebook.
        **settings: fields of `EvolveConfig`; `cppn` and `direct` may be mappings.

    Returns:
        The finished run, opened.

    Raises:
        UserError: bad settings, a classifier that cannot be used, or `out` is there already or
            being written by another process.

    Example:
        >>> import evofool, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> run = evofool.evolve("mock:10", generations=5, batch_size=20, out=folder)
        >>> len(run.elites())
        10
    """
    if not isinstance(classifier, str | Classifier | None):
        raise UserError(
            f"classifier is of type {type(classifier).__name__}; expected a name or an "
            "evofool.Classifier (a configuration is given as config=)"
        )
    if config is None:
        hooks = {
            "fitness": _named(register_fitness, fitness),
            "cells": _named(register_cells, cells),
        }
        if isinstance(classifier, str):
            hooks["classifier"] = classifier
        named = {name: value for name, value in hooks.items() if value is not None}
        config = make_config(
            preset=preset, file=config_file, trust_code=trust_code, **named, **settings
        )
    elif preset or config_file or settings or fitness or cells:
        raise UserError("give either config, or preset, config_file and settings, not both")
    elif isinstance(classifier, str) and classifier != config.classifier:
        raise UserError(
            f"classifier is {classifier!r}, and config says {config.classifier!r}; give one of them"
        )
    measured = ""
    if not isinstance(classifier, Classifier):
        config, measured = settle_backend(config)
        classifier = load_configured(config)
    else:
        config = dataclasses.replace(config, classifier=classifier.card.name)
        classifier = configure(classifier, config)
    # what the classifier does not allow is refused before anything is written
    plan = make_plan(config, classifier)
    given = None
    if not isinstance(start, tuple) or start:
        channels = classifier.card.input_shape[2]
        given = starting_genomes(start, plan.config, plan.encoding, channels)
    name = f"{name or preset or config.encoding}-{config.seed}"
    with contextlib.ExitStack() as held:
        reporter = held.enter_context(reporting(reporter=reporter, quiet=quiet))
        for remark in filter(None, (measured, classifier.remark)):
            reporter.message(remark)
        answers = fingerprint(classifier)
        for remark in remarks(classifier, answers):
            reporter.message(remark)
        begun = new_run_folder(out, name=name, overwrite=overwrite, report=reporter.message)

        def begin() -> str:
            folder = held.enter_context(begun)
            if given is not None:
                starters.store(folder, given)
            write_json(folder / CONFIG, make_manifest(plan, answers))
            return str(folder)

        folder = Path(multihost.from_first(begin))  # which holds the lock for all
        return carry_out(folder, plan, reporter)


def _named(
    register: Callable[[str, Any], None], hook: str | Callable[..., Any] | None
) -> str | None:
    """Returns the name of a hook; a function is registered under its own."""
    if hook is None or isinstance(hook, str):
        return hook
    name = getattr(hook, "__name__", "")  # a partial function has none, and is refused
    register(name, hook)
    return name


def resume(
    run: str | Path | Run,
    *,
    generations: int | None = None,
    classifier: str | Classifier | None = None,
    weights: str | Path | None = None,
    trust_code: bool = False,
    quiet: bool = False,
    reporter: Reporter | None = None,
) -> Run:
    """Goes on from the newest checkpoint, to the same or a larger number of generations.

    Args:
        run: the run directory.
        generations: new total; the configured one by default.
        classifier: the run's, where it cannot be loaded by the name that the run directory holds.
        weights: its weights, where they are no longer where the run found them.
        trust_code: whether to run the code of a classifier that only the run directory names.
        quiet: show no progress.
        reporter: is told how it goes, instead of the person at the terminal or notebook.

    Returns:
        The finished run, opened anew. A run that was finished already is returned as it is, but
        for images that are missing; one that stopped after `max_seconds` is given as many again.

    Raises:
        UserError: not a run directory, `generations` is less than the run has, another process
            writes it, or the classifier is not trusted, not found or another one by now.
    """
    run = Run.open(run, classifier=classifier, weights=weights, trust_code=trust_code)
    with contextlib.ExitStack() as held:
        reporter = held.enter_context(reporting(reporter=reporter, quiet=quiet))

        def prepare() -> int | None:
            if _is_done(run, generations):  # needs no lock: it may be on a disk that is read-only
                if classifier is not None:
                    run.check_identity(run.classifier)
                return None
            held.enter_context(locked(run.folder, report=reporter.message))
            return _prepare_to_go_on(run, generations)

        last = multihost.from_first(prepare)
        if last is None:
            return run
        config = dataclasses.replace(run.config, generations=last)
        return carry_out(run.folder, make_plan(config, run.classifier), reporter)


def _is_done(run: Run, generations: int | None) -> bool:
    """Says whether nothing is left to do.

    Raises:
        UserError: `generations` is less than the run has.
    """
    configured = run.config.generations
    if run.config.polish.steps and generations not in (None, configured):
        raise UserError(
            f"generations is {generations}, but {run.folder} is polished; evolve the run that it "
            "was made from further, and polish that"
        )
    if generations is not None and generations < configured:
        raise UserError(
            f"generations is {generations}, but {run.folder} was started with "
            f"{configured}; a run can only be extended"
        )
    return (
        generations in (None, configured)
        and is_tidy(run.folder)
        and not _missing_images(run.folder)
        and _is_complete(run)
    )


def _prepare_to_go_on(run: Run, generations: int | None) -> int | None:
    """Prepares the run directory; returns the number of generations, None if nothing is to do."""
    if read_json(run.folder / CONFIG) != run.manifest:
        raise UserError(f"{run.folder} was changed by another process meanwhile; try again")
    is_extended = generations not in (None, run.config.generations)
    if not is_extended and _is_complete(run):
        _draw_missing(run)
        return None
    run.check_identity(run.classifier)
    last = run.config.generations if generations is None else generations
    if is_session(run.folder):  # evolves only as far as it is told to
        last = max(settle(run.folder), generations or 0)
    set_last(run, last)
    return last


def set_last(run: Run, last: int) -> None:
    """Notes the generation that a run is to end with, and that it is not finished."""
    # a summary stands for a finished run, also to whoever resumes after this process is killed
    remove(run.folder / SUMMARY)
    if last != run.config.generations:
        config = run.manifest["config"] | {"generations": last}
        write_json(run.folder / CONFIG, {**run.manifest, "config": config})


def _is_complete(run: Run) -> bool:
    """Says whether a run is finished but for images, and nothing of it is damaged.

    Raises:
        DamagedFileError: `config.json` was edited.
    """
    if _stopped_by(run.folder) in (None, *STOPPED_EARLY):
        return False
    findings = examine(run)
    if findings.edited:
        raise DamagedFileError(findings.edited[0])
    return not findings.damage


def carry_out(folder: Path, plan: Plan, reporter: Reporter) -> Run:
    """Runs to the end and leaves summary and images."""
    multihost.speak_when_aborted(lost_process(folder))

    def finish() -> None:
        run, images = Run(folder, classifier=plan.classifier), _images_of(folder)
        if outcome.reason != INTERRUPTED:
            _draw(run, images)
        evaluations = run.metrics[-1]["evaluations"] if is_session(folder) else None
        hashes = image_hashes(folder, images)
        summary = make_summary(plan, outcome, images=hashes, evaluations=evaluations)
        write_json(folder / SUMMARY, summary)  # last: it says "finished"

    try:
        repair(folder, plan, reporter)
        outcome = Session(folder, plan, reporter).run()
        multihost.from_first(finish)
    except KeyboardInterrupt as error:  # a second Ctrl-C
        command = resume_command(folder, classifier=plan.config.classifier)
        raise KeyboardInterrupt(f"go on with '{command}'") from error
    return Run(folder, classifier=plan.classifier)


def _stopped_by(folder: Path) -> str | None:
    """Returns why a run ended; None if it did not, as of this moment, or nobody can tell."""
    try:
        summary = read_summary(folder)
    except DamagedFileError:
        return None
    return None if summary is None else summary["stopped_by"]


def _missing_images(folder: Path) -> list[str]:
    return [name for name in _images_of(folder) if not (folder / name).exists()]


def _draw_missing(run: Run) -> None:
    """Draws images that were removed; this machine may draw other bits than the one before."""
    _draw(run, _missing_images(run.folder))
    summary = run.finished
    images = image_hashes(run.folder, _images_of(run.folder))
    if summary.get("images", images) != images:
        write_json(run.folder / SUMMARY, sealed({**summary, "images": images}))


def _draw(run: Run, names: Iterable[str]) -> None:
    for name in names:
        _images_of(run.folder)[name](run, run.folder / name)


def _write_gallery(run: Run, path: Path) -> None:
    if run.all_elites():  # there are none where every output was NaN
        save_image(gallery(run, page=1)[0], path)


IMAGES: dict[str, Callable[[Run, Path], None]] = {
    "gallery.png": _write_gallery,
    "convergence.png": write_convergence,
}
"""The images that a finished run has, and what draws them."""


def _images_of(folder: Path) -> dict[str, Callable[[Run, Path], None]]:
    """Returns `IMAGES`, and what a breeding session has beside them."""
    return {**IMAGES, CHILDREN: write_children} if is_session(folder) else IMAGES
