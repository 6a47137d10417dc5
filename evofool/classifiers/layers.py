"""Convolution and max pooling, fast on CPUs in both directions.

Forward, they are XLA's own operations, which its CPU backend fuses with whatever surrounds them;
nothing tried was faster. XLA's CPU gradients, however, cost 7 to 11 forward passes, and ten times
that inside a scan. Under differentiation the same result, up to the last bits of float32, is
therefore formulated in one of two other ways:

* **padded** convolutions (of networks for photographs): both gradients are written as plain
  forward convolutions of arrays that were flipped and transposed beforehand, and cost about one
  forward pass each. XLA derives the same ones, but runs flips and transposes inside slow loops.
  A step of the CIFAR network costs 3 to 4 forward passes.
* **unpadded** ones with few channels (of the LeNet): one matrix product over blocks of pixels (see
  `pixel_blocks`), whose gradients are matrix products too. A step costs 3 forward passes.

`scripts/benchmark_training.py` measures both and others.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from evofool.classifiers.pixel_blocks import block_side, convolve_blocks

# The gradient of a kernel is summed over parts of the batch, which stay in the caches: by parts
# of 8 it costs 1.2 to 1.6 forward passes, by 64 up to 4.6.
PART = 8


class Conv(nnx.Module):
    """A convolution layer: `kernel` [size, size, inputs, outputs] and `bias` [outputs].

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
    return _max_pool(_convolve(images, kernel, padding) + bias[None, None, None], pool)


def _differentiable(
    padding: int,
    pool: int,
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "batch pooled_height pooled_width outputs"]:
    """Computes `convolve` from operations whose gradients are fast."""
    block = None if padding else block_side(images.shape[1:], len(kernel), pool)
    if block is not None:
        return convolve_blocks(block, pool, images, kernel, bias)
    sums = _convolve(images, kernel, padding)
    batch, height, width, outputs = sums.shape
    windows = sums.reshape(batch, height // pool, pool, width // pool, pool, outputs)
    return jnp.max(windows, axis=(2, 4)) + bias[None, None, None]


convolve.defvjp(
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


def _convolve_by_xla(
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "kernel_height kernel_width inputs outputs"],
    padding: int,
) -> Float[Array, "batch new_height new_width outputs"]:
    """Convolves by XLA's own operation."""
    return lax.conv_general_dilated(
        images, kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _convolve_gradients(
    padding: int,
    arrays: tuple[
        Float[Array, "batch height width inputs"], Float[Array, "size size inputs outputs"]
    ],
    gradient: Float[Array, "batch new_height new_width outputs"],
) -> tuple[Float[Array, "batch height width inputs"], Float[Array, "size size inputs outputs"]]:
    """Gives the gradients of `_convolve` for images and kernel, as convolutions."""
    images, kernel = arrays
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    return (
        _convolve(gradient, flipped, len(kernel) - 1 - padding),
        _kernel_gradient(images, gradient, padding),
    )


_convolve = jax.custom_vjp(_convolve_by_xla, nondiff_argnums=(2,))
_convolve.defvjp(
    lambda images, kernel, padding: (_convolve(images, kernel, padding), (images, kernel)),
    _convolve_gradients,
)


def _kernel_gradient(
    images: Float[Array, "batch height width inputs"],
    gradient: Float[Array, "batch new_height new_width outputs"],
    padding: int,
) -> Float[Array, "size size inputs outputs"]:
    """Convolves the images with the output gradient: batch and channels change places."""

    def add(total, part):
        images, gradient = part
        turned = _convolve(images.transpose(3, 1, 2, 0), gradient.transpose(1, 2, 0, 3), padding)
        return total + turned, None

    missing = -len(images) % PART
    parts = [
        jnp.pad(array, ((0, missing), (0, 0), (0, 0), (0, 0))).reshape(-1, PART, *array.shape[1:])
        for array in (images, gradient)
    ]
    size = images.shape[1] + 2 * padding - gradient.shape[1] + 1
    zeros = jnp.zeros((images.shape[3], size, size, gradient.shape[3]))
    total, _ = lax.scan(add, zeros, tuple(parts))
    return total.transpose(1, 2, 0, 3)
