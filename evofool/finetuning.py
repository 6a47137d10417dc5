"""A class of fooling images, added to a classifier."""

import dataclasses

from evofool.classifiers import Card
from evofool.errors import UserError

FOOLING = "fooling"  # label of the class


def with_class(card: Card, label: str = FOOLING) -> Card:
    """Returns the card of a network with one more class, the last, and without weights yet.

    Args:
        card: of the network as it is.
        label: of the new class.

    Raises:
        UserError: there is a class of that label.
    """
    if label in card.labels:
        raise UserError(f"label is {label!r}, which {card.name} has already; choose another")
    return dataclasses.replace(
        card,
        outputs=card.outputs + 1,
        labels=(*card.labels, label),
        ids=(*card.ids, "") if card.ids else (),
        sha256="",
        test_accuracy=None,
        probe=(),
        notes="",
    )
