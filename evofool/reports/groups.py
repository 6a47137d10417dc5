"""The coarse groups of ImageNet's classes: dogs, birds, food, ..."""

from functools import cache

from evofool.classifiers import Card, imagenet_group, imagenet_ids
from evofool.errors import UserError


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
