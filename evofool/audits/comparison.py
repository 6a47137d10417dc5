"""An audit beside an earlier one: every figure of both, and tests of whether it got worse.

A share is worse if a one-sided exact test (Fisher's) finds it so at 5 %. Fooling is one side. The
other is what a threshold costs: a classifier that is less certain of everything is fooled less,
and rejects more real images, which counts as worse too.
"""

from collections.abc import Iterator, Mapping
from typing import TypedDict

import numpy as np
import scipy

from evofool.audits.elites import ReplayPart
from evofool.audits.figures import Estimate, Metrics, at
from evofool.audits.gates import Verdict
from evofool.support import rounded_percent

LEVEL = 0.05  # of each test


class Difference(TypedDict):
    """A figure in two audits.

    Attributes:
        metric: its name.
        before: in the earlier audit; None if it was not measured there.
        after: in this one; None likewise.
        is_apart: whether both have intervals, and these have no number in common.
    """

    metric: str
    before: Estimate | None
    after: Estimate | None
    is_apart: bool


class ComparisonPart(TypedDict):
    """Two audits side by side.

    Attributes:
        name: the classifier of the earlier one.
        differences: all figures of either.
        tests: whether this one is worse.
    """

    name: str
    differences: list[Difference]
    tests: list[Verdict]


def compare_metrics(before: Metrics, after: Metrics) -> list[Difference]:
    """Puts the figures of two audits side by side, in the order of the later one."""
    names = [*after, *(name for name in before if name not in after)]
    return [
        {
            "metric": name,
            "before": before.get(name),
            "after": after.get(name),
            "is_apart": name in before and name in after and _are_apart(before[name], after[name]),
        }
        for name in names
    ]


def _are_apart(one: Estimate, other: Estimate) -> bool:
    lows, highs = (one["low"], other["low"]), (one["high"], other["high"])
    ends = [end for end in (*lows, *highs) if end is not None]
    return len(ends) == 4 and max(ends[:2]) > min(ends[2:])


def compare(
    name: str,
    before: Metrics,
    after: Metrics,
    *,
    threshold: float,
    replayed: ReplayPart | None = None,
) -> ComparisonPart:
    """Compares an audit with an earlier one.

    Args:
        name: the classifier of the earlier one.
        before: figures of the earlier one.
        after: figures of this one.
        threshold: the confidence that counts.
        replayed: images that were shown again.
    """
    bar = at(threshold)
    worse_if_more = [f"fooled{bar}", f"fooled.direct{bar}", f"fooled.gradient{bar}"]
    tests = [_test(metric, before, after, "greater") for metric in worse_if_more]
    tests += [_test(metric, before, after, "less") for metric in (f"certain.real{bar}", "accuracy")]
    return {
        "name": name,
        "differences": compare_metrics(before, after),
        "tests": [*filter(None, tests), *_test_replay(replayed)],
    }


def _test(metric: str, before: Metrics, after: Metrics, worse: str) -> Verdict | None:
    """Tests whether a share got worse; returns None if it was not measured in both audits."""
    if metric not in before or metric not in after:
        return None
    table = [_counts(after[metric]), _counts(before[metric])]
    _, p = np.asarray(scipy.stats.fisher_exact(table, alternative=worse), float)
    old, new = (rounded_percent(metrics[metric]["value"]) for metrics in (before, after))
    return {
        "gate": f"{metric} not {worse}",
        "passed": bool(p >= LEVEL),
        "detail": f"{metric} {old} -> {new}, p = {p:.2g} (one-sided, expected {LEVEL:g} or more)",
    }


def _test_replay(part: ReplayPart | None) -> Iterator[Verdict]:
    """Tests whether more of the same images fool the classifier than did; a sign test."""
    if part is not None:
        yield {
            "gate": "replayed images fool no more often",
            "passed": part["p"] >= LEVEL,
            "detail": f"{part['newly']} of {part['images']} images fool it newly, "
            f"{part['no_longer']} no longer, p = {part['p']:.2g} (one-sided, expected {LEVEL:g} or "
            "more)",
        }


def _counts(estimate: Estimate | Mapping[str, float]) -> tuple[int, int]:
    n = int(estimate["n"] or 0)
    hits = round(float(estimate["value"] or 0.0) * n)
    return hits, n - hits
