"""The verb that makes a run surer of itself: polish, which goes on where evolution has ended."""

import contextlib
import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from evofool.classifiers import Classifier, fingerprint
from evofool.config import PolishConfig
from evofool.evolution import Reporter, begin_with, expectation_of, make_plan, starters
from evofool.runs.backends import in_jax
from evofool.runs.folders import CONFIG, named, new_run_folder
from evofool.runs.launch import carry_out
from evofool.runs.progress import reporting
from evofool.runs.run import Run
from evofool.runs.summary import make_manifest, nothing_yet
from evofool.support import Setting, UserError, multihost, write_json


def polish(
    run: str | Path | Run,
    *,
    steps: int = 100,
    rounds: int = 1,
    weakest: float = 1.0,
    widen: int = 16,
    gain: float = 1.25,
    classes: Sequence[str] = (),
    expect: str | None = None,
    expect_by: Literal["mean", "least"] = "mean",
    expect_copies: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    classifier: str | Classifier | None = None,
    weights: str | Path | None = None,
    trust_code: bool = False,
    quiet: bool = False,
    reporter: Reporter | None = None,
) -> Run:
    """Lets every elite of a run climb by the classifier's gradient, and leaves a new run directory.

    The run stays as it is. The new one begins with its archive and its lineage, and is a run
    directory like any other: it can be inspected, drawn, verified, and resumed if it is stopped.

    Args:
        run: a run directory, evolved as far as it is to be.
        steps: gradient steps of each elite in a round.
        rounds: how often elites climb, each time from what the round before has left.
        weakest: part of a round's elites that climbs again in the next, the weakest; 1 for all.
        widen: new hidden nodes that networks get in a round; directly encoded images get none.
        gain: what a step is to raise the log-odds by at first, if they were linear.
        classes: indices, labels or WordNet ids; all classes of the run unless given.
        expect: wear that the images are to survive, as "shift,crop"; elites are scored again by
            it. As the run, unless given.
        expect_by: whether the mean or the least log-probability of worn copies counts.
        expect_copies: worn copies of an image in each step; one of each kind unless given.
        out: the new run directory; `<run>-polished` unless given.
        overwrite: replace a run directory that is there.
        classifier: the run's, where it cannot be loaded by the name that the run directory holds.
        weights: its weights, where they are no longer where the run found them.
        trust_code: whether to run the code of a classifier that only the run directory names.
        quiet: show no progress.
        reporter: is told how it goes, instead of the person at the terminal or notebook.

    Returns:
        The polished run, opened.

    Raises:
        UserError: the run has no checkpoint, is polished already or is single-class, its
            classifier has no gradients or is another one by now, a number is out of range, or
            `out` is there already.

    Example:
        >>> import evofool, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> run = evofool.evolve("mock:10", encoding="direct", generations=5, out=folder)
        >>> better = evofool.polish(run, steps=5)
        >>> bool((better.confidences >= run.confidences).all())
        True
    """
    run = Run.open(run, classifier=classifier, weights=weights, trust_code=trust_code)
    if steps < 1:
        raise UserError(f"steps is {steps}; expected 1 or more")
    if run.config.polish.steps:
        raise UserError(
            f"{run.folder} is polished already; polish the run that it was made from, with more "
            "rounds or steps"
        )
    newest = run.newest
    if newest is None:
        raise nothing_yet(run.folder, "has no checkpoint yet")
    asked: dict[str, Setting] = {}
    if expect is not None:
        asked = {"expect": expect, "expect_by": expect_by, "expect_copies": expect_copies}
    model, settings = in_jax(run.classifier, run.config)
    config = dataclasses.replace(
        settings,
        **asked,
        generations=newest.generation,
        target_confidence=None,
        max_seconds=None,
        max_evaluations=None,
        polish=PolishConfig(
            evolved_looks=run.config.looks if expect is not None else None,
            steps=steps,
            rounds=rounds,
            weakest=weakest,
            widen=widen,
            gain=gain,
            classes=tuple(classes),
        ),
    )
    plan = make_plan(config, model)
    run.check_identity(run.classifier)
    answers = fingerprint(model)
    here = named(run.folder)
    folder = Path(out) if out is not None else here.with_name(f"{here.name}-polished")
    with contextlib.ExitStack() as held:
        reporter = held.enter_context(reporting(reporter=reporter, quiet=quiet))
        say, source = reporter.message, run.folder
        begun = new_run_folder(folder, name="", overwrite=overwrite, report=say, source=source)

        def begin() -> None:
            held.enter_context(begun)
            starters.copy(run.folder, folder)
            shutil.copytree(run.folder / "lineage", folder / "lineage")
            shutil.copy(run.folder / "metrics.jsonl", folder)
            write_json(folder / CONFIG, make_manifest(plan, answers))
            has_other_fitness = plan.expectation != expectation_of(run.config)
            begin_with(folder, plan, newest, anew=has_other_fitness or model is not run.classifier)

        multihost.from_first(begin)  # which holds the lock for all
        return carry_out(folder, plan, reporter)
