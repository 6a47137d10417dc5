"""Are images of related classes alike? Similarities, and comparisons of groups of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.analysis.statistics import Permuted, permutation_test
from evofool.support import UserError

Similarity = Float[np.ndarray, "classes classes"]
Groups = Sequence[str] | np.ndarray


class GroupSimilarity(NamedTuple):
    """How alike the members of a group are.

    Attributes:
        group: its name.
        n: members.
        within: mean similarity of two members.
        between: mean similarity of a member and somebody of another group.
    """

    group: str
    n: int
    within: float
    between: float


def cosine(
    features: Float[np.ndarray, "rows features"],
    others: Float[np.ndarray, "columns features"] | None = None,
) -> Float[np.ndarray, "rows columns"]:
    """Returns the cosines of the angles between feature vectors; 0 where one of them is 0.

    Args:
        features: of an image per row.
        others: to compare with; the same ones unless given.
    """
    rows = _unit(features)
    return rows @ (rows if others is None else _unit(others)).T


def compare_groups(similarity: Similarity, groups: Groups) -> list[GroupSimilarity]:
    """Compares each group of two or more with all that is not in it, the largest group first.

    Args:
        similarity: entry (i, j) is that of class i (of one run) to class j (of the same or another
            run). The diagonal does not count: it is an image with itself, or two of one class.
        groups: of every class.

    Raises:
        UserError: there are not two groups, one of them with two members or more.
    """
    names, counts, within, between = _by_group(similarity, groups)
    found = [
        GroupSimilarity(str(name), int(n), float(inner), float(outer))
        for name, n, inner, outer in zip(names, counts, within, between, strict=True)
        if n > 1
    ]
    return sorted(found, key=lambda one: -one.n)


def group_contrast(similarity: Similarity, groups: Groups) -> float:
    """Returns by how much similarity within groups exceeds that between them.

    It is the mean, over groups of two or more, of `within - between`: every group counts once,
    however large it is. Without any relation of groups and similarity it is about 0; how far chance
    takes it, `permutation_test` tells.

    Args:
        similarity: as for `compare_groups`.
        groups: of every class.

    Raises:
        UserError: there are not two groups, one of them with two members or more.
    """
    _, counts, within, between = _by_group(similarity, groups)
    return float(np.mean((within - between)[counts > 1]))


def contrast_test(
    similarity: Similarity, groups: Groups, *, permutations: int = 999, seed: int = 0
) -> Permuted:
    """Tests `group_contrast` against that of groups dealt out anew among the classes.

    Pairs share images and are not independent; permuting the classes, rows and columns together,
    takes that into account (Mantel, "The detection of disease clustering and a generalized
    regression approach", 1967).

    Args:
        similarity: as for `compare_groups`.
        groups: of every class.
        permutations: how many to draw.
        seed: of the draws.

    Raises:
        UserError: as `group_contrast` does.
    """
    labels = np.unique(np.asarray(groups), return_inverse=True)[1]
    return permutation_test(
        lambda dealt: group_contrast(similarity, dealt),
        labels,
        permutations=permutations,
        seed=seed,
    )


def match_test(similarity: Similarity, *, permutations: int = 999, seed: int = 0) -> Permuted:
    """Tests the mean of the diagonal, two images of one class, against pairs at random.

    Args:
        similarity: entry (i, j) is that of class i in one run to class j in another.
        permutations: how many to draw.
        seed: of the draws.
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
    """Returns names, sizes, and mean similarities within and between (NaN within one member)."""
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
