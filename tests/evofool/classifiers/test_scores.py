import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evofool.classifiers.scores import (
    accuracy_of,
    as_probabilities,
    confidence,
    fitness_of,
    log_odds,
    two_best,
)
from tests.evofool import reference

compiled = jax.jit(log_odds)
LOGITS = st.lists(st.floats(-50, 50, width=32), min_size=6, max_size=6)


def assert_equals_oracle(logits: list[float]) -> None:
    found = np.asarray(compiled(jnp.array(logits, jnp.float32)), np.float64)
    expected = np.array(reference.log_odds(np.float32(logits).tolist()))
    size = max(1.0, float(np.abs(logits).max()))
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=3e-6 * size)


@given(LOGITS)
def test_log_odds_equal_the_oracle(logits):
    assert_equals_oracle(logits)


@pytest.mark.parametrize(
    "logits",
    [
        [1e3, 0.0, -1e3, 5.0, 5.0, 5.0],
        [0.0, -1e3, -1e3, -1e3, -1e3, -1e3],
        [3e4, 2e4, 1e4, 0.0, -1e4, -3e4],
        [0.0, 1e-7, -1e-7, 0.0, 0.0, 0.0],
        [17.5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [104.5, 0.1, 0.2, 0.3, 0.4, 0.5],
    ],
)
def test_log_odds_equal_the_oracle_where_softmax_saturates(logits):
    assert_equals_oracle(logits)


def test_log_odds_go_on_rising_where_softmax_is_one():
    tops = [20.0, 50.0, 200.0, 1000.0]
    logits = jnp.zeros((4, 6)).at[:, 0].set(jnp.array(tops))
    assert (jax.nn.softmax(logits)[:, 0] == 1.0).all()
    rising = np.asarray(compiled(logits))[:, 0]
    np.testing.assert_allclose(rising, np.array(tops) - np.log(5), rtol=1e-6)


@pytest.mark.parametrize("outputs", [2, 10, 1000])
def test_log_odds_of_equal_logits_are_those_of_one_in_n(outputs):
    found = np.asarray(log_odds(jnp.full(outputs, 3.7)))
    np.testing.assert_allclose(found, -np.log(outputs - 1), rtol=1e-6, atol=1e-6)


@given(LOGITS, st.floats(-100, 100, width=32))
def test_log_odds_do_not_change_with_a_constant_added_to_all_logits(logits, shift):
    row = np.array(logits, np.float32)
    moved = row + np.float32(shift)
    np.testing.assert_allclose(compiled(row), compiled(moved), rtol=1e-5, atol=1e-4)


@given(LOGITS)
def test_log_odds_order_like_the_logits(logits):
    row = np.array(logits, np.float32)
    ordered = np.asarray(compiled(row))[np.argsort(row, kind="stable")]
    # neighbours closer than rounding may come out equal, and never clearly the wrong way
    assert (np.diff(ordered) >= -1e-5).all()


@given(LOGITS)
def test_confidence_of_log_odds_is_the_softmax_probability(logits):
    row = np.array(logits, np.float32)
    found = confidence(np.asarray(compiled(row)))
    np.testing.assert_allclose(found, reference.softmax(row.tolist()), rtol=2e-4, atol=1e-7)


def test_log_odds_of_a_row_do_not_depend_on_its_neighbours():
    rows = jax.random.normal(jax.random.key(0), (7, 6)) * 20
    changed = rows.at[1:].set(jnp.nan)
    assert (compiled(rows)[0] == compiled(changed)[0]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_log_odds_of_a_row_with_a_bad_logit_are_not_finite_numbers_one_could_trust(bad):
    row = np.array([1.0, bad, 0.0, 2.0], np.float32)
    found = np.asarray(compiled(row))
    assert not np.isfinite(found[1])
    assert not (np.isfinite(found) & (found > 0)).any()


def test_confidence_ends_exactly_at_0_and_1():
    assert confidence(np.array([-np.inf, 0.0, 1000.0, -1000.0])).tolist() == [0.0, 0.5, 1.0, 0.0]
    assert confidence(20.0) < 1.0  # float64 tells 20 nats from certainty


def test_two_best_gives_the_first_of_equals_first():
    rows = jnp.array([[0.0, 3, 1, 2], [5, 5, 5, 5], [1, 2, 2, 0], [-jnp.inf, 0, -jnp.inf, -1]])
    assert two_best(rows).tolist() == [[1, 3], [0, 1], [1, 2], [1, 3]]


def test_fitness_takes_log_odds_as_they_are_and_turns_logits_into_them():
    outputs = jax.random.normal(jax.random.key(0), (3, 5))
    assert (fitness_of(outputs, "log_odds") == outputs).all()
    assert (fitness_of(outputs, "logits") == log_odds(outputs)).all()


def test_log_odds_of_probabilities_end_where_float32_does():
    odds = jnp.array([-80.0, -20.0, -1.0, 0.0, 3.0, 16.0, 17.5, 18.0, 200.0])
    found = np.asarray(as_probabilities(odds))
    np.testing.assert_allclose(found[:5], odds[:5], rtol=1e-5, atol=1e-6)
    assert (found[-3:] == found[-1]).all()
    assert 16.5 < found[-1] < 17.0
    assert np.isfinite(as_probabilities(jnp.float32(-1e4)))


def test_accuracy_is_the_share_of_labels_that_are_predicted():
    labels = np.array([3, 1, 2, 0])
    assert accuracy_of(np.array([3, 1, 0, 0]), labels) == 3 / 4
    assert accuracy_of(np.array([[0], [1], [0], [1]]), labels) == 1 / 4


def test_an_image_is_right_when_one_of_its_guesses_is():
    guesses = np.array([[0, 3], [1, 0], [0, 1], [3, 2]])
    assert accuracy_of(guesses, np.array([3, 1, 2, 0])) == 2 / 4
