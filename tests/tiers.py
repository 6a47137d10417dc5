"""Which cases of a long table are quick tests."""

from collections.abc import Iterable

import pytest


def few_quick(cases: Iterable[object], *quick: object) -> list[object]:
    """Returns all cases of a table; those that are not named are slow tests.

    Args:
        cases: values of one parameter, for instance the names of a table.
        quick: those that plain `pytest` tries: one of each kind.
    """
    cases = list(cases)
    assert set(quick) <= set(cases), f"no such case: {set(quick) - set(cases)}"
    return [case if case in quick else pytest.param(case, marks=pytest.mark.slow) for case in cases]
