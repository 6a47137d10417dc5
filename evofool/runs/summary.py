"""The two JSON files of a run directory: what `config.json` and `summary.json` hold."""

from importlib.metadata import version
from typing import Any, NotRequired, TypedDict

import jax
import numpy as np

from evofool.classifiers import Fingerprint
from evofool.evolution import (
    Confidences,
    MicroBatches,
    Outcome,
    Plan,
    Reason,
    archive_sha256,
    best_of_class,
    run_of,
    summarize,
)
from evofool.support import platform_facts

MANIFEST_SCHEMA = 1


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
    config: dict[str, Any]  # JSON values
    classifier: dict[str, Any]  # JSON values
    platform: dict[str, str]
    fingerprint: NotRequired[dict[str, Any]]  # JSON values
    outputs: NotRequired[list[int]]
    micro_batches: NotRequired[list[list[int]]]


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
    """

    encoding: str
    classifier: str
    seed: int
    runs: int
    generations: int
    evaluations: int
    stopped_by: Reason
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


def make_summary(plan: Plan, outcome: Outcome) -> Summary:
    """Returns the content of `summary.json`."""
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
    evolved = outcome.evolve_seconds
    return {
        "encoding": config.encoding,
        "classifier": plan.classifier.card.name,
        "seed": config.seed,
        "runs": config.runs,
        "generations": generation,
        "evaluations": (generation + 1) * config.batch_size * config.runs,
        "stopped_by": outcome.reason,
        "median_confidence": float(np.median([run["median_confidence"] for run in per_run])),
        "min_confidence": min(run["min_confidence"] for run in per_run),
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
    }
