"""SqueezeNet 1.0 and 1.1: AlexNet's accuracy with a fiftieth of its weights.

Eight "fire" modules: a 1x1 convolution to few channels, then 1x1 and 3x3 convolutions side by
side. Max pooling counts windows as Caffe does (those that stick out below or right as well). The
last convolution's ReLU outputs are averaged over the picture; there is no linear layer.

References:
    Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
    size", 2016, https://arxiv.org/abs/1602.07360
    DeepScale/SqueezeNet, `SqueezeNet_v1.0/deploy.prototxt` and `SqueezeNet_v1.1/deploy.prototxt`.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.blocks import Convolution, Images, Outputs, max_pool
from evofool.classifiers.card import Card

# (squeezed channels, channels of each expansion) of the modules fire2..fire9
_FIRES = (
    *((16, 64), (16, 64), (32, 128), (32, 128)),
    *((48, 192), (48, 192), (64, 256), (64, 256)),
)


@dataclass(frozen=True)
class Version:
    """What differs between the versions.

    Attributes:
        stem: (outputs, size of the kernel) of conv1.
        pooled: fire modules that max pooling comes before.
        border: zeros around the input of conv10; Caffe's 1.0 averages over that border as well.
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
        self.conv10 = Convolution(channels, card.outputs, 1, padding=version.border, rngs=rngs)
        self.pooled = version.pooled

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = jax.nn.relu(self.conv1(images))
        for number in range(2, 2 + len(_FIRES)):
            if number in self.pooled:
                x = max_pool(x, 3, 2, ceil=True)
            x = getattr(self, f"fire{number}")(x)
        return jax.nn.relu(self.conv10(x)).mean(axis=(1, 2))


class Fire(nnx.Module):
    """Squeezes the channels, then expands them by 1x1 and 3x3 convolutions side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int, *, rngs: nnx.Rngs):
        self.squeeze1x1 = Convolution(inputs, squeezed, 1, rngs=rngs)
        self.expand1x1 = Convolution(squeezed, expanded, 1, rngs=rngs)
        self.expand3x3 = Convolution(squeezed, expanded, 3, padding=1, rngs=rngs)

    def __call__(self, images: Images) -> Outputs:
        """Applies the module."""
        x = jax.nn.relu(self.squeeze1x1(images))
        return jax.nn.relu(jnp.concatenate([self.expand1x1(x), self.expand3x3(x)], axis=-1))
