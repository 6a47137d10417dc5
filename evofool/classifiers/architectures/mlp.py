"""A multilayer perceptron: without convolutions, it does not know which pixels are neighbours.

References:
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", 1998, section III.C.5: 784-300-100-10 for MNIST. With ReLU here.
"""

import math

import jax
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.digits import digit_card
from evofool.classifiers.card import Card

HIDDEN = (300, 100)


class MLP(nnx.Module):
    """Three dense layers, with ReLU between them, on the pixels of any input size."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        he_normal = nnx.initializers.he_normal()
        pixels = math.prod(card.input_shape)
        self.dense1 = nnx.Linear(pixels, HIDDEN[0], kernel_init=he_normal, rngs=rngs)
        self.dense2 = nnx.Linear(*HIDDEN, kernel_init=he_normal, rngs=rngs)
        self.dense3 = nnx.Linear(HIDDEN[1], card.outputs, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = jax.nn.relu(self.dense1(images.reshape(len(images), -1)))
        return self.dense3(jax.nn.relu(self.dense2(x)))


def mlp_card(*, outputs: int = 10) -> Card:
    """Returns the card of a perceptron for digits (266,610 parameters), which has no weights yet.

    Args:
        outputs: 10, or more for classes beyond the digits ("extra 10", ...).
    """
    return digit_card("mlp", outputs=outputs)
