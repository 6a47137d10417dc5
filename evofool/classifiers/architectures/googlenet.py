"""GoogLeNet (Inception v1) as torchvision has it.

It differs from the network of the paper: every convolution is followed by batch norm (folded into
it here), the branch that should be 5x5 is 3x3, and nothing normalises over channels. The two
auxiliary heads serve training only.

References:
    Szegedy et al., "Going deeper with convolutions", 2014, https://arxiv.org/abs/1409.4842
    `torchvision/models/googlenet.py`; the 3x3 branch: https://github.com/pytorch/vision/issues/906
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import nn
from jaxtyping import Array, Float

from evofool.classifiers.architectures.convolution import (
    Convolution,
    FeatureMaps,
    OutputMaps,
)
from evofool.classifiers.architectures.max_pooling import max_pool
from evofool.classifiers.card import Card


class Channels(NamedTuple):
    """Channels of the convolutions of an inception block, branch by branch.

    Attributes:
        branch1: of the 1x1 convolution.
        branch2: of the 1x1 that reduces, and of the 3x3 after it.
        branch3: likewise, for what the paper has as 5x5.
        branch4: of the 1x1 after the pooling.
    """

    branch1: int
    branch2: tuple[int, int]
    branch3: tuple[int, int]
    branch4: int

    @property
    def outputs(self) -> int:
        """Channels of the four branches together."""
        return self.branch1 + self.branch2[1] + self.branch3[1] + self.branch4


INCEPTIONS = {
    "3a": Channels(64, (96, 128), (16, 32), 32),
    "3b": Channels(128, (128, 192), (32, 96), 64),
    "4a": Channels(192, (96, 208), (16, 48), 64),
    "4b": Channels(160, (112, 224), (24, 64), 64),
    "4c": Channels(128, (128, 256), (24, 64), 64),
    "4d": Channels(112, (144, 288), (32, 64), 64),
    "4e": Channels(256, (160, 320), (32, 128), 128),
    "5a": Channels(256, (160, 320), (32, 128), 128),
    "5b": Channels(384, (192, 384), (48, 128), 128),
}
_POOL_AFTER = {"3b": 3, "4e": 2}  # side of the max pool, of stride 2


class GoogLeNet(nnx.Module):
    """A stem, nine inception blocks, an average over the image and a linear layer."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        self.conv1 = Convolution(card.input_shape[2], 64, 7, stride=2, padding=3, rngs=rngs)
        self.conv2 = Convolution(64, 64, 1, rngs=rngs)
        self.conv3 = Convolution(64, 192, 3, padding=1, rngs=rngs)
        inputs = 192
        for name, channels in INCEPTIONS.items():
            setattr(self, f"inception{name}", _Inception(inputs, channels, rngs))
            inputs = channels.outputs
        self.fc = nnx.Linear(inputs, card.outputs, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = max_pool(nn.relu(self.conv1(images)), 3, 2, ceil=True)
        x = nn.relu(self.conv3(nn.relu(self.conv2(x))))
        x = max_pool(x, 3, 2, ceil=True)
        for name in INCEPTIONS:
            x = getattr(self, f"inception{name}")(x)
            if name in _POOL_AFTER:
                x = max_pool(x, _POOL_AFTER[name], 2, ceil=True)
        return self.fc(x.mean(axis=(1, 2)))


class _Inception(nnx.Module):
    """Four branches on the same input, whose outputs are joined channel by channel."""

    def __init__(self, inputs: int, channels: Channels, rngs: nnx.Rngs):
        self.branch1 = Convolution(inputs, channels.branch1, 1, rngs=rngs)
        self.branch2 = _Reduced(inputs, *channels.branch2, rngs)
        self.branch3 = _Reduced(inputs, *channels.branch3, rngs)
        self.branch4 = Convolution(inputs, channels.branch4, 1, rngs=rngs)

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        pooled = max_pool(images, 3, 1, padding=1)
        branches = (
            nn.relu(self.branch1(images)),
            self.branch2(images),
            self.branch3(images),
            nn.relu(self.branch4(pooled)),
        )
        return jnp.concatenate(branches, axis=3)


class _Reduced(nnx.Module):
    """A 1x1 convolution to fewer channels, then a 3x3."""

    def __init__(self, inputs: int, reduced: int, outputs: int, rngs: nnx.Rngs):
        self.reduce = Convolution(inputs, reduced, 1, rngs=rngs)
        self.conv = Convolution(reduced, outputs, 3, padding=1, rngs=rngs)

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        return nn.relu(self.conv(nn.relu(self.reduce(images))))
