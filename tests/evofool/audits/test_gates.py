import pytest

from evofool import UserError
from evofool.audits.certainty import metric_name
from evofool.audits.figures import plain
from evofool.audits.gates import confidences_of, judge, parse_gate, pattern_of


@pytest.mark.parametrize(
    ("text", "value", "passed"),
    [
        ("fooled@0.99>0.5", 0.5, True),
        ("fooled@0.99>0.5", 0.51, False),
        ("fooled@.990 >= .5", 0.5, False),
        ("auroc.msp<0.9", 0.9, True),
        ("auroc.msp <= 0.9", 0.9, False),
    ],
)
def test_a_gate_fails_where_its_condition_holds(text: str, value: float, passed: bool):
    gate = parse_gate(text)
    (verdict,) = judge([gate], {"fooled@0.99": plain(value, 10), "auroc.msp": plain(value, 10)})
    assert verdict["passed"] is passed


def test_what_was_not_measured_passes_no_gate():
    (verdict,) = judge([parse_gate("ece>0.5")], {})
    assert not verdict["passed"]
    assert "was not measured" in verdict["detail"]


def test_confidences_of_gates_are_counted_at():
    texts = ("fooled@0.97>0", "success.pgd@8>0", "certain.noise@0.5>0", "patch@0.30>0", "ece>0")
    gates = [parse_gate(text) for text in texts]
    assert confidences_of(gates) == (0.97, 0.5)
    assert gates[3].metric == "patch@0.3"


def test_confidences_next_to_one_are_told_apart():
    gates = [parse_gate(f"fooled@{bar}>0.5") for bar in ("0.9999999", "0.999999999", "0.990")]
    assert confidences_of(gates) == (0.9999999, 0.999999999, 0.99)
    assert gates[0].metric == metric_name("cppn", 0.9999999, is_aimed=True)


@pytest.mark.parametrize(
    ("metric", "pattern"),
    [
        ("fooled.gradient@0.9999", "fooled.gradient@P"),
        ("success.finite-differences@4", "success.ATTACK@N"),
        ("auroc.max-logit", "auroc.DETECTOR"),
        ("accuracy.blurred", "accuracy.CORRUPTION"),
        ("patch@0.5", "patch@S"),
        ("patch.shuffled@.20", "patch.shuffled@S"),
        ("patch@0.6", None),
        ("success.pgd@3", None),
        ("auroc.nothing", None),
        ("fooled@1", None),
    ],
)
def test_names_of_metrics(metric: str, pattern: str | None):
    assert pattern_of(metric) == pattern


@pytest.mark.parametrize("text", ["", "fooled@0.99", "fooled@0.99=1", "ece>many", "a>1; b>1"])
def test_what_is_no_gate_is_refused(text: str):
    with pytest.raises(UserError):
        parse_gate(text)
