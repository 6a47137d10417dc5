"""The parts of an audit in their order: what each needs, costs and returns."""

from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from evofool.audits import certainty, changes, controls, corrupted, patches
from evofool.audits.calibration import calibrate
from evofool.audits.certainty import SourcePart
from evofool.audits.detectors import SURE, detect
from evofool.audits.elites import replay
from evofool.audits.evidence import (
    CONTROL,
    ENCODINGS,
    GRADIENT,
    Encoding,
    Evidence,
    ascended,
    borrowed,
    evolve_run,
    evolved,
    of_nothing,
    reached,
)
from evofool.audits.figures import share
from evofool.audits.nothing import NOTHINGS
from evofool.audits.record import Record
from evofool.audits.remedies import remedy
from evofool.audits.subject import Subject
from evofool.audits.validity import CheckRecord, check_validity, recorded
from evofool.audits.workshop import Workshop
from evofool.classifiers import Classifier
from evofool.evaluation import Check, recognize
from evofool.images import Levels
from evofool.runs import Run

CHECKS, REPLAYED = 1_000, 1_000  # forward passes, about
FEW = 10  # fooling images, below which detectors are measured on all that there are


class Wishes(NamedTuple):
    """What else the user asks for.

    Attributes:
        expect_accuracy: of the classifier on the real images, in [0, 1].
        golden: file of inputs and outputs.
        replay: folder of an earlier audit, whose images are shown instead of searching for new.
        remedies: to be tried.
    """

    expect_accuracy: float | None = None
    golden: str | Path | None = None
    replay: str | Path | None = None
    remedies: tuple[str, ...] = ()


