"""An audit from beginning to end: what `evofool audit` does."""

import dataclasses
import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evofool.audits.budgets import Budget, find_budget
from evofool.audits.comparison import compare
from evofool.audits.controls import forest
from evofool.audits.elites import FOLDER as ELITES
from evofool.audits.elites import read_elites_for, save_elites
from evofool.audits.figures import as_given
from evofool.audits.gates import Gate, confidences_of, judge, parse_gate
from evofool.audits.junit import FILE as JUNIT
from evofool.audits.junit import write_junit
from evofool.audits.page.writing import FILE as PAGE
from evofool.audits.page.writing import write_page
from evofool.audits.parts import Audit, Wishes, work_of
from evofool.audits.real import read_real
from evofool.audits.record import (
    FAILED,
    FILE,
    INVALID,
    PASSED,
    SCHEMA,
    STOPPED,
    About,
    Record,
    Summary,
    read_summary,
)
from evofool.audits.remedies import check_remedies
from evofool.audits.subject import Subject
from evofool.audits.validity import read_golden
from evofool.audits.workshop import PARTS, RUNS, Report, StoppedError, Workshop, silent
from evofool.classifiers import Classifier, ClassifierError, load_classifier
from evofool.images import Levels
from evofool.runs import result_folder
from evofool.support import JsonValue, UserError, platform_facts, remove, write_json

WRITTEN = {FILE, PAGE, JUNIT, ELITES, PARTS, RUNS}  # what is in the folder of an audit
PACKAGES = ("evofool", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "pillow")


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """A finished audit.

    Attributes:
        folder: holds audit.html, audit.json, junit.xml and elites/.
        record: the content of audit.json.
    """

    folder: Path
    record: Record

    @property
    def passed(self) -> bool:
        """Whether it is valid, went to its end, and passed all gates."""
        return self.record["status"] == PASSED

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / PAGE

    def __getitem__(self, metric: str) -> float:
        """Returns the value of a metric, for instance "fooled@0.99".

        Raises:
            UserError: it was not measured.
        """
        metrics = self.record["metrics"]
        if metric not in metrics:
            raise UserError(
                f"{metric} was not measured in {self.folder}; measured: {', '.join(metrics)}"
            )
        return metrics[metric]["value"]


