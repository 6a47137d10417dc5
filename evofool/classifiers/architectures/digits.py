"""The card of the networks for handwritten digits."""

from evofool.classifiers.card import DIGITS, Card, with_extra


def digit_card(family: str, *, outputs: int = 10, activation: str = "relu") -> Card:
    """Returns the card of a network for 28x28 grey digits, which has no weights yet.

    Args:
        family: the architecture, which also becomes the name.
        outputs: 10, or more for classes beyond the digits ("extra 10", ...).
        activation: "relu" or "sigmoid", in families that have both.
    """
    return Card(
        name=family,
        family=family,
        input_shape=(28, 28, 1),
        outputs=outputs,
        labels=with_extra(DIGITS, outputs),
        activation=activation,
    )
