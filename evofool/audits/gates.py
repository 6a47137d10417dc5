"""Gates: conditions on metrics under which an audit fails, for instance `fooled@0.99>0.5`."""

import operator
import re
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from evofool.audits.figures import Metrics, at
from evofool.support import UserError, unknown_name

METRICS: dict[str, str] = {
    "fooled@P": "classes, times seeds, for which a CPPN image of confidence P or more was found",
    "fooled.direct@P": "the same for images whose pixels are genes",
    "fooled.gradient@P": "the same for images made by following gradients from noise",
    "certain.noise@P": "images of noise with a confidence of P or more",
    "certain.constant@P": "images of one colour with a confidence of P or more",
    "certain.ramp@P": "images of colour ramps with a confidence of P or more",
    "certain.control@P": "images evolved for the shipped LeNet with a confidence of P or more",
    "certain.real@P": "real images with a confidence of P or more",
    "replay@P": "images of the earlier audit (--replay) with a confidence of P or more",
    "evaluations.median": "evaluations of a run until half of the classes are fooled, by CPPNs",
    "accuracy": "real images that are recognised",
    "ece": "expected calibration error on real images",
    "rejected.real": "real images below the confidence that counts (--threshold)",
    "passed.fooling": "fooling images that pass where 95 % of the real images do",
    "auroc.DETECTOR": "area under the ROC curve: msp, max-logit, energy, entropy, odin, "
    "mahalanobis, knn; or best",
    "aupr.DETECTOR": "average precision of finding fooling images",
    "fpr95.DETECTOR": "fooling images that pass where 95 % of the real ones do",
    "success.ATTACK@N": "real images that change class within N levels: random, fgsm, pgd, "
    "apgd-ce, apgd-dlr, finite-differences or hop-skip-jump; N is 1, 2, 4, 8, 16, 32 or 64",
    "success.one-pixel": "real images that change class with one pixel",
    "patch@S": "real images that a patch in them gives its class; its side is a share S of theirs: "
    "0.2, 0.3, 0.4 or 0.5",
    "patch.shuffled@S": "the same with the pixels of the patch shuffled",
    "accuracy.CORRUPTION": "real images that are recognised when shuffled, exchanged, mirrored, "
    "blurred or inverted",
    "certain.CORRUPTION": "such images of which the classifier is as certain as --threshold asks",
    "temperature": "that calibrates best (--try temperature)",
    "ece.temperature": "calibration error with it",
    "threshold": "confidence that 95 % of the real images reach (--try threshold)",
    "passed.REMEDY": "fooling images that are believed with a temperature or threshold",
    "rejected.REMEDY": "real images that are not believed with a temperature or threshold",
}
"""The names of all metrics, and what each is the share or number of."""

_WORDS = {
    "P": r"0?\.[0-9]{1,9}",
    "S": r"0?\.[2345]0*",
    "N": "(1|2|4|8|16|32|64)",
    "DETECTOR": "(msp|max-logit|energy|entropy|odin|mahalanobis|knn|best)",
    "ATTACK": "(random|fgsm|pgd|apgd-ce|apgd-dlr|finite-differences|hop-skip-jump)",
    "CORRUPTION": "(shuffled|exchanged|mirrored|blurred|inverted)",
    "REMEDY": "(temperature|threshold)",
}
_OPERATORS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
_GATE = re.compile(r"\s*([a-z0-9][a-z0-9.@-]*)\s*(<=|>=|<|>)\s*([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*")


class Gate(NamedTuple):
    """A condition under which an audit fails.

    Attributes:
        text: as the user wrote it.
        metric: name of the metric.
        sign: how it is compared.
        bound: with what.
    """

    text: str
    metric: str
    sign: str
    bound: float


class Verdict(TypedDict):
    """What became of a gate.

    Attributes:
        gate: its text.
        passed: whether the audit passed it. A metric that was not measured passes no gate.
        detail: the measured value, and its interval.
    """

    gate: str
    passed: bool
    detail: str


def parse_gate(text: str) -> Gate:
    """Reads a gate.

    Raises:
        UserError: it is none, or there is no such metric.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise UserError(
            f"fail_if is {text!r}; expected METRIC, one of < > <= >=, and a number, for instance "
            "'fooled@0.99>0.5'; --metrics lists the metrics"
        )
    metric = match[1]
    if pattern_of(metric) is None:
        raise unknown_name("metric", metric, METRICS)
    if "@" in metric and not metric.startswith("success."):
        head, _, bar = metric.partition("@")
        metric = f"{head}{at(float(bar))}"  # .990 is .99
    return Gate(text.strip(), metric, match[2], float(match[3]))


def pattern_of(metric: str) -> str | None:
    """Returns the name in `METRICS` that stands for a metric; None if there is none."""
    for pattern in METRICS:
        words = re.escape(pattern)
        for word, meaning in _WORDS.items():
            words = re.sub(rf"(?<=[@.]){word}$|(?<=\.){word}(?=@)", lambda _, m=meaning: m, words)
        if re.fullmatch(words, metric):
            return pattern
    return None


def confidences_of(gates: Sequence[Gate]) -> tuple[float, ...]:
    """Returns the confidences at which gates count."""
    metrics = [gate.metric for gate in gates]
    counting = [name for name in metrics if (pattern_of(name) or "").endswith("@P")]
    return tuple(float(name.partition("@")[2]) for name in counting)


def judge(gates: Sequence[Gate], metrics: Metrics) -> list[Verdict]:
    """Says which gates an audit passes."""
    return [_judge(gate, metrics) for gate in gates]


def _judge(gate: Gate, metrics: Metrics) -> Verdict:
    if gate.metric not in metrics:
        detail = f"{gate.metric} was not measured in this audit"
        return {"gate": gate.text, "passed": False, "detail": detail}
    found = metrics[gate.metric]
    interval = ""
    if found["low"] is not None:
        interval = f", 95 % interval {found['low']:.4g} to {found['high']:.4g}"
    return {
        "gate": gate.text,
        "passed": not _OPERATORS[gate.sign](found["value"], gate.bound),
        "detail": f"{gate.metric} is {found['value']:.4g} (n = {found['n']}{interval})",
    }
