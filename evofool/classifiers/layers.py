"""Convolution and max pooling, fast on CPUs in both directions.

A convolution has two formulations with one result (up to the last bits of float32):

* **forward only**: XLA's own convolution and pooling, which its CPU backend fuses, with whatever
  surrounds them, into one pass over the batch. Nothing tried was faster.
* **under differentiation**: XLA's CPU gradients of a LeNet cost 7 to 11 forward passes, and ten
  times that inside a scan. Here the convolution becomes one matrix product over blocks of pixels
  instead, whose gradients are matrix products too, and a step costs 3 forward passes. A block of
  s x s outputs needs a window of k+s-1 inputs; its matrix holds the kernel s*s times, shifted.
  That is more arithmetic (1.44 times for k=5, s=2), but in long, contiguous rows, and pooling
  windows lie within one row of the product. Batches whose windows outgrow the caches (256 digits)
  gain less.

`scripts/benchmark_training.py` measures both and two more.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

FEW_CHANNELS = 4  # up to here blocks of 4x4 pay; above, the shifted kernels waste too much


class Conv(nnx.Module):
    """A convolution layer: `kernel` [size, size, inputs, outputs] and `bias` [outputs].

    Args:
        inputs: channels in.
        outputs: channels out.
        size: side of the kernel.
        rngs: for the initial values: normal, with variance 1 / (size * size * inputs).
        padding: zeros added on every side.
        pool: side of the max-pooling windows that follow; 1 for none.
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
    ):
        shape = (size, size, inputs, outputs)
        self.kernel = nnx.Param(nnx.initializers.lecun_normal()(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(outputs))
        self.padding, self.pool = padding, pool

    def __call__(
        self, images: Float[Array, "batch height width inputs"]
    ) -> Float[Array, "batch pooled_height pooled_width outputs"]:
        """Applies the layer, pooling included."""
        return convolve(images, self.kernel[...], self.bias[...], self.padding, self.pool)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def convolve(
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
    return _convolve(padding, pool, images, kernel, bias)


def _convolve(
    padding: int,
    pool: int,
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Computes `convolve` by XLA's own operations."""
    result = bias[None, None, None] + lax.conv_general_dilated(
        images, kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    if pool == 1:
        return result
    window = (1, pool, pool, 1)
    return lax.reduce_window(result, -jnp.inf, lax.max, window, window, "VALID")


def _convolve_blocks(
    padding: int,
    pool: int,
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Computes `convolve` by one matrix product, with gradients that are products as well."""
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    block = _block_side(images.shape[1:], len(kernel), pool)
    if block is None:
        return _convolve(0, pool, images, kernel, bias)
    blocks = _to_blocks(images, block)
    span = (len(kernel) - 1) // block + 1  # blocks across a window
    rows, columns = (side - span + 1 for side in blocks.shape[1:3])
    windows = jnp.concatenate(
        [blocks[:, i : i + rows, j : j + columns] for i in range(span) for j in range(span)], -1
    )
    product = windows.reshape(-1, windows.shape[-1]) @ _block_matrix(kernel, block, pool)
    side = block // pool
    pooled = jnp.max(product.reshape(len(product), pool * pool, -1), axis=1)
    pooled = pooled + jnp.tile(bias, side * side)[None]
    return _from_blocks(pooled.reshape(len(images), rows, columns, -1), side)


convolve.defvjp(
    lambda images, kernel, bias, padding, pool: jax.vjp(
        partial(_convolve_blocks, padding, pool), images, kernel, bias
    ),
    lambda padding, pool, vjp, gradient: vjp(gradient),
)


def _block_side(shape: tuple[int, ...], size: int, pool: int) -> int | None:
    """Picks the side of a block, or None where blocks do not come out even.

    It divides the sides of the image (height, width, channels) and `size - 1`, and is a multiple
    of `pool`.
    """
    for side in (4 if shape[2] <= FEW_CHANNELS else 2, 2, 1):
        if not (shape[0] % side or shape[1] % side or (size - 1) % side or side % pool):
            return side
    return None


def _to_blocks(
    images: Float[Array, "batch height width channels"], side: int
) -> Float[Array, "batch rows columns values"]:
    """Gathers blocks of side x side pixels into rows of side * side * channels values."""
    batch, height, width, channels = images.shape
    split = images.reshape(batch, height // side, side, width // side, side, channels)
    return split.swapaxes(2, 3).reshape(batch, height // side, width // side, -1)


def _from_blocks(
    blocks: Float[Array, "batch rows columns values"], side: int
) -> Float[Array, "batch height width channels"]:
    """Undoes `_to_blocks`."""
    batch, rows, columns, _ = blocks.shape
    split = blocks.reshape(batch, rows, columns, side, side, -1)
    return split.swapaxes(2, 3).reshape(batch, rows * side, columns * side, -1)


def _block_matrix(
    kernel: Float[Array, "size size inputs outputs"], block: int, pool: int
) -> Float[Array, "window_values block_outputs"]:
    """Builds the matrix from a window of blocks to the block x block outputs that it determines.

    Its rows are ordered like a window: blocks, then pixels in the block, then channels. Its
    columns: place in the pooling window, pooling window, channel.
    """
    size, _, inputs, outputs = kernel.shape
    span, side = (size - 1) // block + 1, block // pool
    shifted = [
        jnp.pad(kernel, ((i, block - 1 - i), (j, block - 1 - j), (0, 0), (0, 0)))
        for i in range(block)
        for j in range(block)
    ]
    matrix = jnp.stack(shifted, axis=3).reshape(
        span, block, span, block, inputs, side, pool, side, pool, outputs
    )
    matrix = matrix.transpose(0, 2, 1, 3, 4, 6, 8, 5, 7, 9)
    return matrix.reshape(span * span * block * block * inputs, block * block * outputs)
