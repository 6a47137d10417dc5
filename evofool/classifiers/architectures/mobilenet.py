"""MobileNets: depthwise 3x3 convolutions, and 1x1 convolutions that mix the channels.

They work at every width and input size, with the padding of TensorFlow or of PyTorch. Batch norm
must be folded into the convolutions.

References:
    Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision
    applications", 2017, https://arxiv.org/abs/1704.04861
    Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018,
    https://arxiv.org/abs/1801.04381
"""

from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.architectures.convolution import (
    Convolution,
    FeatureMaps,
    OutputMaps,
    Padding,
    relu6,
)
from evofool.classifiers.card import Card

# (channels at width 1, stride of the depthwise convolution) of the blocks 1..13
_V1 = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)),
)

# (expansion, channels at width 1, blocks, stride of the first of them), the blocks 1..17
_V2 = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
_V2_LAST = 1280  # channels of the last convolution, at widths up to 1


class MobileNetV1(nnx.Module):
    """A stem, thirteen separable convolutions, an average over the image and a linear layer."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        padding = _padding(card)
        channels = _v1_channels(32, card.width)
        self.conv0 = Convolution(
            card.input_shape[2], channels, 3, stride=2, padding=padding, rngs=rngs
        )
        for number, (wanted, stride) in enumerate(_V1, start=1):
            outputs = _v1_channels(wanted, card.width)
            block = Separable(channels, outputs, stride=stride, padding=padding, rngs=rngs)
            setattr(self, f"block{number}", block)
            channels = outputs
        self.fc = nnx.Linear(channels, card.outputs, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = relu6(self.conv0(images))
        for number in range(1, len(_V1) + 1):
            x = getattr(self, f"block{number}")(x)
        return self.fc(x.mean(axis=(1, 2)))


class Separable(nnx.Module):
    """A depthwise and a 1x1 convolution, each with its ReLU6."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, padding: Padding, rngs: nnx.Rngs):
        self.dw = Convolution(
            inputs, inputs, 3, stride=stride, padding=padding, groups=inputs, rngs=rngs
        )
        self.pw = Convolution(inputs, outputs, 1, rngs=rngs)

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        """Applies the block."""
        return relu6(self.pw(relu6(self.dw(images))))


class MobileNetV2(nnx.Module):
    """A stem, seventeen inverted residual blocks, a 1x1 convolution, an average, a linear layer."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        padding = _padding(card)
        channels = _v2_channels(32 * card.width)
        self.conv0 = Convolution(
            card.input_shape[2], channels, 3, stride=2, padding=padding, rngs=rngs
        )
        layout = [
            (expansion, _v2_channels(wanted * card.width), stride if first else 1)
            for expansion, wanted, blocks, stride in _V2
            for first in [True] + [False] * (blocks - 1)
        ]
        self.num_blocks = len(layout)
        for number, (expansion, outputs, stride) in enumerate(layout, start=1):
            block = InvertedResidual(
                channels, outputs, expansion=expansion, stride=stride, padding=padding, rngs=rngs
            )
            setattr(self, f"block{number}", block)
            channels = outputs
        last = _v2_channels(_V2_LAST * max(1.0, card.width))
        self.conv_last = Convolution(channels, last, 1, rngs=rngs)
        self.fc = nnx.Linear(last, card.outputs, rngs=rngs)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch outputs"]:
        """Returns logits."""
        x = relu6(self.conv0(images))
        for number in range(1, self.num_blocks + 1):
            x = getattr(self, f"block{number}")(x)
        return self.fc(relu6(self.conv_last(x)).mean(axis=(1, 2)))


class InvertedResidual(nnx.Module):
    """Expands the channels, convolves each separately, and projects them to few, without ReLU6.

    The input is added where it has the shape of the output. With expansion 1 there is no first
    convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        expansion: int,
        stride: int,
        padding: Padding,
        rngs: nnx.Rngs,
    ):
        hidden = inputs * expansion
        if expansion > 1:
            self.expand = Convolution(inputs, hidden, 1, rngs=rngs)
        self.dw = Convolution(
            hidden, hidden, 3, stride=stride, padding=padding, groups=hidden, rngs=rngs
        )
        self.project = Convolution(hidden, outputs, 1, rngs=rngs)
        self.expands, self.adds_input = expansion > 1, stride == 1 and inputs == outputs

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        """Applies the block."""
        x = relu6(self.expand(images)) if self.expands else images
        x = self.project(relu6(self.dw(x)))
        return x + images if self.adds_input else x


def _padding(card: Card) -> Padding:
    return "SAME" if card.padding == "SAME" else 1


def _v1_channels(channels: int, width: float) -> int:
    """Scales a number of channels as TensorFlow's MobileNetV1 does: rounded down, at least 8."""
    return max(int(channels * width), 8)


def _v2_channels(channels: float) -> int:
    """Rounds to a multiple of 8, at least 8 and not more than a tenth below: MobileNetV2's rule."""
    rounded = max(int(channels + 4) // 8 * 8, 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
