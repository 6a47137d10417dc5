"""Certain about nothing: how many classes each source of images fools, and at what cost."""

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from evofool.audits.evidence import Evidence
from evofool.audits.figures import Metrics, at, plain, share
from evofool.audits.subject import Subject
from evofool.classifiers import confidence, first_name
from evofool.evaluation import Recognized
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.runs import Run


class ClassRow(TypedDict):
    """One image that was made for a class, or one that was made for none.

    Attributes:
        label: class aimed at; without, the likeliest.
        index: of that class.
        run: number of the independent run.
        confidence: in that class, in [0, 1].
        log_odds: of that class.
        likeliest: the likeliest class.
        evaluations: of its run, after which an image of the class had the confidence that counts;
            None if none had, or if that is not known.
    """

    label: str
    index: int
    run: int
    confidence: float
    log_odds: float
    likeliest: str
    evaluations: int | None


class Curve(TypedDict):
    """How many classes are fooled after how many evaluations of a run.

    Attributes:
        evaluations: after each generation.
        shares: for each confidence, as text, the share of classes after each generation.
    """

    evaluations: list[int]
    shares: dict[str, list[float]]


class SourcePart(TypedDict):
    """What one source of images shows.

    Attributes:
        source: its name.
        is_aimed: whether an image was made for each class.
        evaluations: images that the classifier was shown, or gradients taken.
        rows: the images.
        curve: of evolution; None for other sources.
        metrics: figures by name.
    """

    source: str
    is_aimed: bool
    evaluations: int
    rows: list[ClassRow]
    curve: Curve | None
    metrics: Metrics


def certain_of(
    subject: Subject,
    evidence: Evidence,
    seen: Recognized,
    *,
    needed: np.ndarray | None = None,
    curve: Curve | None = None,
) -> SourcePart:
    """Counts of how many images from a source a classifier is certain.

    Args:
        subject: the classifier.
        evidence: the images.
        seen: what it recognises in them.
        needed: evaluations after which each image's class had the confidence that counts, or -1.
        curve: of the evolution that made them.
    """
    labels = subject.classifier.card.labels
    odds = evidence.log_odds(seen)
    aimed = evidence.aimed if evidence.is_aimed else seen.classes
    rows: list[ClassRow] = [
        {
            "label": first_name(labels[aimed[i]]),
            "index": int(aimed[i]),
            "run": int(evidence.run[i]),
            "confidence": float(confidence(odds[i])),
            "log_odds": float(odds[i]),
            "likeliest": first_name(labels[seen.classes[i]]),
            "evaluations": None if needed is None or needed[i] < 0 else int(needed[i]),
        }
        for i in range(len(odds))
    ]
    return {
        "source": evidence.source,
        "is_aimed": evidence.is_aimed,
        "evaluations": evidence.evaluations,
        "rows": rows,
        "curve": curve,
        "metrics": _metrics(subject, evidence, confidence(odds), needed),
    }


def metric_name(source: str, bar: float, *, is_aimed: bool) -> str:
    """Names the share of images at or above a confidence: `fooled@0.99`, `certain.noise@0.9`."""
    if not is_aimed:
        return f"certain.{source}{at(bar)}"
    return f"fooled{at(bar)}" if source == "cppn" else f"fooled.{source}{at(bar)}"


def _metrics(
    subject: Subject, evidence: Evidence, values: np.ndarray, needed: np.ndarray | None
) -> Metrics:
    metrics: Metrics = {
        metric_name(evidence.source, bar, is_aimed=evidence.is_aimed): share(values >= bar)
        for bar in subject.thresholds
    }
    if needed is not None and np.mean(needed >= 0) > 0.5:  # else the median is beyond the budget
        median = np.median(np.where(needed < 0, np.inf, needed))
        metrics["evaluations.median"] = plain(float(median), len(needed))
    return metrics


def curve_of(run: Run) -> Curve:
    """Reads from a run's metrics how many classes were fooled after each generation."""
    lines = run.metrics
    cells = run.confidences.size
    generations = sorted({line["generation"] for line in lines})
    names: Mapping[float, str] = {
        LIKELY: "classes_ge_90",
        HIGH: "classes_ge_99",
        NEAR_CERTAIN: "classes_ge_9999",
    }
    totals = {bar: dict.fromkeys(generations, 0) for bar in names}
    for line in lines:
        for bar, name in names.items():
            totals[bar][line["generation"]] += line[name]  # type: ignore[literal-required]
    return {
        "evaluations": [(generation + 1) * run.config.batch_size for generation in generations],
        "shares": {
            f"{bar:g}": [round(count / cells, 6) for count in totals[bar].values()] for bar in names
        },
    }


def real_part(subject: Subject) -> SourcePart:
    """Counts of how many real images a classifier is certain: what a threshold costs."""
    real, seen = subject.known, subject.seen
    zeros = np.zeros(len(real.images), int)
    evidence = Evidence("real", real.images, zeros - 1, zeros, len(zeros))
    return certain_of(subject, evidence, seen)