def audit(
    classifier: str | Classifier,
    *,
    out: str | Path,
    weights: str | Path | None = None,
    combine: str = "mean",
    images: str | Path | None = None,
    labels: str | Path | None = None,
    dataset: str | None = None,
    data: str | Path | None = None,
    invert: bool = False,
    budget: str | Budget = "quick",
    seed: int = 0,
    threshold: float = 0.99,
    fail_if: Sequence[str] = (),
    expect_accuracy: float | None = None,
    golden: str | Path | None = None,
    baseline: str | Path | None = None,
    not_worse_than: str | Path | None = None,
    replay: str | Path | None = None,
    remedies: Sequence[str] = (),
    max_seconds: float | None = None,
    overwrite: bool = False,
    report: Report | None = None,
) -> AuditResult:
    """Measures how certain a classifier is about images that show nothing it knows.

    First it checks that the audit is valid: that the classifier is used as its user means. If it is
    not, nothing else is measured. An audit that was stopped goes on where it was when it is called
    again with the same settings.

    Args:
        classifier: name or address as `load_classifier` takes it, or a `Classifier`.
        out: folder to write; new or empty, or that of the same audit when it was stopped.
        weights: as in `load_classifier`.
        combine: as in `load_classifier`.
        images: folder of real images, with `labels`.
        labels: CSV file with their classes, as for `accuracy`.
        dataset: "mnist" or "cifar10", whose test images are the real ones.
        data: folder of the data set; the usual places are searched unless given.
        invert: exchange dark and bright in `images`.
        budget: "quick", "standard" or "full", or a `Budget`.
        seed: of everything random.
        threshold: the confidence, between 0 and 1, from which the classifier is believed.
        fail_if: gates, for instance "fooled@0.99>0.5".
        expect_accuracy: share of the real images that is known to be recognised, in [0, 1].
        golden: `.npz` file of `inputs`, and of the `outputs` that one's own code gives for them.
        baseline: earlier audit, its folder or audit.json, to put beside this one.
        not_worse_than: the same, and this audit fails if it is worse.
        replay: folder of an earlier audit, whose images are shown in place of a new search.
        remedies: "temperature" and "threshold" are tried.
        max_seconds: wall time after which the audit stops.
        overwrite: replace an audit that is in `out`.
        report: is called with what is being done, and the work that is done and all work.

    Raises:
        UserError: a setting, a file or the classifier cannot be used, or `out` holds something else
            than such an audit.
    """
    gates = [parse_gate(text) for text in fail_if]
    check_remedies(remedies)
    if not 0 < threshold < 1:
        raise UserError(f"threshold is {threshold:g}; expected a confidence between 0 and 1")
    if expect_accuracy is not None and dataset is None and images is None:
        raise UserError("expect_accuracy is of real images; give dataset, or images and labels")
    beside = not_worse_than or baseline
    earlier = None if beside is None else _read_earlier(beside, threshold)
    forest()  # before any work is done, whether scikit-learn is there
    loaded = _load(classifier, weights, combine)
    chosen = find_budget(budget) if isinstance(budget, str) else budget
    files = {"images": images, "labels": labels, "dataset": dataset, "data": data}
    real = read_real(loaded.card, limit=chosen.real, invert=invert, **files)
    if replay is not None and Path(replay).resolve() == Path(out).resolve():
        raise UserError(f"{out} is the audit whose images are replayed; choose another --out")
    if golden is not None:
        read_golden(golden, loaded.card)  # both are read again when their turn comes; what cannot
    if replay is not None:  # be used is said here, before the folder is begun
        read_elites_for(loaded.card, replay)
    if overwrite and any((Path(out) / name).exists() for name in (FILE, PARTS)):
        _remove_audit(Path(out))
    subject = Subject(
        classifier=loaded.face(in_jax=True) or loaded,
        address=classifier if isinstance(classifier, str) else loaded.card.name,
        real=real,
        budget=chosen,
        seed=seed,
        threshold=threshold,
        extra=confidences_of(gates),
    )
    wishes = Wishes(expect_accuracy, golden, replay, tuple(remedies))
    terms = Terms(gates, earlier, is_test=not_worse_than is not None)
    limits = {"max_seconds": max_seconds, "report": report or silent}
    return _perform(subject, wishes, terms, out=Path(out), **limits)


