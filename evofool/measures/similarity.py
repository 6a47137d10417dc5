"""Whether images of related classes are similar: similarities, and comparisons of groups."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.measures.statistics import Permuted, permutation_test
from evofool.support import UserError

Similarity = Float[np.ndarray, "classes classes"]
Groups = Sequence[str] | np.ndarray


class GroupSimilarity(NamedTuple):
    """The similarity of the members of a group.

    Attributes:
        group: its name.
        n: number of members.
        within: mean similarity of two members.
        between: mean similarity of a member and a class of another group.
    """

    group: str
    n: int
    within: float
    between: float


def cosine(
    features: Float[np.ndarray, "rows features"],
    others: Float[np.ndarray, "columns features"] | None = None,
) -> Float[np.ndarray, "rows columns"]:
    """Returns the cosines of the angles between feature vectors; 0 for a vector of zeros.

    Args:
        features: of one image per row.
        others: features to compare them with; by default `features` themselves.
    """
    rows = _unit(features)
    return rows @ (rows if others is None else _unit(others)).T


def compare_groups(similarity: Similarity, groups: Groups) -> list[GroupSimilarity]:
    """Compares every group of two or more classes with all other classes; largest groups first.

    Args:
        similarity: entry (i, j) compares class i of one run with class j of the same or another
            run. The diagonal does not count: it compares an image with itself, or two images of
            one class.
        groups: of every class.

    Raises:
        UserError: there are fewer than two groups, or none has two members.
    """
    names, counts, within, between = _by_group(similarity, groups)
    comparisons = [
        GroupSimilarity(str(name), int(n), float(inner), float(outer))
        for name, n, inner, outer in zip(names, counts, within, between, strict=True)
        if n > 1
    ]
    return sorted(comparisons, key=lambda comparison: -comparison.n)


def group_contrast(similarity: Similarity, groups: Groups) -> float:
    """Returns by how much the similarity within groups exceeds that between them.

    It is the mean of `within - between` over groups of two or more; every group counts once,
    however large it is. Where similarity does not depend on groups it is about 0;
    `contrast_test` tells how far it departs from 0 by chance.

    Args:
        similarity: as for `compare_groups`.
        groups: of every class.

    Raises:
        UserError: there are fewer than two groups, or none has two members.
    """
    _, counts, within, between = _by_group(similarity, groups)
    return float(np.mean((within - between)[counts > 1]))


def contrast_test(
    similarity: Similarity, groups: Groups, *, permutations: int = 999, seed: int = 0
) -> Permuted:
    """Tests `group_contrast` against that of groups assigned to the classes at random.

    Pairs share images and are not independent; permuting classes, rows and columns together, takes
    that into account (Mantel, "The detection of disease clustering and a generalized
    regression approach", 1967).

    Args:
        similarity: as for `compare_groups`.
        groups: of every class.
        permutations: number of random assignments.
        seed: of the permutations.

    Raises:
        UserError: as `group_contrast`.
    """
    labels = np.unique(np.asarray(groups), return_inverse=True)[1]
    return permutation_test(
        lambda permuted: group_contrast(similarity, permuted),
        labels,
        permutations=permutations,
        seed=seed,
    )


def match_test(similarity: Similarity, *, permutations: int = 999, seed: int = 0) -> Permuted:
    """Tests the mean similarity of two images of a class, the diagonal, against random pairs.

    Args:
        similarity: entry (i, j) compares class i of one run with class j of another.
        permutations: number of random pairings.
        seed: of the permutations.
    """
    rows = np.arange(len(similarity))
    return permutation_test(
        lambda columns: float(similarity[rows, columns].mean()),
        rows,
        permutations=permutations,
        seed=seed,
    )


def _by_group(
    similarity: Similarity, groups: Groups
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns names, sizes, and mean similarities within (NaN for one member) and between."""
    names, index, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    total = len(index)
    if len(names) < 2 or counts.max() < 2:
        raise UserError(
            f"groups are {len(names)} of {total} classes, the largest with "
            f"{counts.max(initial=0)}; expected at least two groups, one of two classes or more"
        )
    is_member = np.eye(len(names), dtype=similarity.dtype)[index]
    diagonal = is_member.T @ np.diag(similarity)
    sums = is_member.T @ (similarity @ is_member)
    inside = np.diag(sums)
    outside = (sums.sum(axis=0) + sums.sum(axis=1)) / 2 - inside
    with np.errstate(invalid="ignore"):
        within = (inside - diagonal) / (counts * (counts - 1))
    return names, counts, within, outside / (counts * (total - counts))


def _unit(
    features: Float[np.ndarray, "rows features"],
) -> Float[np.ndarray, "rows features"]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths == 0, 1, lengths)
