"""The linear classifier: softmax regression on pixels, whose weights are one template per class.

References:
    I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572, section 3, fools a "shallow softmax classifier".
"""

import math

from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.digits import digit_card
from evofool.classifiers.card import Card


class Linear(nnx.Module):
    """One dense layer from the pixels of any input size to the outputs; it starts from zeros."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        zeros = nnx.initializers.zeros_init()
        pixels = math.prod(card.input_shape)
        self.dense = nnx.Linear(pixels, card.outputs, kernel_init=zeros, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        return self.dense(images.reshape(len(images), -1))


def linear_card(*, outputs: int = 10) -> Card:
    """Returns the card of a linear classifier of digits (7,850 parameters), without weights yet.

    Args:
        outputs: 10, or more for classes beyond the digits ("extra 10", ...).
    """
    return digit_card("linear", outputs=outputs)
