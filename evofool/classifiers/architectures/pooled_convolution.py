"""The layer of the networks that are trained here: convolution and max pooling, fast to train.

Forward, both are XLA's own operations; nothing that was tried is faster. XLA's gradients on a CPU,
however, cost 7 to 11 forward passes, and ten times that inside a scan. Under differentiation the
same result, up to the last bits of float32, is therefore computed in one of two other ways:

* **by parts** of the batch, which stay in the caches: both gradients are plain forward
  convolutions of arrays that are flipped and transposed beforehand, and cost one to two forward
  passes each. XLA derives the same convolutions, but flips and transposes inside slow loops.
* **by blocks**, for unpadded convolutions of small images (in the LeNet): one matrix product over
  blocks of pixels (see `pixel_blocks`), whose gradients are matrix products too.

`scripts/benchmark_training.py` measures both and others.
"""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from evofool.classifiers.architectures.pixel_blocks import block_side, convolve_blocks

# Images that are differentiated at a time: in parts of 8 the gradient of a kernel costs 1.2 to 1.6
# forward passes, in parts of 64 up to 4.6.
PART_SIZE = 8
BLOCKS_UP_TO = 4096  # values in an image; for larger ones parts of the batch are faster than blocks


class PooledConvolution(nnx.Module):
    """A convolution of stride 1, then max pooling.

    It holds a kernel `[size, size, inputs, outputs]` and a bias `[outputs]`.

    Args:
        inputs: channels in.
        outputs: channels out.
        size: side of the kernel.
        rngs: for the initial values.
        padding: zeros added on every side.
        pool: side of the max-pooling windows that follow; 1 for none.
        kernel_init: distribution of the initial kernel; where a ReLU follows, `he_normal` keeps
            the scale of values from layer to layer.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        rngs: nnx.Rngs,
        padding: int = 0,
        pool: int = 1,
        kernel_init: nnx.Initializer = nnx.initializers.lecun_normal(),  # noqa: B008
    ):
        self.kernel = nnx.Param(kernel_init(rngs.params(), (size, size, inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs))
        self.padding, self.pool = padding, pool

    def __call__(
        self, images: Float[Array, "batch height width inputs"]
    ) -> Float[Array, "batch pooled_height pooled_width outputs"]:
        """Applies the layer, pooling included."""
        return convolve_and_pool(images, self.kernel[...], self.bias[...], self.padding, self.pool)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def convolve_and_pool(
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    bias: Float[Array, " outputs"],
    padding: int = 0,
    pool: int = 1,
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Convolves with stride 1, adds the bias, and takes the maximum over pooling windows.

    Differentiable once in reverse mode, with respect to all three arrays. Where several values
    of a pooling window are the largest, they share its gradient equally.

    Args:
        images: any batch of channels-last arrays.
        kernel: not flipped, as is usual in networks.
        bias: added per output channel.
        padding: zeros added on every side.
        pool: side of the pooling windows, which do not overlap; 1 for none.

    Raises:
        ValueError: the convolution's height or width is no multiple of `pool`.
    """
    height, width = (side + 2 * padding - len(kernel) + 1 for side in images.shape[1:3])
    if height % pool or width % pool:
        raise ValueError(
            f"a convolution of {height}x{width} cannot be pooled by {pool}: expected multiples"
        )
    return _max_pool(_convolve(images, kernel, padding) + bias[None, None, None], pool)


def _differentiable(
    padding: int,
    pool: int,
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Computes `convolve_and_pool` from operations whose gradients are fast."""
    is_small = images[0].size <= BLOCKS_UP_TO and not padding
    block = block_side(images.shape[1:], len(kernel), pool) if is_small else None
    if block is not None:
        return convolve_blocks(block, pool, images, kernel, bias)
    # the type of `custom_vjp` does not tell what the function returns
    sums = cast(Array, _convolve_by_parts(images, kernel, padding, pool))
    return sums + bias[None, None, None]


convolve_and_pool.defvjp(
    lambda images, kernel, bias, padding, pool: jax.vjp(
        partial(_differentiable, padding, pool), images, kernel, bias
    ),
    lambda padding, pool, vjp, gradient: vjp(gradient),
)


def _max_pool(
    values: Float[Array, "batch height width channels"], pool: int
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    """Takes the maximum over windows."""
    if pool == 1:
        return values
    window = (1, pool, pool, 1)
    return lax.reduce_window(values, -jnp.inf, lax.max, window, window, "VALID")


def _convolve(
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "kernel_height kernel_width inputs outputs"],
    padding: int,
) -> Float[Array, "batch new_height new_width outputs"]:
    """Convolves by XLA's own operation."""
    return lax.conv_general_dilated(
        images, kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve_by_parts(
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    padding: int,
    pool: int,
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Convolves and pools, `PART_SIZE` images at a time."""
    return _forward_by_parts(images, kernel, padding, pool)[0]


def _forward_by_parts(images, kernel, padding, pool):
    """Also returns, for the gradients, which values are the largest of their windows."""

    def convolve_part(part):
        windows = _to_windows(_convolve(part, kernel, padding), pool)
        pooled = jnp.max(windows, axis=(2, 4), keepdims=True)
        return pooled[:, :, 0, :, 0], windows == pooled

    pooled, is_largest = lax.map(convolve_part, _in_parts(images))
    return _joined(pooled, len(images)), (images, kernel, is_largest)


def _backward_by_parts(padding, pool, residuals, gradient):
    """Returns the gradients for images and kernel, computed as convolutions."""
    images, kernel, is_largest = residuals
    size = len(kernel)
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)

    def differentiate_part(total, parts):
        images, is_largest, gradient = parts
        count = sum(is_largest[:, :, i, :, j] for i in range(pool) for j in range(pool))
        share = (gradient / count)[:, :, None, :, None]
        sums = _from_windows(jnp.where(is_largest, share, 0.0))
        # Without the barrier XLA computes the sums in both convolutions, value by value.
        sums = lax.optimization_barrier(sums)
        # The kernel's gradient sums over the batch, so batch and channels change places.
        of_kernel = _convolve(images.transpose(3, 1, 2, 0), sums.transpose(1, 2, 0, 3), padding)
        return total + of_kernel, _convolve(sums, flipped, size - 1 - padding)

    zeros = jnp.zeros((kernel.shape[2], size, size, kernel.shape[3]))
    parts = (_in_parts(images), is_largest, _in_parts(gradient))
    total, to_images = lax.scan(differentiate_part, zeros, parts)
    return _joined(to_images, len(images)), total.transpose(1, 2, 0, 3)


_convolve_by_parts.defvjp(_forward_by_parts, _backward_by_parts)


def _to_windows(values, pool):
    """Splits height and width: [batch, rows, pool, columns, pool, channels]."""
    batch, height, width, channels = values.shape
    return values.reshape(batch, height // pool, pool, width // pool, pool, channels)


def _from_windows(windows):
    """Undoes `_to_windows`."""
    batch, rows, pool, columns, _, channels = windows.shape
    return windows.reshape(batch, rows * pool, columns * pool, channels)


def _in_parts(array):
    """Cuts a batch into parts of `PART_SIZE`; zeros fill up the last part."""
    missing = -len(array) % PART_SIZE
    filled = jnp.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1)))
    return filled.reshape(-1, PART_SIZE, *array.shape[1:])


def _joined(parts, number):
    """Undoes `_in_parts` for a batch of `number` images."""
    return parts.reshape(-1, *parts.shape[2:])[:number]
