"""Statistics: medians and shares with intervals, and tests of whether two groups differ.

Everything is rank-based or exact, as in the paper: confidences accumulate near 1, so nothing here
assumes a distribution. Every result contains its n, and `str` writes it in one line.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import scipy

from evofool.support import UserError

Values = Sequence[float | int] | np.ndarray
Alternative = Literal["two-sided", "greater", "less"]


class Median(NamedTuple):
    """A median with the interval for that of the population.

    Attributes:
        median: of the values.
        low: lower end of the interval, one of the values.
        high: upper end.
        coverage: probability in [0, 1] that such an interval contains the population's median;
            below the confidence asked for when there are too few values (n < 6 at 0.95).
        n: number of values.
    """

    median: float
    low: float
    high: float
    coverage: float
    n: int

    def __str__(self) -> str:
        span = f"[{self.low:.4g}, {self.high:.4g}]"
        return f"{self.median:.4g} {span} ({self.coverage:.1%} interval, n = {self.n})"


class Share(NamedTuple):
    """A share with its interval.

    Attributes:
        share: in [0, 1].
        low: lower end of the interval.
        high: upper end.
        successes: number of successes.
        n: number of trials.
    """

    share: float
    low: float
    high: float
    successes: int
    n: int

    def __str__(self) -> str:
        return f"{self.share:.1%} [{self.low:.1%}, {self.high:.1%}] ({self.successes} of {self.n})"


class TwoGroups(NamedTuple):
    """A Mann-Whitney test of two independent groups, a and b.

    Attributes:
        u: the statistic U of a: the number of pairs in which a's value is larger; ties count half.
        p: two-sided p-value for no difference.
        superiority: u / (n_a * n_b), the probability that a value of a exceeds one of b; 0.5 is no
            difference, and 2 * superiority - 1 is the rank-biserial correlation.
        n_a: number of values in a.
        n_b: number of values in b.
    """

    u: float
    p: float
    superiority: float
    n_a: int
    n_b: int

    def __str__(self) -> str:
        return (
            f"Mann-Whitney U = {self.u:.6g}, {p_text(self.p)}, P(a > b) = {self.superiority:.3f}, "
            f"n = {self.n_a} and {self.n_b}"
        )


class Paired(NamedTuple):
    """A Wilcoxon signed-rank test of paired differences.

    Attributes:
        w: sum of the ranks of the positive differences.
        p: two-sided p-value for differences that are symmetric about 0.
        rank_biserial: share of the rank sum that is positive minus the negative share, in [-1, 1].
        median: of the differences.
        n: number of pairs; those without a difference take no part in the test.
    """

    w: float
    p: float
    rank_biserial: float
    median: float
    n: int

    def __str__(self) -> str:
        return (
            f"Wilcoxon W = {self.w:.6g}, {p_text(self.p)}, rank-biserial r = "
            f"{self.rank_biserial:.3f}, median difference {self.median:.4g}, n = {self.n} pairs"
        )


class Permuted(NamedTuple):
    """A permutation test.

    Attributes:
        observed: the statistic of the labels as they are.
        p: share of permutations, including the observed labels, that are as extreme.
        expected: mean of the statistic over permutations.
        effect: (observed - expected) / standard deviation over permutations; 0 if that is 0.
        permutations: number of permutations drawn.
        n: number of labels.
    """

    observed: float
    p: float
    expected: float
    effect: float
    permutations: int
    n: int

    def __str__(self) -> str:
        return (
            f"{self.observed:.4g} against {self.expected:.4g} by chance ({self.effect:+.1f} sd), "
            f"{p_text(self.p)} of {self.permutations} permutations, n = {self.n}"
        )


def median_interval(values: Values, *, confidence: float = 0.95) -> Median:
    """Returns the median with the exact interval between two order statistics.

    The number of values below the population's median is binomial(n, 1/2), so the interval
    from the k-th smallest to the k-th largest contains it with probability 1 - 2 P(X < k), for any
    distribution; k is the largest that gives `confidence` (Conover, "Practical nonparametric
    statistics", section 3.2).

    Raises:
        UserError: there are no values, or one is not a number.
    """
    ordered = np.sort(_numbers("values", values))
    below = scipy.stats.binom(len(ordered), 0.5)
    k = max(1, int(below.ppf((1 - confidence) / 2)))  # P(X < k) <= (1 - confidence) / 2 < P(X <= k)
    return Median(
        median=float(np.median(ordered)),
        low=float(ordered[k - 1]),
        high=float(ordered[-k]),
        coverage=max(0.0, 1 - 2 * float(below.cdf(k - 1))),
        n=len(ordered),
    )


def proportion_interval(successes: int, n: int, *, confidence: float = 0.95) -> Share:
    """Returns a share with Wilson's score interval, which is accurate near 0 and 1 too.

    Args:
        successes: how many of `n`.
        n: number of trials.
        confidence: of the interval, between 0 and 1.

    Raises:
        UserError: `successes` is not in 0..n, or n is below 1.
    """
    if n < 1 or not 0 <= successes <= n:
        raise UserError(f"successes is {successes} of n = {n}; expected 0..n of at least 1")
    interval = scipy.stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Share(successes / n, float(interval.low), float(interval.high), successes, n)


def mann_whitney(a: Values, b: Values) -> TwoGroups:
    """Tests whether the values of one group tend to be larger than those of another.

    Exact for small groups without ties, else by the normal approximation (scipy's choice).

    Raises:
        UserError: a group is empty, or a value is not a number.
    """
    a, b = _numbers("a", a), _numbers("b", b)
    test = scipy.stats.mannwhitneyu(a, b)
    u = float(test.statistic)
    return TwoGroups(u, float(test.pvalue), u / (len(a) * len(b)), len(a), len(b))


def signed_rank(a: Values, b: Values) -> Paired:
    """Tests whether paired values differ: a's tend to be larger or smaller than their partners.

    Raises:
        UserError: a and b have different numbers of values or none, or a value is not a number.
    """
    a, b = _numbers("a", a), _numbers("b", b)
    if len(a) != len(b):
        raise UserError(f"a has {len(a)} values and b {len(b)}; expected pairs")
    differences = a - b
    nonzero = differences[differences != 0]
    median = float(np.median(differences))
    if not len(nonzero):
        return Paired(0.0, 1.0, 0.0, median, len(a))
    positive = float(scipy.stats.rankdata(np.abs(nonzero))[nonzero > 0].sum())
    _, p = np.asarray(scipy.stats.wilcoxon(nonzero), np.float64)
    return Paired(
        positive,
        float(p),
        4 * positive / (len(nonzero) * (len(nonzero) + 1)) - 1,
        median,
        len(a),
    )


def permutation_test(
    statistic: Callable[[np.ndarray], float],
    labels: Sequence[object] | np.ndarray,
    *,
    within: Sequence[object] | np.ndarray | None = None,
    permutations: int = 9999,
    seed: int = 0,
    alternative: Alternative = "two-sided",
) -> Permuted:
    """Tests a statistic of labels against its values for permuted labels.

    p counts the observed labels as one of the permutations, so it is never 0 and the test is exact
    (Phipson and Smyth, "Permutation p-values should never be zero", 2010). The two-sided p is twice
    the smaller tail.

    Args:
        statistic: of an array of labels; the function itself knows what they label.
        labels: as observed.
        within: a block for each label, for instance its run; labels are permuted within blocks. By
            default all labels are one block.
        permutations: number of permutations to draw.
        seed: of the permutations.
        alternative: the direction that counts as extreme.

    Raises:
        UserError: there are fewer than two labels, no permutations, or another number of blocks
            than labels.
    """
    labels = np.asarray(labels)
    blocks = np.zeros(len(labels)) if within is None else np.asarray(within)
    if len(labels) < 2 or permutations < 1:
        raise UserError(
            f"labels are {len(labels)} and permutations {permutations}; expected at least two "
            "labels and one permutation"
        )
    if len(blocks) != len(labels):
        raise UserError(f"within has {len(blocks)} blocks for {len(labels)} labels; give one each")
    generator = np.random.default_rng(seed)
    _, blocks = np.unique(blocks, return_inverse=True)
    places = np.argsort(blocks, kind="stable")

    def permuted() -> np.ndarray:
        mixed = np.empty_like(labels)
        # The labels of each block, in random order, take the places of that block.
        mixed[places] = labels[np.lexsort((generator.random(len(labels)), blocks))]
        return mixed

    observed = float(statistic(labels))
    drawn = np.array([statistic(permuted()) for _ in range(permutations)])
    # Sums in another order differ in the last digits; equal permutations must count as equal.
    slack = 1e-9 * max(1e-300, abs(observed))
    upper = (1 + np.sum(drawn >= observed - slack)) / (1 + permutations)
    lower = (1 + np.sum(drawn <= observed + slack)) / (1 + permutations)
    p = {"greater": upper, "less": lower, "two-sided": min(1.0, 2 * min(upper, lower))}[alternative]
    expected, spread = float(drawn.mean()), float(drawn.std())
    effect = (observed - expected) / spread if spread > slack else 0.0
    return Permuted(observed, float(p), expected, effect, permutations, len(labels))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for their number, so that the chance of any false alarm stays in bounds.

    Args:
        p_values: in [0, 1], of any tests, independent or not.

    Returns:
        As many, none smaller than before, at most 1.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", 1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected


def p_text(p: float) -> str:
    """Writes a p-value: "p = 0.012", "p < 0.0001"."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _numbers(name: str, values: Values) -> np.ndarray:
    array = np.asarray(values, np.float64).ravel()
    if not len(array) or np.isnan(array).any():
        raise UserError(
            f"{name} holds {len(array)} values, {int(np.isnan(array).sum())} of them not a number; "
            "expected at least one, all of them numbers"
        )
    return array
