"""ResNet-18 and ResNet-50 of torchvision and timm, with batch norm folded.

In the bottleneck the 3x3 convolution has the stride, not the first 1x1 ("v1.5").

References:
    He et al., "Deep residual learning for image recognition", 2015,
    https://arxiv.org/abs/1512.03385
    `torchvision/models/resnet.py`
"""

from typing import NamedTuple

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

DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}  # blocks of the four stages


class Place(NamedTuple):
    """The place of a block in the network: block `index` (from 0) of stage `stage` (1..4)."""

    stage: int
    index: int

    @property
    def stride(self) -> int:
        """2 in the first block of stages 2 to 4, which halves the image; else 1."""
        return 2 if self.stage > 1 and self.index == 0 else 1

    @property
    def channels(self) -> int:
        """Channels of its 3x3 convolutions."""
        return 64 * 2 ** (self.stage - 1)


def places(family: str) -> list[Place]:
    """Returns the places of a ResNet's blocks, in order: of `block1`, `block2`, ..."""
    return [
        Place(stage, index)
        for stage, depth in enumerate(DEPTHS[family], start=1)
        for index in range(depth)
    ]


class ResNet(nnx.Module):
    """A stem, residual blocks in four stages, an average over the image and a linear layer."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        block = Basic if card.family == "resnet18" else Bottleneck
        self.conv1 = Convolution(card.input_shape[2], 64, 7, stride=2, padding=3, rngs=rngs)
        inputs = 64
        for number, place in enumerate(places(card.family), start=1):
            setattr(self, f"block{number}", block(inputs, place, rngs))
            inputs = place.channels * block.expansion
        self.fc = nnx.Linear(inputs, card.outputs, rngs=rngs)
        self.blocks = len(places(card.family))

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = max_pool(nn.relu(self.conv1(images)), 3, 2, padding=1)
        for number in range(1, self.blocks + 1):
            x = getattr(self, f"block{number}")(x)
        return self.fc(x.mean(axis=(1, 2)))


class Basic(nnx.Module):
    """Two 3x3 convolutions, added to the input."""

    expansion = 1

    def __init__(self, inputs: int, place: Place, rngs: nnx.Rngs):
        channels, stride = place.channels, place.stride
        self.conv1 = Convolution(inputs, channels, 3, stride=stride, padding=1, rngs=rngs)
        self.conv2 = Convolution(channels, channels, 3, padding=1, rngs=rngs)
        self.shortcut = _shortcut(inputs, channels, stride, rngs)

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        """Applies the block."""
        x = self.conv2(nn.relu(self.conv1(images)))
        return nn.relu(x + (self.shortcut(images) if self.shortcut else images))


class Bottleneck(nnx.Module):
    """A 1x1 convolution to fewer channels, a 3x3 and a 1x1 convolution, added to the input."""

    expansion = 4

    def __init__(self, inputs: int, place: Place, rngs: nnx.Rngs):
        channels, stride = place.channels, place.stride
        outputs = channels * self.expansion
        self.conv1 = Convolution(inputs, channels, 1, rngs=rngs)
        self.conv2 = Convolution(channels, channels, 3, stride=stride, padding=1, rngs=rngs)
        self.conv3 = Convolution(channels, outputs, 1, rngs=rngs)
        self.shortcut = _shortcut(inputs, outputs, stride, rngs)

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        """Applies the block."""
        x = self.conv3(nn.relu(self.conv2(nn.relu(self.conv1(images)))))
        return nn.relu(x + (self.shortcut(images) if self.shortcut else images))


def _shortcut(inputs: int, outputs: int, stride: int, rngs: nnx.Rngs) -> Convolution | None:
    """Returns a convolution that gives the input the shape of the outputs; None where it has it."""
    if inputs == outputs and stride == 1:
        return None
    return Convolution(inputs, outputs, 1, stride=stride, rngs=rngs)
