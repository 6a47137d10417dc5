"""Convolution and max pooling as one matrix product over blocks of pixels.

The gradients of a matrix product are matrix products too, which XLA computes fast on a CPU; for
the few channels of a LeNet nothing that was tried is faster. A block of s x s outputs needs a
window of k+s-1 inputs; its matrix holds the kernel s*s times, shifted. That is more arithmetic
(1.44 times for k=5, s=2), but in long, contiguous rows, and every pooling window lies within one
row of the product. Batches whose windows outgrow the caches (256 digits) gain less.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

FEW_CHANNELS = 4  # up to which blocks of 4x4 pay; with more, too many products are with zeros


def block_side(shape: tuple[int, ...], size: int, pool: int) -> int | None:
    """Returns the side of a block, or None where no blocks cover the image evenly.

    Args:
        shape: height, width, channels of the images.
        size: side of the kernel.
        pool: side of the pooling windows.

    Returns:
        A divisor of the height, the width and `size - 1`, and a multiple of `pool`.
    """
    for side in (4 if shape[2] <= FEW_CHANNELS else 2, 2, 1):
        if not (shape[0] % side or shape[1] % side or (size - 1) % side or side % pool):
            return side
    return None


def convolve_blocks(
    block: int,
    pool: int,
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Convolves without padding, adds the bias, and takes the maximum over pooling windows.

    Args:
        block: from `block_side`.
        pool: side of the pooling windows, which do not overlap; 1 for none.
        images: any batch of channels-last arrays.
        kernel: not flipped.
        bias: added per output channel.
    """
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
    """Returns the matrix that maps a window of blocks to its block x block outputs.

    The order of its rows is that of a window: blocks, pixels in the block, channels. The order of
    its columns is: place in the pooling window, pooling window, channel.
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
