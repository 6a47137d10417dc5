"""SqueezeNet 1.0 and 1.1: AlexNet's accuracy with a fiftieth of its weights.

A "fire" module, of which there are eight, is a 1x1 convolution to few channels, then a 1x1 and a
3x3 convolution of these side by side. Max pooling uses the windows that Caffe uses, also those that
stick out below or right. The last convolution's ReLU outputs are averaged over the image; there is
no linear layer.

The two halves of a fire module's channels are never joined. What follows is max pooling, which
treats channels separately, or a 1x1 convolution, which is a sum over channels. That saves a copy of
every feature map, a tenth of the time on a CPU (docs/results/forward.md).

References:
    Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
    size", 2016, https://arxiv.org/abs/1602.07360
    DeepScale/SqueezeNet, `SqueezeNet_v1.0/deploy.prototxt` and `SqueezeNet_v1.1/deploy.prototxt`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.convolution import (
    Convolution,
    FeatureMaps,
    OutputMaps,
    convolve,
)
from evofool.classifiers.architectures.max_pooling import max_pool
from evofool.classifiers.card import Card

# (squeezed channels, channels of each expansion) of the modules fire2..fire9
_FIRES = (
    *((16, 64), (16, 64), (32, 128), (32, 128)),
    *((48, 192), (48, 192), (64, 256), (64, 256)),
)


@dataclass(frozen=True)
class Version:
    """The differences between the versions.

    Attributes:
        stem: (outputs, size of the kernel) of conv1.
        pooled: fire modules after a max pooling.
        border: width of the zeros around the input of conv10; Caffe's version 1.0 includes this
            border in the average.
    """

    stem: tuple[int, int]
    pooled: tuple[int, ...]
    border: int


VERSIONS = {
    "squeezenet_v1.0": Version((96, 7), (2, 5, 9), 1),
    "squeezenet_v1.0_torchvision": Version((96, 7), (2, 5, 9), 0),
    "squeezenet_v1.1": Version((64, 3), (2, 4, 6), 0),
}


class SqueezeNet(nnx.Module):
    """The version of SqueezeNet that the card's family names."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        version = VERSIONS[card.family]
        channels, size = version.stem
        self.conv1 = Convolution(card.input_shape[2], channels, size, stride=2, rngs=rngs)
        for number, (squeezed, expanded) in enumerate(_FIRES, start=2):
            setattr(self, f"fire{number}", Fire(channels, squeezed, expanded, rngs=rngs))
            channels = 2 * expanded
        self.conv10 = Convolution(channels, card.outputs, 1, rngs=rngs)
        self.pooled, self.border = version.pooled, version.border

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        return self._average(jax.nn.relu(_mix(self.conv10, self._fires(images))))

    def features(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch 512"]:
        """Returns the inputs of the last convolution, averaged over the image."""
        return jnp.concatenate([part.mean(axis=(1, 2)) for part in self._fires(images)], axis=1)

    def _fires(self, images: FeatureMaps) -> list[OutputMaps]:
        """Returns the outputs of the last fire module, as two halves of the channels."""
        parts = [jax.nn.relu(self.conv1(images))]
        for number in range(2, 2 + len(_FIRES)):
            if number in self.pooled:
                parts = [max_pool(part, 3, 2, ceil=True) for part in parts]
            parts = getattr(self, f"fire{number}")(parts)
        return parts

    def _average(
        self, images: Float[Array, "batch height width outputs"]
    ) -> Float[Array, "batch outputs"]:
        """Averages conv10's outputs, including its border, where they are its bias."""
        _, height, width, _ = images.shape
        inside = height * width
        total = (height + 2 * self.border) * (width + 2 * self.border)
        at_border = jax.nn.relu(self.conv10.bias[...])
        return (images.sum(axis=(1, 2)) + (total - inside) * at_border) / total


class Fire(nnx.Module):
    """Squeezes the channels, then expands them by 1x1 and 3x3 convolutions side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int, *, rngs: nnx.Rngs):
        self.squeeze1x1 = Convolution(inputs, squeezed, 1, rngs=rngs)
        self.expand1x1 = Convolution(squeezed, expanded, 1, rngs=rngs)
        self.expand3x3 = Convolution(squeezed, expanded, 3, padding=1, rngs=rngs)

    def __call__(self, parts: Sequence[FeatureMaps]) -> list[OutputMaps]:
        """Applies the module to the parts of the channels; returns two halves of the outputs."""
        x = jax.nn.relu(_mix(self.squeeze1x1, parts))
        return [jax.nn.relu(self.expand1x1(x)), jax.nn.relu(self.expand3x3(x))]


def _mix(layer: Convolution, parts: Sequence[FeatureMaps]) -> OutputMaps:
    """Applies a 1x1 convolution to the parts of the channels."""
    ends = list(accumulate(part.shape[-1] for part in parts))
    kernels = jnp.split(layer.kernel[...], ends[:-1], axis=2)
    products = [convolve(part, kernel) for part, kernel in zip(parts, kernels, strict=True)]
    return layer.bias[...] + sum(products[1:], products[0])