def _remove_audit(folder: Path) -> None:
    """Removes an audit, unless something else is in its folder, such as what it was made from."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if others := sorted(names - WRITTEN):
        raise UserError(
            f"{folder} holds more than an audit: {', '.join(others[:4])}; move that elsewhere, or "
            "choose another --out"
        )
    remove(folder)


def _load(classifier: str | Classifier, weights: str | Path | None, combine: str) -> Classifier:
    if isinstance(classifier, str):
        return load_classifier(classifier, weights=weights, combine=combine)
    if weights is not None:
        raise UserError(f"weights is {str(weights)!r}, but the classifier given has its own")
    return classifier


class Terms(NamedTuple):
    """What decides whether an audit passes.

    Attributes:
        gates: conditions under which it fails.
        earlier: an audit to compare with, or None.
        is_test: whether it fails if it is worse than that.
    """

    gates: Sequence[Gate]
    earlier: Summary | None
    is_test: bool


def _perform(
    subject: Subject,
    wishes: Wishes,
    terms: Terms,
    *,
    out: Path,
    max_seconds: float | None,
    report: Report,
) -> AuditResult:
    """Does the parts, and writes what they found, also if the audit is stopped."""
    record = _new_record(subject, wishes)
    try:
        with result_folder(out, _content(subject, wishes)) as folder:
            work = work_of(subject, wishes)
            workshop = Workshop(folder, total=work, report=report, max_seconds=max_seconds)
            parts = Audit(subject, workshop, wishes)
            try:
                _fill(record, parts)
            except (StoppedError, ClassifierError) as error:
                record["status"], record["reason"] = STOPPED, str(error)
            _conclude(record, terms)
            record["seconds"] = workshop.seconds
            _write(folder, record, parts.images)
            if record["status"] == STOPPED:
                raise StoppedError(record["reason"])  # the folder stays unfinished
            workshop.clear()
    except StoppedError:
        pass
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("the same command goes on, if it has no --overwrite") from error
    return AuditResult(folder=out, record=record)


def _fill(record: Record, parts: Audit) -> None:
    """Checks validity and, where it is given, measures."""
    record["checks"] = parts.check()
    failed = [check["name"] for check in record["checks"] if not check["passed"]]
    if failed:
        record["status"], record["reason"] = INVALID, f"failed: {', '.join(failed)}"
        record["not_measured"]["everything else"] = "the audit is not valid"
    else:
        parts.measure(record)


def _conclude(record: Record, terms: Terms) -> None:
    """Judges gates, and compares with an earlier audit."""
    if record["status"] == INVALID:
        return
    record["gates"] = judge(terms.gates, record["metrics"])
    tests = []
    if terms.earlier is not None:
        about = terms.earlier["about"]
        record["comparison"] = compare(
            about["name"],
            terms.earlier["metrics"],
            record["metrics"],
            threshold=about["threshold"],
            replayed=record.get("replay"),
        )
        tests = record["comparison"]["tests"] if terms.is_test else []
    if record["status"] == PASSED and not all(v["passed"] for v in [*record["gates"], *tests]):
        record["status"] = FAILED


def _write(folder: Path, record: Record, images: dict[str, Levels]) -> None:
    save_elites(folder, record["sources"], images)
    write_junit(folder / JUNIT, record)
    write_page(folder / PAGE, record, images)
    write_json(folder / FILE, record)  # last: it says that the others are there


def _new_record(subject: Subject, wishes: Wishes) -> Record:
    return {
        "schema": SCHEMA,
        "evofool": version("evofool"),
        "status": PASSED,
        "reason": "",
        "about": _about(subject, wishes),
        "checks": [],
        "sources": [],
        "metrics": {},
        "gates": [],
        "not_measured": {
            f"confidence {as_given(bar)}": "the outputs come in steps of "
            f"{subject.answers.step:.3g}"
            for bar in subject.too_fine
        },
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "platform": platform_facts(),
        "seconds": {},
    }


def _about(subject: Subject, wishes: Wishes) -> About:
    card, real, budget = subject.classifier.card, subject.real, subject.budget
    asked = {**wishes._asdict(), "remedies": ", ".join(wishes.remedies)}
    settings = [f"{name}: {value}" for name, value in asked.items() if value]
    return {
        "address": subject.address,
        "name": card.name,
        "family": card.family,
        "sha256": card.sha256,
        "input_shape": list(card.input_shape),
        "classes": card.classes,
        "step": subject.answers.step,
        "real": "" if real is None else real.source,
        "real_images": 0 if real is None else len(real.images),
        "actions": [] if real is None else list(real.actions),
        "budget": budget.name,
        "seed": subject.seed,
        "threshold": subject.threshold,
        "settings": settings,
    }


def _content(subject: Subject, wishes: Wishes) -> JsonValue:
    """Returns by what a stopped audit is known again."""
    digest = hashlib.sha256()
    if subject.real is not None:
        digest.update(subject.real.images.tobytes())
        digest.update(np.asarray(subject.real.labels, np.int64).tobytes())
    return {
        "audit of": subject.address,
        "card": subject.classifier.card.to_dict(),
        "answers": subject.answers.answers.round(3).tolist(),
        "real": digest.hexdigest(),
        "budget": dataclasses.asdict(subject.budget),
        "seed": subject.seed,
        "thresholds": list(subject.thresholds),
        "wishes": {name: str(value) for name, value in wishes._asdict().items()},
    }


def _read_earlier(path: str | Path, threshold: float) -> Summary:
    earlier = read_summary(path)
    before = earlier["about"]["threshold"]
    if before != threshold:
        raise UserError(
            f"{path} was made with threshold {as_given(before)}, and this audit has "
            f"{as_given(threshold)}; give both the same"
        )
    if earlier["status"] not in (PASSED, FAILED):
        raise UserError(f"{path} is of an audit that was {earlier['status']}; give a finished one")
    return earlier
