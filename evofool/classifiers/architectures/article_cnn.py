"""The network to which an article shows shredded and recoloured digits.

"Blondes, monsters and addictions of artificial intelligence" trains it with Keras: convolutions
16@3x3 (of the same size) and 64@5x5 (which shrinks), max pool 2, dropout; the same again; dense
512, dropout, dense 10; 590,650 parameters. The ReLU comes after pooling here, which gives the same
values in fewer steps.
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.digits import digit_card
from evofool.classifiers.architectures.layers import Conv
from evofool.classifiers.card import Card

DROPOUT = 0.5


class Seed000CNN(nnx.Module):
    """The network; inputs in [0, 1]. Values are initialised as Keras does (Glorot, uniform)."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        channels, side = card.input_shape[2], card.input_shape[0]
        flat = 64 * (((side - 4) // 2 - 4) // 2) ** 2
        self.conv1 = Conv(channels, 16, 3, padding=1, kernel_init=glorot, rngs=rngs)
        self.conv2 = Conv(16, 64, 5, pool=2, kernel_init=glorot, rngs=rngs)
        self.conv3 = Conv(64, 16, 3, padding=1, kernel_init=glorot, rngs=rngs)
        self.conv4 = Conv(16, 64, 5, pool=2, kernel_init=glorot, rngs=rngs)
        self.dense1 = nnx.Linear(flat, 512, kernel_init=glorot, rngs=rngs)
        self.dense2 = nnx.Linear(512, card.outputs, kernel_init=glorot, rngs=rngs)
        self.dropout = nnx.Dropout(DROPOUT)

    def __call__(
        self, images: Float[Array, "batch height width channels"], rngs: nnx.Rngs | None = None
    ) -> Float[Array, "batch outputs"]:
        """Returns logits; with `rngs`, for training, half of the values are dropped."""

        def drop(x: Array) -> Array:
            return self.dropout(x, deterministic=rngs is None, rngs=rngs)

        x = jax.nn.relu(self.conv1(images))
        x = drop(jax.nn.relu(self.conv2(x)))
        x = jax.nn.relu(self.conv3(x))
        x = drop(jax.nn.relu(self.conv4(x)))
        x = drop(jax.nn.relu(self.dense1(x.reshape(len(x), -1))))
        return self.dense2(x)


def seed000_cnn_card(*, outputs: int = 10) -> Card:
    """Returns the card of the article's network without weights.

    Args:
        outputs: 10, or more for classes beyond the digits ("extra 10", ...).
    """
    return digit_card("seed000_cnn", outputs=outputs)
