import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evofool.measures.statistics import (
    mann_whitney,
    median_interval,
    p_text,
    permutation_test,
    proportion_interval,
    signed_rank,
)
from evofool.support.errors import UserError

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(VALUES)
def test_a_median_lies_in_its_interval_and_both_ends_are_values(values):
    found = median_interval(values)
    assert found.low <= found.median <= found.high
    assert {found.low, found.high} <= set(values)
    assert found.n == len(values)


@pytest.mark.parametrize("n", [6, 7, 20, 51, 300])
def test_the_interval_of_a_median_is_that_of_scipys_quantile_test(n):
    values = np.random.default_rng(n).normal(size=n)
    found = median_interval(values)
    expected = scipy.stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    assert (found.low, found.high) == (expected.low, expected.high)


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 17, 40])
def test_intervals_of_medians_hold_the_true_one_as_often_as_they_say(n):
    samples = np.random.default_rng(0).exponential(size=(4000, n))
    found = [median_interval(sample) for sample in samples]
    share = np.mean([one.low <= np.log(2) <= one.high for one in found])
    assert found[0].coverage >= 0.95
    assert share == pytest.approx(found[0].coverage, abs=0.012)


def test_few_values_span_an_interval_that_says_how_little_it_covers():
    found = median_interval([3.0, 1.0, 2.0, 5.0, 4.0])
    assert found[:3] == (3.0, 1.0, 5.0)
    assert found.coverage == pytest.approx(1 - 2 / 32)
    assert median_interval([7.0]).coverage == 0
    assert str(found) == "3 [1, 5] (93.8% interval, n = 5)"


def test_a_share_of_none_or_all_still_has_an_interval():
    none, everything = proportion_interval(0, 20), proportion_interval(20, 20)
    assert none.low == pytest.approx(0, abs=1e-12)
    assert none.high == pytest.approx(0.1611, abs=1e-4)  # z^2 / (n + z^2), z = 1.96
    assert everything.low == pytest.approx(1 - none.high)
    assert str(proportion_interval(5, 20)) == "25.0% [11.2%, 46.9%] (5 of 20)"


def test_mann_whitney_counts_the_pairs_in_which_a_is_larger():
    found = mann_whitney([3.0, 5.0, 7.0], [4.0, 5.0])
    assert found.u == 0 + 1.5 + 2
    assert found.superiority == pytest.approx(3.5 / 6)
    swapped = mann_whitney([4.0, 5.0], [3.0, 5.0, 7.0])
    assert swapped.superiority == pytest.approx(1 - found.superiority)
    assert swapped.p == pytest.approx(found.p)


def test_mann_whitney_finds_a_shift_and_not_its_absence():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 200))
    assert mann_whitney(a + 1, b).p < 1e-4
    assert mann_whitney(a, b).p > 0.05
    assert "p < 0.0001" in str(mann_whitney(a + 1, b))


def test_signed_rank_adds_the_ranks_of_the_positive_differences():
    found = signed_rank([1.0, 5.0, 2.0, 9.0], [2.0, 3.0, 2.0, 4.0])
    assert found.w == 2 + 3  # of |-1| < |2| < |5|; no difference takes no part
    assert found.rank_biserial == pytest.approx((5 - 1) / 6)
    assert (found.median, found.n) == (1.0, 4)
    assert signed_rank([1.0, 2.0], [1.0, 2.0]).p == 1


def test_signed_rank_finds_what_pairing_shows():
    generator = np.random.default_rng(0)
    each, noise = generator.normal(size=(2, 50))
    a, b = 100 * each + 1 + 0.1 * noise, 100 * each
    assert signed_rank(a, b).p < 1e-4
    assert mann_whitney(a, b).p > 0.5


def test_permuted_labels_tell_groups_from_chance():
    values = np.concatenate([np.zeros(8), np.ones(8)])

    def difference(labels: np.ndarray) -> float:
        return values[labels == "b"].mean() - values[labels == "a"].mean()

    apart = permutation_test(difference, ["a"] * 8 + ["b"] * 8, permutations=999)
    assert apart.observed == 1
    assert apart.p == pytest.approx(2 / 1000)
    assert apart.effect > 3
    mixed = permutation_test(difference, ["a", "b"] * 8, permutations=999)
    assert mixed.p == 1
    less = permutation_test(difference, ["b"] * 8 + ["a"] * 8, permutations=999, alternative="less")
    assert less.p == pytest.approx(1 / 1000)


def test_permutations_are_those_of_the_seed():
    values = np.random.default_rng(0).normal(size=30)

    def run(seed: int):
        return permutation_test(lambda kept: values[kept].mean(), values > 0, seed=seed)

    assert run(1) == run(1)
    assert run(1).expected != run(2).expected


def test_labels_stay_within_their_blocks():
    labels, blocks = np.array(list("aabbbcc")), ["x", "y", "x", "y", "y", "z", "z"]
    seen = set()

    def statistic(given: np.ndarray) -> float:
        seen.add("".join(given))
        return 0.0

    permutation_test(statistic, labels, within=blocks, permutations=300)
    # 2 orders of {a, b} and 3 of {a, b, b}; nothing changes in {c, c}
    assert len(seen) == 6
    assert all(sorted(text[0] + text[2]) == ["a", "b"] and text[5:] == "cc" for text in seen)


def test_permutations_that_change_nothing_are_no_evidence():
    found = permutation_test(lambda labels: float(len(labels)), [0, 1, 2, 3], permutations=99)
    assert (found.p, found.effect) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("p", "text"), [(0.5, "p = 0.5"), (0.012345, "p = 0.012"), (0.0, "p < 0.0001")]
)
def test_p_values_are_written_with_two_digits(p, text):
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: median_interval([]), "values holds 0"),
        (lambda: mann_whitney([1.0], [np.nan]), "b holds 1 values, 1 of them not a number"),
        (lambda: signed_rank([1.0, 2.0], [1.0]), "a has 2 values and b 1"),
        (lambda: proportion_interval(3, 2), "successes is 3 of n = 2"),
        (lambda: permutation_test(len, ["a"]), "labels are 1"),
        (lambda: permutation_test(len, ["a", "b"], within=[1]), "within has 1 blocks for 2 labels"),
    ],
    ids=["empty", "not a number", "unpaired", "too many", "one label", "too few blocks"],
)
def test_what_cannot_be_tested_is_refused(call, named):
    with pytest.raises(UserError, match=named):
        call()
