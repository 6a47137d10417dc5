import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archive

VALUES = st.lists(
    st.one_of(st.just(-np.inf), st.floats(-100, 100, width=32)), min_size=1, max_size=12
)


@given(VALUES)
def test_metrics_equal_plain_python(values):
    table = np.array(values, np.float32)
    filled = [value for value in values if value > -np.inf]
    assert archive.coverage(table) == pytest.approx(len(filled) / len(values))
    assert archive.qd_score(table) == pytest.approx(sum(filled), rel=1e-5, abs=1e-3)
    expected = sum(value + 100 for value in filled)
    assert archive.qd_score(table, offset=-100.0) == pytest.approx(expected, rel=1e-5, abs=1e-3)
    assert archive.count_at_least(table, 3.0) == sum(value >= 3 for value in values)


def test_metrics_keep_leading_axes():
    table = jnp.array([[[1.0, 2.0], [-jnp.inf, 4.0]], [[-jnp.inf, -jnp.inf], [0.5, 0.5]]])
    assert archive.coverage(table).tolist() == [[1.0, 0.5], [0.0, 1.0]]
    assert archive.qd_score(table).tolist() == [[3.0, 4.0], [0.0, 1.0]]
    assert archive.count_at_least(table, 1.0).tolist() == [[2, 1], [0, 0]]


def test_filling_a_cell_never_lowers_the_qd_score_above_the_offset():
    before, after = np.array([2.0, -np.inf]), np.array([2.0, -5.0])
    assert archive.qd_score(after, offset=-5.0) >= archive.qd_score(before, offset=-5.0)
