"""Whether a run directory is as it was written: all of its files, compared with their checksums."""

from typing import NamedTuple

from evofool.evolution import (
    Checkpoint,
    archive_sha256,
    changed_settings,
    damaged_history,
    load,
    makes_again,
    saved_generations,
    settings_message,
)
from evofool.runs.breeding_record import is_session, read_session
from evofool.runs.integrity import (
    archive_of,
    check_arrays,
    image_hashes,
    read_lineage,
    read_metrics,
)
from evofool.runs.opened import OpenedRun
from evofool.runs.summary import read_summary
from evofool.support import DamagedFileError, UserError

NO_CHECKSUMS = (
    "lineage, metrics and settings were written by an earlier version, without checksums: damage "
    "that leaves them readable is not noticed"
)


class Findings(NamedTuple):
    """What an examination of a run directory has found.

    Attributes:
        edited: what is wrong with `config.json`, which only the user can put right.
        damage: what else is damaged and what to do about it, a file in each line.
        unchecked: what could not be checked, and why.
    """

    edited: list[str]
    damage: list[str]
    unchecked: list[str]


def examine(run: OpenedRun) -> Findings:
    """Checks everything that a run directory holds but its classifier.

    Every checkpoint is read; settings, lineage and metrics are compared with what the newest whole
    one says, and so is the summary; images, where they are there, with what the summary says.
    """
    folder, damage = run.folder, []
    newest: Checkpoint | None = None
    generations = saved_generations(folder / "checkpoints")
    for generation in reversed(generations):
        try:
            read = load(folder / "checkpoints", generation)
            newest = newest or read
        except DamagedFileError as error:
            damage.append(f"{error}; {makes_again(folder)}")
    if newest is None:
        lost = [] if generations else [f"{folder} has no checkpoint; {makes_again(folder)}"]
        return Findings([], damage + lost, [])
    if edited := _edited_settings(run, newest):
        return Findings(edited, damage, [])
    history = damaged_history(folder, newest.manifest)
    damage += [f"{one}; {makes_again(folder)}" for one in history]
    damage += [] if history else _impossible_history(run, newest)
    if newest.generation == generations[-1]:
        damage += _damaged_summary(run, newest)
    if is_session(folder):
        try:
            read_session(folder, newest.generation)
        except UserError as error:
            damage.append(str(error))
    return Findings([], damage, [] if "seal" in newest.manifest else [NO_CHECKSUMS])


def _edited_settings(run: OpenedRun, newest: Checkpoint) -> list[str]:
    """Compares `config.json` with a checkpoint and, of a finished run, with the summary."""
    if changed := changed_settings(run.manifest, newest.manifest):
        return [settings_message(run.folder, changed)]
    try:
        check_arrays(newest, run.config, run.card, run.folder)
        summary = read_summary(run.folder)
    except DamagedFileError:
        return []  # of the summary, which is looked at later
    except UserError as error:
        return [f"{error}; put the old values back"]
    configured = run.last_generation
    if summary is None or summary["stopped_by"] != "generations":
        return []
    if summary["generations"] == configured:
        return []
    return [
        f"{run.folder / 'config.json'} was edited or is damaged: it says that the run ends with "
        f"generation {configured}, and it ended with {summary['generations']}; put the old value "
        "back"
    ]


def _impossible_history(run: OpenedRun, newest: Checkpoint) -> list[str]:
    try:
        read_lineage(run.folder, newest, run.config, len(run.outputs))
        read_metrics(run.folder, newest)
    except UserError as error:
        return [f"{error}; put back a copy"]  # no checksum tells what was there
    return []


def _damaged_summary(run: OpenedRun, newest: Checkpoint) -> list[str]:
    path = run.folder / "summary.json"
    try:
        summary = read_summary(run.folder)
    except DamagedFileError as error:
        return [str(error)]
    if summary is None:
        return []
    sha256 = archive_sha256(archive_of(newest.table, run.encoding), run.encoding.trim)
    if (summary["generations"], summary["archive_sha256"]) != (newest.generation, sha256):
        return [f"{path} is not about the newest checkpoint's elites; {makes_again(run.folder)}"]
    recorded = summary.get("images", {})
    return [
        f"{run.folder / name} is damaged or was changed; {makes_again(run.folder)}"
        for name, sha256 in image_hashes(run.folder, recorded).items()
        if sha256 != recorded[name]
    ]
