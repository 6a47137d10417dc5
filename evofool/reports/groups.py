"""The coarse groups of ImageNet's classes: dogs, birds, food, ..."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from evofool.classifiers import Card, imagenet_group, imagenet_ids
from evofool.errors import UserError
from evofool.metrics import HIGH


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """The elites of one group of classes in numbers.

    Attributes:
        group: its name.
        classes: number of elites.
        median_confidence: over them, in [0, 1].
        share_ge_99: share of them at or above .99, in [0, 1].
    """

    group: str
    classes: int
    median_confidence: float
    share_ge_99: float


def group_facts(groups: Sequence[str], confidences: Sequence[float]) -> list[GroupFacts]:
    """Describes groups of elites, the most certain group first.

    Args:
        groups: of every elite.
        confidences: of every elite, in [0, 1].
    """
    values, names = np.asarray(confidences, np.float64), np.asarray(groups)
    facts = [
        GroupFacts(
            group=str(name),
            classes=len(members),
            median_confidence=float(np.median(members)),
            share_ge_99=float(np.mean(members >= HIGH)),
        )
        for name in np.unique(names)
        for members in [values[names == name]]
    ]
    return sorted(facts, key=lambda one: -one.median_confidence)


def groups_of(card: Card) -> tuple[str, ...]:
    """Returns the group of every class; nothing unless all of them are ImageNet's by their ids."""
    return _groups(card.ids)


def check_groups(card: Card) -> None:
    """Makes sure that a classifier's classes have groups.

    Raises:
        UserError: they have none.
    """
    if not groups_of(card):
        raise UserError(
            f"the classes of {card.name!r} have no groups; they are known by ImageNet's WordNet "
            "ids, which its card does not hold"
        )


@cache
def _groups(ids: tuple[str, ...]) -> tuple[str, ...]:
    index = {name: index for index, name in enumerate(imagenet_ids())}
    return tuple(imagenet_group(index[name]) for name in ids) if index.keys() >= set(ids) else ()
