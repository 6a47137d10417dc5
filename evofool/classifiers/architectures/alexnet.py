"""AlexNet, in two versions: CaffeNet, the network of the 2015 paper, and torchvision's AlexNet.

Both flatten the last feature maps channels first, the order in which the weights of the first
dense layer are published everywhere.

References:
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
    networks", 2012.
    BVLC/caffe, `models/bvlc_reference_caffenet/deploy.prototxt`.
    Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
    https://arxiv.org/abs/1404.5997: the one in torchvision, `torchvision/models/alexnet.py`.
"""

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax, nn
from jaxtyping import Array, Float

from evofool.classifiers.architectures.convolution import (
    Convolution,
    FeatureMaps,
    OutputMaps,
)
from evofool.classifiers.architectures.max_pooling import max_pool
from evofool.classifiers.card import Card
from evofool.support import UserError

_GRID = 6  # rows and columns of the last feature maps of torchvision's AlexNet


class CaffeNet(nnx.Module):
    """BVLC's network: five convolutions, three in two groups; pooling precedes normalisation."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        height, width, channels = card.input_shape
        _check_size(card, 39)
        self.conv1 = Convolution(channels, 96, 11, stride=4, rngs=rngs)
        self.conv2 = Convolution(96, 256, 5, padding=2, groups=2, rngs=rngs)
        self.conv3 = Convolution(256, 384, 3, padding=1, rngs=rngs)
        self.conv4 = Convolution(384, 384, 3, padding=1, groups=2, rngs=rngs)
        self.conv5 = Convolution(384, 256, 3, padding=1, groups=2, rngs=rngs)
        features = _caffenet_side(height) * _caffenet_side(width) * 256
        self.fc6 = nnx.Linear(features, 4096, rngs=rngs)
        self.fc7 = nnx.Linear(4096, 4096, rngs=rngs)
        self.fc8 = nnx.Linear(4096, card.outputs, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = nn.relu(self.conv1(images))
        x = local_response_norm(max_pool(x, 3, 2, ceil=True))
        x = nn.relu(self.conv2(x))
        x = local_response_norm(max_pool(x, 3, 2, ceil=True))
        x = nn.relu(self.conv3(x))
        x = nn.relu(self.conv4(x))
        x = nn.relu(self.conv5(x))
        x = _channels_first(max_pool(x, 3, 2, ceil=True))
        return self.fc8(nn.relu(self.fc7(nn.relu(self.fc6(x)))))


class AlexNet(nnx.Module):
    """Torchvision's network: no groups, no normalisation, and an average over a grid of 6x6."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        _check_size(card, 63)
        self.conv1 = Convolution(card.input_shape[2], 64, 11, stride=4, padding=2, rngs=rngs)
        self.conv2 = Convolution(64, 192, 5, padding=2, rngs=rngs)
        self.conv3 = Convolution(192, 384, 3, padding=1, rngs=rngs)
        self.conv4 = Convolution(384, 256, 3, padding=1, rngs=rngs)
        self.conv5 = Convolution(256, 256, 3, padding=1, rngs=rngs)
        self.fc6 = nnx.Linear(_GRID * _GRID * 256, 4096, rngs=rngs)
        self.fc7 = nnx.Linear(4096, 4096, rngs=rngs)
        self.fc8 = nnx.Linear(4096, card.outputs, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = max_pool(nn.relu(self.conv1(images)), 3, 2)
        x = max_pool(nn.relu(self.conv2(x)), 3, 2)
        x = nn.relu(self.conv3(x))
        x = nn.relu(self.conv4(x))
        x = max_pool(nn.relu(self.conv5(x)), 3, 2)
        x = _channels_first(adaptive_mean(x, _GRID))
        return self.fc8(nn.relu(self.fc7(nn.relu(self.fc6(x)))))


def local_response_norm(images: FeatureMaps) -> FeatureMaps:
    """Divides every value by (1 + 1e-4 / 5 * sum of squares over 5 neighbouring channels) ^ 0.75.

    The constants are those of Krizhevsky et al. and of CaffeNet; the neighbours are the channel
    itself and two on either side, fewer at the ends.
    """
    channels = images.shape[-1]
    squares = jnp.pad(jnp.square(images), ((0, 0), (0, 0), (0, 0), (2, 2)))
    total = sum(lax.slice_in_dim(squares, i, i + channels, axis=3) for i in range(5))
    root = lax.rsqrt(1.0 + 1e-4 / 5 * total)
    return images * root * lax.sqrt(root)  # x ^ -.75 without the cost of a power


def adaptive_mean(images: FeatureMaps, grid: int) -> OutputMaps:
    """Averages over `grid` x `grid` windows that cover the image, like PyTorch's adaptive pooling.

    Window i of n spans rows floor(i * side / n) up to ceil((i + 1) * side / n): windows overlap
    where the side is no multiple of n, and repeat rows where it is smaller than n.

    Returns:
        Means `[batch, grid, grid, channels]`.
    """
    height, width = images.shape[1:3]
    if height == width == grid:
        return images
    rows, columns = _window_means(height, grid), _window_means(width, grid)
    return jnp.einsum("rh,bhwc,sw->brsc", rows, images, columns)


def _window_means(side: int, grid: int) -> Float[np.ndarray, "grid side"]:
    """Returns the matrix that averages a side over its windows."""
    matrix = np.zeros((grid, side), np.float32)
    for i in range(grid):
        start, stop = i * side // grid, -(-(i + 1) * side // grid)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def _channels_first(images: FeatureMaps) -> Float[Array, "batch values"]:
    """Flattens every image, one channel after the other."""
    return jnp.moveaxis(images, 3, 1).reshape(images.shape[0], -1)


def _check_size(card: Card, smallest: int) -> None:
    """Refuses images that the convolutions and pools would shrink to nothing."""
    if min(card.input_shape[:2]) < smallest:
        raise UserError(
            f"card of {card.name!r}: input_shape is {list(card.input_shape)}; a network of family "
            f"{card.family} needs images of {smallest}x{smallest} or more"
        )


def _caffenet_side(side: int) -> int:
    """Returns the side of the last feature maps of CaffeNet, for the side of its input."""
    side = (side - 11) // 4 + 1
    for _ in range(3):
        side = -(-(side - 3) // 2) + 1
    return side
