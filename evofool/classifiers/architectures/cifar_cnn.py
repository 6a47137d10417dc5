"""A small convolutional network for the 32x32 colour images of CIFAR-10.

Four 3x3 convolutions, three of them max-pooled, and one dense layer: 261,322 parameters and 20
million multiplications an image, so that it trains in minutes on two cores. Plain layers with
ReLU as in VGG, without batch norm: there is nothing to fold.

References:
    K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition", 2015, https://arxiv.org/abs/1409.1556
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.pooled_convolution import PooledConvolution
from evofool.classifiers.card import Card, with_extra

CIFAR10_LABELS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

CHANNELS = (32, 64, 128, 128)  # of the convolutions, times the card's width
POOLS = (2, 2, 1, 2)


class CifarCNN(nnx.Module):
    """The network; the card's `width` multiplies the channels, down to one channel."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        inputs, side = card.input_shape[2], card.input_shape[0]
        channels = [max(1, round(card.width * number)) for number in CHANNELS]
        convolutions, he_normal = [], nnx.initializers.he_normal()
        for outputs, pool in zip(channels, POOLS, strict=True):
            layer = PooledConvolution(
                inputs, outputs, 3, padding=1, pool=pool, kernel_init=he_normal, rngs=rngs
            )
            convolutions.append(layer)
            inputs, side = outputs, side // pool
        self.conv1, self.conv2, self.conv3, self.conv4 = convolutions
        self.dense = nnx.Linear(side * side * inputs, card.outputs, rngs=rngs)

    def __call__(self, images: Float[Array, "batch 32 32 3"]) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = images
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = jax.nn.relu(convolution(x))
        return self.dense(x.reshape(x.shape[0], -1))


def cifar_cnn_card(*, outputs: int = 10, width: float = 1.0) -> Card:
    """Returns the card of a `CifarCNN`, which has no weights yet.

    Args:
        outputs: 10, or more for classes beyond those of CIFAR-10 ("extra 10", ...).
        width: multiplier of the channels.
    """
    return Card(
        name="cifar_cnn",
        family="cifar_cnn",
        input_shape=(32, 32, 3),
        outputs=outputs,
        labels=with_extra(CIFAR10_LABELS, outputs),
        channel_order="RGB",
        mean=(125.3, 122.9, 113.9),  # of the training images
        scale=1 / 64,  # their standard deviation
        width=width,
    )
