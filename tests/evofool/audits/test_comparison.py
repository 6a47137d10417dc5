from evofool.audits.comparison import compare, compare_metrics
from evofool.audits.figures import Metrics, share


def metrics(fooled: int, certain: int) -> Metrics:
    import numpy as np

    return {
        "fooled@0.99": share(np.arange(40) < fooled),
        "certain.real@0.99": share(np.arange(400) < certain),
    }


def failed(before: Metrics, after: Metrics) -> list[str]:
    tests = compare("earlier", before, after, threshold=0.99)["tests"]
    return [test["gate"] for test in tests if not test["passed"]]


def test_more_fooled_classes_are_worse_and_fewer_are_not():
    assert failed(metrics(10, 300), metrics(30, 300)) == ["fooled@0.99 not greater"]
    assert failed(metrics(30, 300), metrics(10, 300)) == []
    assert failed(metrics(10, 300), metrics(12, 300)) == []  # that may be chance


def test_what_the_threshold_costs_counts():
    assert failed(metrics(30, 300), metrics(0, 10)) == ["certain.real@0.99 not less"]


def test_figures_of_either_audit_are_listed():
    before, after = metrics(10, 300), metrics(40, 300)
    after["ece"] = share_of_one = before.pop("certain.real@0.99")
    rows = {row["metric"]: row for row in compare_metrics(before, after)}
    assert rows["ece"]["before"] is None
    assert rows["ece"]["after"] == share_of_one
    assert rows["fooled@0.99"]["is_apart"]
    assert not compare_metrics(before, before)[0]["is_apart"]
