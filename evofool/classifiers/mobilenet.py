"""MobileNets: depthwise 3x3 convolutions, and 1x1 convolutions that mix the channels.

Any width and input size, padded as TensorFlow or as PyTorch does. Batch norm is expected folded
into the convolutions.

References:
    Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision
    applications", 2017, https://arxiv.org/abs/1704.04861
    Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018,
    https://arxiv.org/abs/1801.04381
"""

from flax import nnx
from jaxtyping import Array, Float

from evofool.classifiers.blocks import Convolution, Images, Outputs, Padding, relu6
from evofool.classifiers.card import Card

# (channels at width 1, stride of the depthwise convolution) of the blocks 1..13
_V1 = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)),
)


class MobileNetV1(nnx.Module):
    """A stem, thirteen separable convolutions, an average over the picture and a linear layer."""

    def __init__(self, card: Card, rngs: nnx.Rngs):
        padding: Padding = "SAME" if card.padding == "SAME" else 1
        channels = _v1_channels(32, card.width)
        self.conv0 = Convolution(
            card.input_shape[2], channels, 3, stride=2, padding=padding, rngs=rngs
        )
        for number, (wanted, stride) in enumerate(_V1, start=1):
            outputs = _v1_channels(wanted, card.width)
            block = _Separable(channels, outputs, stride=stride, padding=padding, rngs=rngs)
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


class _Separable(nnx.Module):
    """A depthwise and a 1x1 convolution, each with its ReLU6."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, padding: Padding, rngs: nnx.Rngs):
        self.dw = Convolution(
            inputs, inputs, 3, stride=stride, padding=padding, groups=inputs, rngs=rngs
        )
        self.pw = Convolution(inputs, outputs, 1, rngs=rngs)

    def __call__(self, images: Images) -> Outputs:
        return relu6(self.pw(relu6(self.dw(images))))


def _v1_channels(channels: int, width: float) -> int:
    """Scales a number of channels as TensorFlow's MobileNetV1 does: rounded down, at least 8."""
    return max(int(channels * width), 8)
