import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers.architectures.pooled_convolution import convolve_and_pool
from tests.evofool.classifiers import reference

# images, kernel, padding, pool: the layers of the LeNet, of a CIFAR network, and odd ones
CASES = {
    "one channel, blocks of four": ((2, 12, 16, 1), (5, 5, 1, 3), 0, 2),
    "blocks of two": ((2, 12, 12, 6), (5, 5, 6, 4), 0, 2),
    "padded, without pooling": ((2, 6, 8, 5), (3, 3, 5, 4), 1, 1),
    "padded and pooled": ((1, 8, 8, 3), (3, 3, 3, 4), 1, 2),
    "odd sides, no blocks": ((2, 7, 5, 2), (3, 3, 2, 3), 0, 1),
    "no blocks that fit the pooling": ((2, 7, 7, 2), (2, 2, 2, 3), 0, 2),
    "one by one": ((2, 4, 6, 3), (1, 1, 3, 5), 0, 2),
    "more images than a part of the kernel's gradient": ((11, 4, 6, 2), (3, 3, 2, 3), 1, 2),
    "padded by more than the kernel reaches": ((2, 4, 6, 2), (3, 3, 2, 3), 3, 1),
}


def arrays(case: str) -> tuple[jax.Array, jax.Array, jax.Array, int, int]:
    images, kernel, padding, pool = CASES[case]
    keys = jax.random.split(jax.random.key(0), 3)
    drawn = (
        jax.random.normal(k, s) for k, s in zip(keys, (images, kernel, kernel[3:]), strict=True)
    )
    return *drawn, padding, pool


def by_xla(images, kernel, bias, padding, pool):
    """The same from operations whose gradients are JAX's own."""
    result = bias[None, None, None] + jax.lax.conv_general_dilated(
        images, kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    window = (1, pool, pool, 1)
    return jax.lax.reduce_window(result, -jnp.inf, jax.lax.max, window, window, "VALID")


@pytest.mark.parametrize("case", CASES)
def test_convolution_equals_the_oracle(case):
    images, *others = arrays(case)
    found = jax.jit(convolve_and_pool, static_argnums=(3, 4))(images, *others)
    expected = [
        reference.convolved(np.asarray(image), *map(np.asarray, others)) for image in images
    ]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradients_equal_those_of_xla(case):
    *values, padding, pool = arrays(case)

    def found(*values):
        return jnp.sum(jnp.sin(convolve_and_pool(*values, padding, pool)))

    def expected(*values):
        return jnp.sum(jnp.sin(by_xla(*values, padding, pool)))

    pairs = zip(
        jax.tree.leaves(jax.jit(jax.value_and_grad(found, (0, 1, 2)))(*values)),
        jax.tree.leaves(jax.jit(jax.value_and_grad(expected, (0, 1, 2)))(*values)),
        strict=True,
    )
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def by_images(images: jax.Array, kernel: jax.Array, padding: int) -> jax.Array:
    """The gradient of the sum of all outputs, pooled by 2."""

    def total(images):
        return convolve_and_pool(images, kernel, jnp.zeros(1), padding, 2).sum()

    return jax.jit(jax.grad(total))(images)


def test_equal_maxima_of_a_padded_convolution_share_the_gradient():
    images, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((1, 1, 1, 1))
    gradient = by_images(images, kernel, 1)
    inner = jnp.ones((2, 2)) / 4  # corners and edges exceed the padding around them
    np.testing.assert_allclose(gradient[0, 1:3, 1:3, 0], inner)
    assert gradient[0, 0, 0, 0] == 1.0


def test_equal_maxima_share_the_gradient():
    images, kernel = jnp.ones((1, 6, 6, 1)), jnp.ones((5, 5, 1, 1))
    gradient = jax.grad(lambda bias: convolve_and_pool(images, kernel, bias, 0, 2).sum())(
        jnp.zeros(1)
    )
    assert gradient == 1.0
    gradient = by_images(images, kernel, 0)
    assert gradient.sum() == 25.0
    np.testing.assert_array_equal(gradient[0, ::-1, ::-1], gradient[0])


def test_sides_that_do_not_divide_into_pooling_windows_are_refused():
    with pytest.raises(ValueError, match="7x6 cannot be pooled by 2"):
        convolve_and_pool(jnp.zeros((1, 9, 8, 1)), jnp.zeros((3, 3, 1, 1)), jnp.zeros(1), 0, 2)
