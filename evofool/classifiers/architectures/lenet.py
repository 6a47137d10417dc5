"""The LeNet that the paper fools on MNIST, as Caffe defines it.

References:
    Evolving-AI-Lab/fooling, `model/lenet`: conv 20@5x5, max pool 2, conv 50@5x5, max pool 2,
    dense 500, ReLU, dense outputs; 431,080 parameters for ten outputs. The ReLU is the only
    nonlinearity besides the pooling.
    LeCun et al., "Gradient-based learning applied to document recognition", 1998, has sigmoids.
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.digits import digit_card
from evofool.classifiers.architectures.pooled_convolution import PooledConvolution
from evofool.classifiers.card import Card

_NONLINEARITIES = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}


class LeNet(nnx.Module):
    """LeNet for 28x28 grey images; inputs in [0, 1] are used as they are."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        self.conv1 = PooledConvolution(card.input_shape[2], 20, 5, pool=2, rngs=rngs)
        self.conv2 = PooledConvolution(20, 50, 5, pool=2, rngs=rngs)
        self.dense1 = nnx.Linear(4 * 4 * 50, 500, rngs=rngs)
        self.dense2 = nnx.Linear(500, card.outputs, rngs=rngs)
        self.activation = _NONLINEARITIES[card.activation]

    def __call__(self, images: Float[Array, "batch 28 28 1"]) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = self.conv2(self.conv1(images))
        x = self.activation(self.dense1(x.reshape(x.shape[0], -1)))
        return self.dense2(x)


def lenet_card(*, outputs: int = 10, activation: str = "relu") -> Card:
    """Returns the card of a LeNet for digits, which has no weights yet.

    Args:
        outputs: 10, or more for classes beyond the digits ("extra 10", ...).
        activation: "relu", or "sigmoid".
    """
    return digit_card("lenet", outputs=outputs, activation=activation)
