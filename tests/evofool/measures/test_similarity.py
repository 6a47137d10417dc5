import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evofool import UserError
from evofool.measures.similarity import (
    compare_groups,
    contrast_test,
    cosine,
    group_contrast,
    match_test,
)


def test_cosines_are_those_of_the_angles():
    features = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, -3.0], [0.0, 0.0]])
    half = np.sqrt(0.5)
    expected = [[1, half, 0, 0], [half, 1, -half, 0], [0, -half, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(cosine(features), expected, atol=1e-12)
    np.testing.assert_allclose(cosine(features[:1], features), [expected[0]], atol=1e-12)


@given(
    st.lists(st.sampled_from("abcd"), min_size=3, max_size=9).filter(
        lambda groups: 1 < len(set(groups)) < len(groups)
    ),
    st.integers(0, 2**32 - 1),
)
def test_groups_are_compared_pair_by_pair(groups: list[str], seed: int):
    similarity = np.random.default_rng(seed).normal(size=(len(groups), len(groups)))
    found = compare_groups(similarity, groups)
    assert {one.group for one in found} == {name for name in groups if groups.count(name) > 1}
    for one in found:
        members = [i for i, name in enumerate(groups) if name == one.group]
        rest = [i for i in range(len(groups)) if i not in members]
        inner = [similarity[i, j] for i, j in itertools.permutations(members, 2)]
        pairs = list(itertools.product(members, rest))
        outer = [(similarity[i, j] + similarity[j, i]) / 2 for i, j in pairs]
        assert one.n == len(members)
        assert one.within == pytest.approx(np.mean(inner))
        assert one.between == pytest.approx(np.mean(outer))
    contrast = np.mean([one.within - one.between for one in found])
    assert group_contrast(similarity, groups) == pytest.approx(contrast)


def test_a_similarity_without_groups_in_it_has_no_contrast():
    same = np.full((6, 6), 0.7)
    assert group_contrast(same, list("aabbcc")) == pytest.approx(0)


def test_a_group_counts_once_however_large_it_is():
    groups = ["large"] * 8 + ["small"] * 2
    similarity = np.zeros((10, 10))
    similarity[8:, 8:] = 1.0
    assert group_contrast(similarity, groups) == pytest.approx(0.5)


@pytest.mark.parametrize("groups", [["a"] * 4, list("abcd")], ids=["one group", "all alone"])
def test_groups_that_cannot_be_compared_are_refused(groups: list[str]):
    with pytest.raises(UserError, match="expected at least two groups"):
        group_contrast(np.zeros((4, 4)), groups)


def test_groups_that_are_alike_are_found_and_others_are_not():
    numbers = np.random.default_rng(0)
    groups = ["a"] * 10 + ["b"] * 10
    noise = numbers.normal(size=(20, 20))
    none = contrast_test(noise, groups, permutations=199)
    assert none.p > 0.05
    alike = noise + 2.0 * (np.arange(20) < 10) * (np.arange(20) < 10)[:, None]
    found = contrast_test(alike, groups, permutations=199)
    assert found.p == pytest.approx(2 / 200)  # two-sided: none of 199 is as extreme
    assert found.observed == pytest.approx(group_contrast(alike, groups))
    assert abs(found.expected) < found.observed / 4


def test_matches_are_told_from_pairs_at_random():
    similarity = np.random.default_rng(1).normal(size=(30, 30))
    assert match_test(similarity, permutations=199).p > 0.05
    found = match_test(similarity + 3.0 * np.eye(30), permutations=199)
    assert found.p == pytest.approx(2 / 200)
    assert found.observed == pytest.approx(np.diag(similarity).mean() + 3.0)
