import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evofool.measures.class_families import family_probabilities
from evofool.support.errors import UserError

GROUPS = ("dogs", "cats", "dogs", "cars", "dogs")


def test_probability_is_summed_over_the_family_of_the_class():
    probabilities = np.array([[0.4, 0.1, 0.3, 0.2, 0.0], [0.4, 0.1, 0.3, 0.2, 0.0]])
    found = family_probabilities(probabilities, np.array([0, 3]), GROUPS)
    np.testing.assert_allclose(found.own, [0.4, 0.2])
    np.testing.assert_allclose(found.family, [0.7, 0.2])
    np.testing.assert_allclose(found.doubt_kept, [0.3 / 0.6, 0])
    np.testing.assert_allclose(found.chance, [2 / 4, 0])


def test_certainty_leaves_no_doubt_to_share_out():
    found = family_probabilities(np.array([[1.0, 0, 0, 0, 0]]), np.array([0]), GROUPS)
    assert (found.own[0], found.family[0], found.doubt_kept[0]) == (1, 1, 0)


@given(arrays(np.float32, (6, 5), elements=st.floats(-8, 8, width=32)))
def test_a_family_is_likelier_than_a_member_and_no_likelier_than_all(logits):
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = family_probabilities(probabilities, np.array([0, 1, 2, 3, 4, 0]), GROUPS)
    assert (found.family >= found.own - 1e-6).all()
    assert (found.family <= 1 + 1e-5).all()
    assert (found.doubt_kept > -1e-4).all()
    assert (found.doubt_kept < 1 + 1e-4).all()


def test_doubt_that_is_spread_evenly_is_kept_by_chance():
    probabilities = np.full((5, 5), 0.1)
    np.fill_diagonal(probabilities, 0.6)
    found = family_probabilities(probabilities, np.arange(5), GROUPS)
    np.testing.assert_allclose(found.doubt_kept, found.chance)


def test_groups_must_be_those_of_the_classes():
    with pytest.raises(UserError, match="groups has 2 names for 5 classes"):
        family_probabilities(np.zeros((1, 5)), np.array([0]), ("a", "b"))
