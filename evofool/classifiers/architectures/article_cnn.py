"""The network that an article tests on shredded and recoloured digits.

"Blondes, monsters and addictions of artificial intelligence" trains it with Keras: convolutions
16@3x3 (padded) and 64@5x5 (not padded), max pool 2, dropout; the same again; dense 512, dropout,
dense 10; 590,650 parameters. Here the ReLU comes after the pooling, which gives the same values in
fewer steps.
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.digits import digit_card
from evofool.classifiers.architectures.pooled_convolution import PooledConvolution
from evofool.classifiers.card import Card

DROPOUT = 0.5


class ArticleCNN(nnx.Module):
    """The article's network; inputs in [0, 1], initial weights as in Keras (Glorot, uniform)."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        channels, side = card.input_shape[2], card.input_shape[0]
        flat = 64 * (((side - 4) // 2 - 4) // 2) ** 2
        self.conv1 = PooledConvolution(channels, 16, 3, padding=1, kernel_init=glorot, rngs=rngs)
        self.conv2 = PooledConvolution(16, 64, 5, pool=2, kernel_init=glorot, rngs=rngs)
        self.conv3 = PooledConvolution(64, 16, 3, padding=1, kernel_init=glorot, rngs=rngs)
        self.conv4 = PooledConvolution(16, 64, 5, pool=2, kernel_init=glorot, rngs=rngs)
        self.dense1 = nnx.Linear(flat, 512, kernel_init=glorot, rngs=rngs)
        self.dense2 = nnx.Linear(512, card.outputs, kernel_init=glorot, rngs=rngs)
        self.dropout = nnx.Dropout(DROPOUT)

    def __call__(
        self, images: Float[Array, "batch height width channels"], rngs: nnx.Rngs | None = None
    ) -> Float[Array, "batch outputs"]:
        """Returns logits; with `rngs`, in training, drops half of the values at random."""

        def drop(x: Array) -> Array:
            return self.dropout(x, deterministic=rngs is None, rngs=rngs)

        x = jax.nn.relu(self.conv1(images))
        x = drop(jax.nn.relu(self.conv2(x)))
        x = jax.nn.relu(self.conv3(x))
        x = drop(jax.nn.relu(self.conv4(x)))
        x = drop(jax.nn.relu(self.dense1(x.reshape(len(x), -1))))
        return self.dense2(x)


def article_cnn_card(*, outputs: int = 10) -> Card:
    """Returns the card of the article's network, which has no weights yet.

    Args:
        outputs: 10, or more for classes beyond the digits ("extra 10", ...).
    """
    return digit_card("article_cnn", outputs=outputs)
