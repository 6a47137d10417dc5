"""Layers that the ImageNet architectures share; all arrays are channels last.

`Convolution` holds a kernel `[height, width, inputs / groups, outputs]` and a bias. Uneven padding
follows the card: "SAME" as in TensorFlow, or a number of zeros on every side as in PyTorch.

XLA's CPU backend is fast for some shapes of convolutions only, so each layer is computed as suits
its shape: a 1x1 convolution is a matrix product over pixels; a depthwise convolution, and a small
one of few channels, is a sum of shifted images, in one pass (30 and 2 to 4 times as fast as XLA's);
a few groups are convolved one by one (4 times as fast); anything else is XLA's own operation.
docs/results/forward.md compares these and the other ways that were tried.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from evofool.classifiers.architectures.interleaving import counts, interleaved

FeatureMaps = Float[Array, "batch height width channels"]
OutputMaps = Float[Array, "batch output_height output_width outputs"]
Kernel = Float[Array, "kernel_height kernel_width group_inputs outputs"]
Zeros = tuple[tuple[int, int], tuple[int, int]]  # (above, below), (left, right)
Padding = Literal["SAME"] | int | Zeros

# Terms in a sum of shifted images (36: 3x3 over four channels) up to which it beats XLA.
FEW_TERMS = 36
FEW_CHANNELS = 4  # of an image, up to which gradients by one matrix product beat XLA
MANY_GROUPS = 32  # from which XLA convolves them all at once
NO_ZEROS: Zeros = ((0, 0), (0, 0))


class Convolution(nnx.Module):
    """A convolution with any stride and number of groups, and a bias.

    Args:
        inputs: channels in.
        outputs: channels out.
        size: side of the kernel.
        stride: step between outputs.
        padding: zeros on every side, or "SAME".
        groups: number of groups that the channels are divided into, convolved separately; as many
            as channels for a depthwise convolution.
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
        self.stride, self.groups = stride, groups
        self.padding: Padding = padding

    def __call__(self, images: FeatureMaps) -> OutputMaps:
        """Applies the layer."""
        return self.bias[...] + convolve(
            images,
            self.kernel[...],
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
        )


def convolve(
    images: FeatureMaps, kernel: Kernel, *, stride: int = 1, padding: Padding = 0, groups: int = 1
) -> OutputMaps:
    """Convolves in the way that is fastest for the shapes.

    Args:
        images: the values.
        kernel: not flipped, as is usual in networks.
        stride: step between outputs.
        padding: zeros on every side, "SAME", or the zeros (above, below) and (left, right).
        groups: number of groups of channels, convolved separately.
    """
    rows, columns, group_inputs, outputs = kernel.shape
    if isinstance(padding, tuple):
        height, width = padding
    else:
        height = _zeros(images.shape[1], rows, stride, padding)
        width = _zeros(images.shape[2], columns, stride, padding)
    zeros = ((0, 0), height, width, (0, 0))
    if rows == columns == stride == groups == 1:
        return jnp.pad(images, zeros) @ kernel[0, 0]
    if group_inputs == 1 and groups == outputs:
        return _convolve_each(jnp.pad(images, zeros), kernel, stride)
    if groups > 1:
        pairs = zip(*(jnp.split(array, groups, axis=3) for array in (images, kernel)), strict=True)
        parts = [convolve(part, factors, stride=stride, padding=padding) for part, factors in pairs]
        return jnp.concatenate(parts, axis=3)
    if rows * columns * group_inputs <= FEW_TERMS:
        return _convolve_few(jnp.pad(images, zeros), kernel, stride)
    return _convolve_by_xla(images, kernel, stride, (height, width))


