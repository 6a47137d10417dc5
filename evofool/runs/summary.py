"""The two JSON files of a run directory: what `config.json` and `summary.json` hold."""

from importlib.metadata import version
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import jax
import numpy as np

from evofool.classifiers import INDEX, Card, Fingerprint, resolve_classes
from evofool.config import EvolveConfig, from_dict
from evofool.evolution import (
    TARGET_REACHED,
    Confidences,
    MicroBatches,
    Outcome,
    Plan,
    Reason,
    archive_sha256,
    best_of_class,
    has_its_seal,
    makes_again,
    resume_command,
    run_of,
    sealed,
    summarize,
)
from evofool.support import (
    DamagedFileError,
    JsonValue,
    UserError,
    as_record,
    check_schema,
    check_version,
    platform_facts,
    read_json,
    writer_of,
)

MANIFEST_SCHEMA = 1
_LATER = ("classes_ge_90",)  # summaries of early versions lack it


class Manifest(TypedDict):
    """The content of `config.json`, written when a run begins.

    Written again only if the user extends the run to more generations.

    Attributes:
        schema: of this file.
        evofool: the version that began the run.
        config: the settings, resolved.
        classifier: its card.
        platform: the kind of machine.
        fingerprint: of the classifier, `Fingerprint.to_dict`; runs of early versions have none.
        outputs: the indices of the outputs evolved for; runs of early versions have none.
        micro_batches: `[generation, size]` pairs, in runs of early versions; checkpoints list
            them since.
    """

    schema: int
    evofool: str
    config: dict[str, JsonValue]  # JSON values
    classifier: dict[str, JsonValue]  # JSON values
    platform: dict[str, str]
    fingerprint: NotRequired[dict[str, JsonValue]]  # JSON values
    outputs: NotRequired[list[int]]
    micro_batches: NotRequired[MicroBatches]


def outputs_of(manifest: Manifest, card: Card) -> tuple[int, ...]:
    """Returns the outputs that a run evolved for, ascending.

    Args:
        manifest: of the run. Early versions listed only the names of the classes, in which a number
            below the number of classes was an index, whatever the labels.
        card: of its classifier.

    Raises:
        UserError: there are no such outputs or classes.
    """
    outputs = manifest.get("outputs")
    if outputs is None:
        names = manifest["config"].get("classes", ())
        is_index = {name: name.isdecimal() and int(name) < card.classes for name in names}
        return resolve_classes(card, tuple(f"{INDEX}{n}" if is_index[n] else n for n in names))
    valid = set(range(card.class_offset, card.outputs))
    if not outputs or outputs != sorted(set(outputs) & valid):
        raise UserError(
            f"outputs is {outputs}; expected some of {card.class_offset}.."
            f"{card.outputs - 1}, ascending"
        )
    return tuple(outputs)


class RunSummary(Confidences):
    """One of the independent runs, as of its last generation.

    Attributes:
        run: its index.
        seed: its seed.
        archive_sha256: of its archive.
    """

    run: int
    seed: int
    archive_sha256: str


class Summary(TypedDict):
    """The content of `summary.json`, written when a run ends.

    Attributes:
        encoding: "cppn" or "direct".
        classifier: its name.
        seed: of the first run.
        runs: number of independent runs.
        generations: the last one.
        evaluations: images classified, all runs together.
        stopped_by: why the run ended.
        target_reached: whether each class of each run has the target confidence; None without
            one. Missing in runs of early versions.
        median_confidence: median of the runs' medians, in [0, 1].
        min_confidence: of the least certain class of all runs, in [0, 1].
        classes: number of classes evolved for.
        classes_ge_90: classes at or above .9, in the run with the fewest.
        classes_ge_99: the same for .99.
        classes_ge_9999: the same for .9999.
        evals_per_second: of the last process, compilation left out; None if it had nothing to do.
        compile_seconds: of the last process: tracing and compiling.
        wall_seconds: of all processes that worked on the run.
        archive_sha256: of the archives of all runs.
        per_run: the independent runs.
        micro_batches: (generation, size used from it on), in order.
        images: SHA-256 of the run directory's images, by the names of their files; early versions
            left it out.
        seal: SHA-256 of all the other members; early versions left it out.
    """

    encoding: str
    classifier: str
    seed: int
    runs: int
    generations: int
    evaluations: int
    stopped_by: Reason
    target_reached: NotRequired[bool | None]
    median_confidence: float
    min_confidence: float
    classes: int
    classes_ge_90: int
    classes_ge_99: int
    classes_ge_9999: int
    evals_per_second: float | None
    compile_seconds: float
    wall_seconds: float
    archive_sha256: str
    per_run: list[RunSummary]
    micro_batches: MicroBatches
    images: NotRequired[dict[str, str]]
    seal: NotRequired[str]