class Audit:
    """The parts of one audit.

    Args:
        subject: what is audited.
        workshop: where.
        wishes: what else is asked for.

    Attributes:
        images: of every source, in the order of its rows; and the patches.
    """

    def __init__(self, subject: Subject, workshop: Workshop, wishes: Wishes):
        self.images: dict[str, Levels] = {}
        self._subject, self._workshop, self._wishes = subject, workshop, wishes
        self._runs: dict[str, Run] = {}
        self._made: dict[str, Evidence] = {}

    def check(self) -> list[CheckRecord]:
        """Checks validity; the controls only where all else passed and something is searched."""
        subject, workshop, wishes = self._subject, self._workshop, self._wishes

        def check() -> list[CheckRecord]:
            return recorded(
                check_validity(
                    subject, expect_accuracy=wishes.expect_accuracy, golden=wishes.golden
                )
            )

        known = 0 if subject.real is None else len(subject.real.images)
        checks = workshop.do("validity", known + CHECKS, check)
        if wishes.replay is None and all(check["passed"] for check in checks):
            work = 2 * subject.budget.control
            checks += workshop.do("controls", work, lambda: recorded(self._controls()))
        return checks

    def _controls(self) -> list[Check]:
        both = controls.shipped(), controls.forest()
        shares = [controls.fooled_share(control, self._control(control)) for control in both]
        return controls.judge_controls(*shares)

    def measure(self, record: Record) -> None:
        """Does all parts, and adds each to the record as soon as it is done."""
        subject, wishes, do = self._subject, self._wishes, self._workshop.do
        if subject.real is not None:
            count = len(subject.known.images)
            record["calibration"] = do("calibration", count, lambda: calibrate(subject))
            real = do("real", count, lambda: certainty.real_part(subject))
            self._add(record, real)
            record["metrics"] |= record["calibration"]["metrics"]
            record["metrics"]["rejected.real"] = share(subject.seen.confidence < subject.threshold)
        if wishes.replay is not None:
            folder = wishes.replay
            record["replay"] = do("replay", REPLAYED, lambda: replay(subject, folder))
            record["metrics"] |= record["replay"]["metrics"]
            record["not_measured"]["a new search"] = "the images of an earlier audit were replayed"
            return
        self._search(record)
        if subject.real is None:
            why = "no real images were given (--images and --labels, or --dataset)"
            for part in ("detectors", "calibration", "small changes", "patches", "corruptions"):
                record["not_measured"][part] = why
            return
        self._with_real_images(record)

    def _search(self, record: Record) -> None:
        """Looks for fooling images by all means."""
        subject, do = self._subject, self._workshop.do
        work = _searches(subject)
        if GRADIENT not in work:
            record["not_measured"]["gradient images"] = "the classifier has no gradients"
        for source, amount in work.items():
            part = do(source, amount, lambda s=source: self._show(s))
            self.images[source] = self._evidence(source).images
            self._add(record, part)  # now that its images are here: the audit may be stopped next

    def _with_real_images(self, record: Record) -> None:
        """Does what needs real images of the classifier's classes."""
        subject, do = self._subject, self._workshop.do
        fooling, least = self._fooling(record)
        if len(fooling):
            work = 5 * len(subject.known.images)
            record["detectors"] = do("detectors", work, lambda: detect(subject, fooling, least))
            record["metrics"] |= record["detectors"]["metrics"]
            passed = record["detectors"]["detectors"]["msp"]["fpr95"]
            record["metrics"]["passed.fooling"] = passed
            if self._wishes.remedies:
                names = self._wishes.remedies
                record["remedies"] = do("remedies", 0, lambda: remedy(subject, names, fooling))
                record["metrics"] |= record["remedies"]["metrics"]
        else:
            record["not_measured"]["detectors"] = "evolution found no image of any class"
        work = changes.work_of(subject)
        record["changes"] = do(
            "small changes", work, lambda: changes.change_a_little(subject, self._workshop)
        )
        record["metrics"] |= record["changes"]["metrics"]
        self._put_patches(record)
        work = corrupted.work_of(subject)
        record["corruptions"] = do("corruptions", work, lambda: corrupted.corrupt_all(subject))
        record["metrics"] |= record["corruptions"]["metrics"]

    def _put_patches(self, record: Record) -> None:
        subject, workshop = self._subject, self._workshop
        why = patches.why_none(subject)
        if why is not None:
            record["not_measured"]["patches"] = why
            return
        work = patches.work_of(subject)
        record["patches"] = workshop.do(
            "patches", work, lambda: patches.patch_all(subject, workshop)
        )
        record["metrics"] |= record["patches"]["metrics"]
        self.images["patches"] = patches.made_patches(subject, workshop)

    def _add(self, record: Record, part: SourcePart) -> None:
        record["sources"].append(part)
        record["metrics"] |= part["metrics"]

    def _show(self, source: str) -> SourcePart:
        """Shows the images of a source to the classifier."""
        subject, evidence = self._subject, self._evidence(source)
        needed, curve, run = None, None, self._runs.get(source)
        if run is not None:
            curve = certainty.curve_of(run)
        if run is not None and source == "cppn":  # of pixels only the last checkpoint is kept
            cells = [(elite.run_index, elite.cell) for elite in run.all_elites()]
            needed = reached(run, subject.threshold)[tuple(np.transpose(cells))]
        seen = recognize(subject.shipped, evidence.images)
        return certainty.certain_of(subject, evidence, seen, needed=needed, curve=curve)

    def _evidence(self, source: str) -> Evidence:
        """Makes the images of a source, or takes those that were made."""
        if source not in self._made:
            self._made[source] = self._make(source)
        return self._made[source]

    def _make(self, source: str) -> Evidence:
        subject, workshop, budget = self._subject, self._workshop, self._subject.budget
        if source in NOTHINGS:
            return of_nothing(subject, source)
        if source == GRADIENT:
            return ascended(subject, workshop)
        if source == CONTROL:
            return borrowed(subject, self._control(controls.shipped()))
        run = self._runs[source] = evolve_run(
            subject.classifier,
            cast(Encoding, source),
            workshop,
            folder=workshop.runs / source,
            evaluations=getattr(budget, source).of(subject.classes),
            runs=budget.runs(subject.classes),
            batch=budget.batch(subject.classes),
            seed=subject.seed,
        )
        return evolved(run, source)

    def _control(self, classifier: Classifier) -> Evidence:
        subject = self._subject
        return controls.evolve_control(
            classifier, self._workshop, evaluations=subject.budget.control, seed=subject.seed
        )

    def _fooling(self, record: Record) -> tuple[Levels, float]:
        """Returns evolved images of which the classifier is sure; without enough of them, all."""
        images, values = [], []
        for part in record["sources"]:
            if part["source"] in ENCODINGS:
                images.append(self.images[part["source"]])
                values += [row["confidence"] for row in part["rows"]]
        joined, certain = np.concatenate(images), np.array(values)
        sure = certain >= SURE
        return (joined[sure], SURE) if sure.sum() >= FEW else (joined, 0.0)


def work_of(subject: Subject, wishes: Wishes) -> int:
    """Returns the work of all parts, in forward passes; a gradient counts as three."""
    known = 0 if subject.real is None else len(subject.real.images)
    work = CHECKS + 3 * known
    if wishes.replay is not None:
        return work + REPLAYED
    work += 2 * subject.budget.control + sum(_searches(subject).values())
    if known:
        work += 5 * known
        work += sum(part.work_of(subject) for part in (changes, patches, corrupted))
    return work


def _searches(subject: Subject) -> dict[str, int]:
    """Returns the sources of images that are not real, and how much work each is."""
    budget, classes = subject.budget, subject.classes
    work: dict[str, int] = {
        encoding: getattr(budget, encoding).of(classes) * budget.runs(classes)
        for encoding in ENCODINGS
    }
    if subject.classifier.is_jax:
        work[GRADIENT] = 3 * min(budget.ascent_classes, classes) * budget.ascent_steps
    return work | dict.fromkeys(NOTHINGS, budget.nothing) | {CONTROL: 10}
