"""What `resume` makes again in a damaged run directory, beyond going on from a whole checkpoint."""

import dataclasses
import shutil
from pathlib import Path

from evofool.evolution import (
    INTERRUPTED,
    Plan,
    Reporter,
    Session,
    damaged_history,
    load,
    load_newest,
    load_whole,
    metrics,
    resume_command,
    saved_generations,
    starters,
)
from evofool.runs.folders import AGAIN
from evofool.runs.integrity import check_arrays
from evofool.support import DamagedFileError, multihost, remove, replacing


def repair(folder: Path, plan: Plan, reporter: Reporter) -> None:
    """Makes a run directory one that a session can go on with.

    Damaged checkpoints that are older than a whole one are removed. Lineage and metrics that are
    damaged before the oldest whole checkpoint are made again from generation 0, beside the run,
    and taken over only if that leads to the same archive: nothing is lost where it does not.

    Raises:
        DamagedFileError: they could not be made again.
        UserError: the newest checkpoint holds what no run makes.
        KeyboardInterrupt: the user stopped it; the next `resume` goes on.
    """
    newest = load_whole(folder / "checkpoints")
    if newest is None or not multihost.is_alone():
        return
    check_arrays(newest, plan.config, plan.classifier.card, folder)
    whole = []
    for generation in saved_generations(folder / "checkpoints"):
        path = folder / "checkpoints" / str(generation)
        try:
            whole.append(load(path.parent, generation).manifest)
        except DamagedFileError as error:
            if generation < newest.generation:
                reporter.message(f"{error}; it is removed, as a newer one is whole")
                remove(path)
    damage = damaged_history(folder, newest.manifest)
    if not damage or any(not damaged_history(folder, manifest) for manifest in whole):
        return
    reporter.message(f"{damage[0]}: making generations 0 to {newest.generation} again")
    _make_again(folder, plan, newest.generation, reporter)
    made = load_newest(folder / AGAIN / "checkpoints", reporter.message)
    if made is None or made.manifest["sha256"] != newest.manifest["sha256"]:
        remove(folder / AGAIN)
        raise DamagedFileError(
            f"{damage[0]}. It was made again, but this machine computes other bits than the one "
            "that made the run: repeat the command there, or put back a copy"
        )
    _take_over(folder)


def _make_again(folder: Path, plan: Plan, last: int, reporter: Reporter) -> None:
    again = folder / AGAIN
    again.mkdir(exist_ok=True)
    shutil.copy(folder / "config.json", again)
    starters.copy(folder, again)
    config = dataclasses.replace(
        plan.config,
        generations=min(last, plan.config.last_generation),
        target_confidence=None,
        max_seconds=None,
        max_evaluations=None,
    )
    outcome = Session(again, dataclasses.replace(plan, config=config), reporter).run()
    if outcome.reason == INTERRUPTED:
        command = resume_command(folder, classifier=plan.config.classifier)
        raise KeyboardInterrupt(f"go on with '{command}'")


def _take_over(folder: Path) -> None:
    """Puts what was made again in its place; killed at any moment, it can be done anew."""
    again = folder / AGAIN
    for name in ("lineage", "checkpoints"):
        remove(folder / name)
        shutil.copytree(again / name, folder / name)
    metrics.cut(folder / "metrics.jsonl", lambda generation: False)
    with replacing(folder / "metrics.jsonl") as temporary:
        shutil.copy(again / "metrics.jsonl", temporary)
    remove(again)