def nothing_yet(folder: Path, what: str, *, remedy: str = "") -> UserError:
    """Makes the error for a run that does not have something, or not yet.

    Args:
        folder: the run directory.
        what: it has not, unless evofool is writing it at this moment.
        remedy: what to do about it; to resume unless given.
    """
    writer = writer_of(folder)
    if writer is not None:
        return UserError(f"{folder}: nothing is finished yet; evofool is writing it ({writer})")
    remedy = remedy or f"go on with '{resume_command(folder)}'"
    return UserError(f"{folder} {what}; {remedy}")


def read_manifest(folder: Path) -> Manifest:
    """Reads the `config.json` of a run directory.

    Raises:
        UserError: the folder is not a run directory, or the file cannot be read, was made by a
            newer version, or has a member that is missing or of another kind.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise nothing_yet(
            folder,
            "is not a run directory (it has no config.json)",
            remedy="make one with 'evofool evolve --out DIR'",
        )
    content = read_json(path)
    if isinstance(content, dict):
        check_schema(content.get("schema"), (MANIFEST_SCHEMA,), path)
        check_version(content.get("evofool"), version("evofool"), path)
    return as_record(Manifest, content, path)


def settled(manifest: Manifest, folder: Path) -> tuple[EvolveConfig, Card, tuple[int, ...]]:
    """Returns what a `config.json` says: the settings, the card, and the outputs evolved for.

    Raises:
        UserError: a setting or a field of the card is of the wrong kind, out of range or unknown.
    """
    path = folder / "config.json"
    card = Card.from_dict(manifest["classifier"], source=f"{path}: classifier")
    try:
        config = from_dict(manifest["config"])
        return config, card, outputs_of(manifest, card)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_summary(folder: Path) -> Summary | None:
    """Reads the `summary.json` of a run directory; returns None while the run is not finished.

    Raises:
        DamagedFileError: the file is not as it was written.
    """
    path = folder / "summary.json"
    if not path.exists():
        return None
    try:
        content = as_record(Summary, read_json(path), path, may_lack=_LATER)
    except UserError as error:
        raise _damaged(folder, str(error)) from error
    if "seal" in content and not has_its_seal(content):
        raise _damaged(folder, f"{path} is damaged or was edited")
    return content


def _damaged(folder: Path, reason: str) -> DamagedFileError:
    return DamagedFileError(f"{reason}; {makes_again(folder)}")


def make_manifest(plan: Plan, answers: Fingerprint) -> Manifest:
    """Returns the content of `config.json`.

    Args:
        plan: of the run.
        answers: of its classifier.
    """
    return {
        "schema": MANIFEST_SCHEMA,
        "evofool": version("evofool"),
        "config": plan.config.to_dict(),
        "classifier": plan.classifier.card.to_dict(),
        "platform": platform_facts(),
        "fingerprint": answers.to_dict(),
        "outputs": list(plan.selection.outputs),
    }


def make_summary(
    plan: Plan,
    outcome: Outcome,
    *,
    images: dict[str, str] | None = None,
    evaluations: int | None = None,
) -> Summary:
    """Returns the content of `summary.json`.

    Args:
        plan: of the run.
        outcome: how it ended.
        images: SHA-256 of those in the run directory, by name; None: there are none.
        evaluations: images classified; as many as generations have, unless given.
    """
    config, trim = plan.config, plan.encoding.trim
    elites = jax.device_get(outcome.state.archive)
    fitness = best_of_class(elites.fitness, plan.selection.slots)
    per_run: list[RunSummary] = [
        {
            "run": run,
            "seed": config.seed + run,
            **summarize(fitness[run]),
            "archive_sha256": archive_sha256(run_of(elites, run), trim),
        }
        for run in range(config.runs)
    ]
    generation = int(outcome.state.next_generation) - 1
    least, target = min(run["min_confidence"] for run in per_run), config.target_confidence
    is_reached = outcome.reason == TARGET_REACHED or (target is not None and least >= target)
    evolved = outcome.evolve_seconds
    if evaluations is None:
        evaluations = plan.evaluations_by(generation) * config.runs
    summary: Summary = {
        "encoding": config.encoding,
        "classifier": plan.classifier.card.name,
        "seed": config.seed,
        "runs": config.runs,
        "generations": generation,
        "evaluations": evaluations,
        "stopped_by": outcome.reason,
        "target_reached": None if target is None else is_reached,
        "median_confidence": float(np.median([run["median_confidence"] for run in per_run])),
        "min_confidence": least,
        "classes": fitness.shape[1],
        "classes_ge_90": min(run["classes_ge_90"] for run in per_run),
        "classes_ge_99": min(run["classes_ge_99"] for run in per_run),
        "classes_ge_9999": min(run["classes_ge_9999"] for run in per_run),
        "evals_per_second": round(outcome.evaluations / evolved, 1) if evolved else None,
        "compile_seconds": round(outcome.compile_seconds, 3),
        "wall_seconds": round(outcome.seconds, 3),
        "archive_sha256": archive_sha256(elites, trim),
        "per_run": per_run,
        "micro_batches": outcome.micro_batches,
        "images": images or {},
    }
    return cast(Summary, sealed(summary))
