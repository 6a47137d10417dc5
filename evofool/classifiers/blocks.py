"""Layers that the ImageNet architectures share; all arrays are channels last.

`Convolution` holds a kernel `[height, width, inputs / groups, outputs]` and a bias. Uneven padding
follows the card: "SAME" as in TensorFlow, or a number of zeros on every side as in PyTorch.
"""

from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

Images = Float[Array, "batch height width channels"]
Padding = Literal["SAME"] | int


class Convolution(nnx.Module):
    """A convolution with any stride and number of groups, and a bias.

    Args:
        inputs: channels in.
        outputs: channels out.
        size: side of the kernel.
        stride: step between outputs.
        padding: zeros on every side, or "SAME".
        groups: the channels are cut into so many groups that do not see each other; as many as
            channels for a depthwise convolution.
        rngs: for the initial values: normal, with variance 2 / fan-in (He).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        padding: Padding = 0,
        groups: int = 1,
        rngs: nnx.Rngs,
    ):
        shape = (size, size, inputs // groups, outputs)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(outputs))
        self.stride, self.padding, self.groups = stride, padding, groups

    def __call__(self, images: Images) -> Images:
        """Applies the layer."""
        padding = self.padding if self.padding == "SAME" else [(self.padding,) * 2] * 2
        result = lax.conv_general_dilated(
            images,
            self.kernel[...],
            (self.stride, self.stride),
            padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=self.groups,
        )
        return result + self.bias[...]


def max_pool(
    images: Images, size: int, stride: int, *, padding: int = 0, ceil: bool = False
) -> Images:
    """Takes the maximum over windows.

    Args:
        images: the values.
        size: side of the windows.
        stride: step between them.
        padding: rows of minus infinity on every side.
        ceil: also use windows that stick out below or right, as Caffe does.
    """
    pads: Sequence[tuple[int, int]] = [(0, 0)]
    for side in images.shape[1:3]:
        extra = -(side + 2 * padding - size) % stride if ceil else 0
        pads = [*pads, (padding, padding + extra)]
    return lax.reduce_window(
        images, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), [*pads, (0, 0)]
    )
