"""`audit.json`: everything that an audit measured, and all that its page shows."""

from pathlib import Path
from typing import NotRequired, TypedDict

from evofool.audits.calibration import CalibrationPart
from evofool.audits.certainty import SourcePart
from evofool.audits.changes import ChangesPart
from evofool.audits.comparison import ComparisonPart
from evofool.audits.corrupted import CorruptionsPart
from evofool.audits.detectors import DetectorsPart
from evofool.audits.elites import ReplayPart
from evofool.audits.figures import Metrics
from evofool.audits.gates import Verdict
from evofool.audits.patches import PatchesPart
from evofool.audits.remedies import RemediesPart
from evofool.audits.validity import CheckRecord
from evofool.support import UserError, as_record, check_schema, read_json

SCHEMA = 1
FILE = "audit.json"

PASSED, FAILED, INVALID, STOPPED = "passed", "failed", "invalid", "stopped"


class About(TypedDict):
    """What was audited, and how.

    Attributes:
        address: of the classifier, as the user gave it.
        name: on its card.
        family: its architecture.
        sha256: of its weights; empty where there is no such file.
        input_shape: height, width and channels of its images.
        classes: their number.
        step: of which all its probabilities are multiples, where they are quantised; else 0.
        real: where the real images come from, in words; empty without any.
        real_images: their number.
        actions: how they were prepared.
        budget: its name.
        seed: of everything random.
        threshold: the confidence that counts.
        settings: other settings, in words.
    """

    address: str
    name: str
    family: str
    sha256: str
    input_shape: list[int]
    classes: int
    step: float
    real: str
    real_images: int
    actions: list[str]
    budget: str
    seed: int
    threshold: float
    settings: list[str]


class Record(TypedDict):
    """The content of `audit.json`. A part that was not done is not there.

    Attributes:
        schema: of this file.
        evofool: version that made it.
        status: passed, failed (a gate), invalid, or stopped.
        reason: why it is invalid or was stopped; else empty.
        about: what was audited, and how.
        checks: of validity; all must have passed.
        sources: images of nothing the classifier knows, a part for each source.
        detectors: how well these are told from real images.
        calibration: on real images.
        changes: small changes of real images.
        patches: squares put into real images.
        corruptions: large ones.
        remedies: what was tried.
        replay: images of an earlier audit, shown again.
        comparison: with an earlier audit.
        metrics: every figure by name, as gates refer to it.
        gates: their verdicts.
        not_measured: why, by what it is.
        versions: of evofool and of what it computes with.
        platform: kind of machine.
        seconds: wall time of every part; the one thing in here that differs between two audits of
            the same seed.
    """

    schema: int
    evofool: str
    status: str
    reason: str
    about: About
    checks: list[CheckRecord]
    sources: list[SourcePart]
    detectors: NotRequired[DetectorsPart]
    calibration: NotRequired[CalibrationPart]
    changes: NotRequired[ChangesPart]
    patches: NotRequired[PatchesPart]
    corruptions: NotRequired[CorruptionsPart]
    remedies: NotRequired[RemediesPart]
    replay: NotRequired[ReplayPart]
    comparison: NotRequired[ComparisonPart]
    metrics: Metrics
    gates: list[Verdict]
    not_measured: dict[str, str]
    versions: dict[str, str]
    platform: dict[str, str]
    seconds: dict[str, float]


class Summary(TypedDict):
    """What of an earlier audit another one needs: a part of `Record`."""

    schema: int
    status: str
    about: About
    metrics: Metrics


def read_summary(path: str | Path) -> Summary:
    """Reads what a comparison needs of an earlier audit.

    Args:
        path: of `audit.json`, or of the folder that holds it.

    Raises:
        UserError: it is no such file, or of a newer version.
    """
    file = Path(path)
    file = file / FILE if file.is_dir() else file
    if not file.exists():
        raise UserError(f"there is no audit {file}; give an {FILE}, or the folder that holds one")
    value = read_json(file)
    if isinstance(value, dict):
        check_schema(value.get("schema"), [SCHEMA], file)
    return as_record(Summary, value, file)