def convolve_any(
    images: Float[Array, "batch *sides channels"],
    kernel: Float[Array, "*size group_inputs outputs"],
    *,
    strides: Sequence[int],
    zeros: Sequence[tuple[int, int]],
    dilations: Sequence[int],
    groups: int,
) -> Float[Array, "batch *output_sides outputs"]:
    """Convolves maps of any number of sides: as `convolve` where that can, else by XLA.

    Args:
        images: the values.
        kernel: not flipped.
        strides: step between outputs along each side.
        zeros: before and after each side; below 0, rows or columns are left out.
        dilations: steps between the values that meet the kernel.
        groups: number of groups of channels, convolved separately.
    """
    if any(zero < 0 for pair in zeros for zero in pair):
        # Not left to XLA: on CPUs it reads beyond the images then, in this order of the axes.
        cuts = [(min(before, 0), min(after, 0), 0) for before, after in zeros]
        nothing = jnp.zeros((), images.dtype)
        images = lax.pad(images, nothing, [(0, 0, 0), *cuts, (0, 0, 0)])
        zeros = [(max(before, 0), max(after, 0)) for before, after in zeros]
    sides, outputs = images.ndim - 2, kernel.shape[-1]
    is_depthwise = kernel.shape[-2] == 1 and groups > 1
    is_known = sides == 2 and len(set(strides)) == 1 and set(dilations) == {1}
    if is_known and (groups < MANY_GROUPS or is_depthwise):
        if is_depthwise and groups < outputs:  # several outputs of each channel
            images, groups = jnp.repeat(images, outputs // groups, axis=-1), outputs
        padding = (zeros[0], zeros[1])
        return convolve(images, kernel, stride=strides[0], padding=padding, groups=groups)
    letters = "".join(chr(ord("a") + side) for side in range(sides))
    return lax.conv_general_dilated(
        images,
        kernel,
        strides,
        zeros,
        rhs_dilation=dilations,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve_by_xla(
    images: FeatureMaps, kernel: Kernel, stride: int, padding: Zeros
) -> OutputMaps:
    """Convolves by XLA's operation.

    Its image gradient is made of the same operation: the one that JAX derives has its channels in
    another order, in which XLA's CPU backend takes up to 20 times as long within a loop.
    """
    return _by_xla(images, kernel, stride, padding)


def _by_xla(images: FeatureMaps, kernel: Kernel, stride: int, padding: Zeros) -> OutputMaps:
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        images, kernel, (stride, stride), padding, dimension_numbers=numbers
    )


def _gradients_by_xla(
    stride: int, padding: Zeros, arrays: tuple[FeatureMaps, Kernel], gradient: OutputMaps
) -> tuple[FeatureMaps, Kernel]:
    images, kernel = arrays
    _, of_kernel = jax.vjp(lambda kernel: _by_xla(images, kernel, stride, padding), kernel)

    def convolve_once(gradient: Array, part: Array) -> Array:
        part = part.swapaxes(2, 3)
        if part.shape[3] <= FEW_CHANNELS:
            return _sum_of_products(gradient, part)
        return _by_xla(gradient, part, 1, NO_ZEROS)

    (above, below), (left, right) = padding
    batch, rows, columns, channels = images.shape
    shape = (batch, above + rows + below, left + columns + right, channels)
    of_padded = _image_gradient(shape, kernel, stride, gradient, convolve_once)
    of_images = of_padded[:, above : above + rows, left : left + columns]
    return of_images, of_kernel(gradient)[0]


def _sum_of_products(images: FeatureMaps, kernel: Kernel) -> OutputMaps:
    """Convolves padded images to few channels: one matrix product, whose parts are then shifted."""
    height, width, inputs, outputs = kernel.shape
    products = images @ kernel.transpose(2, 0, 1, 3).reshape(inputs, -1)
    batch, rows, columns, _ = products.shape
    result = jnp.zeros(())
    for i in range(height):
        for j in range(width):
            first = (i * width + j) * outputs
            end = (batch, rows - height + i + 1, columns - width + j + 1, first + outputs)
            result = result + lax.slice(products, (0, i, j, first), end)
    return result


_convolve_by_xla.defvjp(
    lambda images, kernel, stride, padding: (
        _by_xla(images, kernel, stride, padding),
        (images, kernel),
    ),
    _gradients_by_xla,
)


def _zeros(side: int, size: int, stride: int, padding: Literal["SAME"] | int) -> tuple[int, int]:
    """Returns the zeros before and after a side; "SAME" puts the odd one after."""
    if padding != "SAME":
        return padding, padding
    total = max((-(-side // stride) - 1) * stride + size - side, 0)
    return total // 2, total - total // 2


def _sum_of_shifts(images: FeatureMaps, kernel: Kernel, stride: int) -> OutputMaps:
    """Convolves padded images; their channels form one group, or a group each."""
    # Without the barrier XLA computes the padding, and what comes before it, for every shift.
    images = lax.optimization_barrier(images)
    batch, rows, columns, channels = images.shape
    height, width, group_inputs, _ = kernel.shape
    result = jnp.zeros(())
    for i in range(height):
        for j in range(width):
            # the last row and column that this pixel of the kernel meets
            end = (batch, rows - height + i + 1, columns - width + j + 1, channels)
            shifted = lax.slice(images, (0, i, j, 0), end, (1, stride, stride, 1))
            parts = jnp.split(shifted, group_inputs, axis=-1)
            for part, factors in zip(parts, kernel[i, j], strict=True):
                result = result + part * factors
    return result


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve_each(images: FeatureMaps, kernel: Kernel, stride: int) -> OutputMaps:
    """Convolves channels separately; the image gradient is a sum of shifts too."""
    return _sum_of_shifts(images, kernel, stride)


def _gradients_of_each(
    stride: int, arrays: tuple[FeatureMaps, Kernel], gradient: OutputMaps
) -> tuple[FeatureMaps, Kernel]:
    images, kernel = arrays
    # Without the barrier XLA computes the gradient, and what comes before it, for every shift.
    gradient = lax.optimization_barrier(gradient)

    def add(total: Kernel, pair: tuple[Array, Array]) -> tuple[Kernel, None]:
        image, gradient = pair
        _, vjp = jax.vjp(lambda kernel: _sum_of_shifts(image[None], kernel, stride), kernel)
        return total + vjp(gradient[None])[0], None

    # One image after the other: a whole batch outgrows the caches and takes three times as long.
    of_kernel, _ = lax.scan(add, jnp.zeros_like(kernel), (images, gradient))

    def convolve_once(gradient: FeatureMaps, part: Kernel) -> OutputMaps:
        return _sum_of_shifts(gradient, part, 1)

    return _image_gradient(images.shape, kernel, stride, gradient, convolve_once), of_kernel


_convolve_each.defvjp(
    lambda images, kernel, stride: (_sum_of_shifts(images, kernel, stride), (images, kernel)),
    _gradients_of_each,
)


def _image_gradient(
    shape: tuple[int, ...],
    kernel: Kernel,
    stride: int,
    gradient: OutputMaps,
    convolve_once: Callable[[FeatureMaps, Kernel], OutputMaps],
) -> FeatureMaps:
    """Convolves the gradient with the flipped kernel, for padded images of a shape.

    Within a step of the stride a pixel has one of stride x stride places. The pixels at the same
    place meet the same part of the kernel: their gradients are computed together.
    """
    steps = counts(shape, (stride, stride))

    def at(row: int, column: int) -> FeatureMaps:
        part = kernel[row::stride, column::stride][::-1, ::-1]
        if not part.size:  # a stride beyond the kernel leaves pixels out
            return jnp.zeros((shape[0], *steps, shape[3]))
        zeros = [
            (taps - 1, count - side)
            for taps, count, side in zip(part.shape[:2], steps, gradient.shape[1:3], strict=True)
        ]
        return convolve_once(jnp.pad(gradient, ((0, 0), *zeros, (0, 0))), part)

    return interleaved(shape, (stride, stride), at)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve_few(images: FeatureMaps, kernel: Kernel, stride: int) -> OutputMaps:
    """Convolves by a sum of shifts, with the faster gradients of XLA's convolution."""
    return _sum_of_shifts(images, kernel, stride)


_convolve_few.defvjp(
    lambda images, kernel, stride: (
        _sum_of_shifts(images, kernel, stride),
        (images, kernel),
    ),
    lambda stride, arrays, gradient: _gradients_by_xla(stride, NO_ZEROS, arrays, gradient),
)


def relu6(images: FeatureMaps) -> FeatureMaps:
    """Clips values to 0..6."""
    return jnp.clip(images, 0.0, 6.0)
