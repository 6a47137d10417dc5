import math

import numpy as np
import pytest

from evofool.experiments import experiments
from evofool.experiments.report import (
    Claim,
    Findings,
    Row,
    Table,
    Tolerance,
    at_least,
    at_most,
    factor,
    judge,
    near,
    one_sided,
    rows_of,
    significant,
    within,
)
from evofool.measures import mann_whitney, permutation_test

PARTS = {
    f"{experiment.name} {domain}": part
    for experiment in experiments()
    for domain, part in experiment.parts.items()
    if part.claims
}
MOST = {"%": 1.0, "p": 1.0, "": 1e9}  # greatest figure that a unit allows; the least is 0


def claim(tolerance: Tolerance) -> Claim:
    return Claim(what="x", paper="y", tolerance=tolerance, unit="")


@pytest.mark.parametrize(
    ("tolerance", "accepted", "refused"),
    [
        (within(0.5, 0.1), [0.4, 0.6], [0.39, 0.61]),
        (factor(45), [22.5, 90], [22, 91]),
        (near(0.5), [1 / 3, 2 / 3 - 1e-9], [0.33, 0.67]),
        (near(0.8811), [0.8, 0.93], [0.78, 0.94]),
        (at_least(2), [2, 9], [1.9, -math.inf]),
        (at_most(2), [2, -9], [2.1, math.inf]),
    ],
)
def test_a_tolerance_accepts_its_range(tolerance, accepted, refused):
    assert all(map(tolerance.accepts, accepted))
    assert not any(map(tolerance.accepts, refused))


@pytest.mark.parametrize(
    ("ours", "seeds", "holds"),
    [([3], 0, True), ([3, 1], 0, False), ([3, 3, 1], 0, True), ([3], 2, False), ([], 0, False)],
)
def test_a_claim_holds_if_most_seeds_agree(ours, seeds, holds):
    assert claim(at_least(2)).row(ours, seeds=seeds).holds == holds


@pytest.mark.parametrize(
    ("figures", "outcome"),
    [([3, 3], "reproduced"), ([3, 1], "in part"), ([1, 1], "differs"), ([], "new")],
)
def test_one_rule_decides(figures, outcome):
    rows = [claim(at_least(2)).row([figure]) for figure in figures]
    verdict = judge([Row(what="of no claim", ours=[0]), *rows], "our result")
    assert verdict.outcome == outcome
    assert verdict.because.endswith("our result")


def test_the_sentence_has_the_figures_that_decide():
    high, low = (
        Claim(what=what, paper="88.1 %", tolerance=at_least(0.5)).row([ours])
        for what, ours in (("high", 0.75), ("low", 0.25))
    )
    assert Findings(rows=[low, high]).verdict.because == (
        "holds: high 75.0 % (paper: 88.1 %; accepted: at least 50.0 %); does not hold: low 25.0 % "
        "(paper: 88.1 %; accepted: at least 50.0 %)"
    )


def test_a_direction_that_is_not_published_is_not_significant():
    low, high = np.arange(20.0), np.arange(20.0) + 30
    assert one_sided(mann_whitney(high, low), greater=True) < 0.001
    assert one_sided(mann_whitney(high, low), greater=False) > 0.999


@pytest.mark.parametrize("sign", [-1, 1])
def test_permuted_labels_have_a_direction_too(sign):
    values, labels = sign * np.arange(20.0), np.repeat([0, 1], 10)
    test = permutation_test(lambda dealt: values[dealt == 1].mean() - values.mean(), labels)
    assert significant("x", "y").row([one_sided(test, greater=True)]).holds == (sign > 0)
    assert significant("x", "y").row([one_sided(test, greater=False)]).holds == (sign < 0)


def test_figures_stand_beside_the_claims_on_them():
    claims = [Claim(what="b", paper="9", tolerance=at_least(2), unit=""), significant("c", "")]
    plain, claimed = rows_of({"a": [0.5], "b": [3, 4]}, claims=claims, n="two")
    assert plain == Row(what="a", ours=[0.5], unit="%", n="two")
    assert claimed == claims[0].row([3, 4], n="two")


def test_lines_name_the_columns_of_a_table():
    table = Table.of("t", ({"name": name, "length": len(name)} for name in ("a", "bc")))
    assert table == Table(title="t", header=["name", "length"], rows=[["a", 1], ["bc", 2]])
    assert Table.of("t", []).rows == []


@pytest.mark.parametrize("name", PARTS)
def test_every_claim_can_come_out_either_way(name):
    claims = PARTS[name].claims
    for outcome, accepts in (("reproduced", True), ("differs", False)):
        rows = []
        for one in claims:
            ends = [one.tolerance.low, one.tolerance.high]
            tries = [0.0, MOST[one.unit], *(end for end in ends if end is not None)]
            figures = [x for x in tries if one.tolerance.accepts(x) == accepts]
            assert figures, f"{one.what}: no figure for {outcome}"
            rows.append(one.row(figures[:1]))
        assert judge(rows).outcome == outcome
