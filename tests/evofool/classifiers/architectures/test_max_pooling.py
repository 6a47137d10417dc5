import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from evofool.classifiers.architectures.max_pooling import (
    MANY_PLACES,
    largest_of_windows,
    max_pool,
)


@pytest.mark.parametrize(
    ("side", "stride", "padding", "ceil", "expected"),
    [
        (6, 2, 0, False, [2, 4]),
        (6, 2, 0, True, [2, 4, 5]),
        (6, 2, 1, True, [1, 3, 5, 5]),
        (5, 3, 1, True, [1, 4]),  # a third window would begin outside
    ],
)
def test_max_pool_takes_the_windows_that_caffe_takes(side, stride, padding, ceil, expected):
    images = jnp.arange(float(side)).reshape(1, side, 1, 1) + jnp.zeros((1, side, side, 1))
    found = max_pool(images, 3, stride, padding=padding, ceil=ceil)
    assert found[0, :, 0, 0].tolist() == expected
    np.testing.assert_array_equal(
        max_pool(images.swapaxes(1, 2), 3, stride, padding=padding, ceil=ceil), found.swapaxes(1, 2)
    )


@pytest.mark.parametrize(
    ("sizes", "strides", "edges"),
    [
        ((3, 3), (2, 2), ((0, 1), (0, 1))),
        ((3, 3), (1, 1), ((1, 1), (1, 1))),
        ((2, 3), (3, 2), ((1, 0), (0, 2))),
        ((1, 2), (2, 1), ((0, -1), (0, 0))),  # a row is left out, which XLA cannot derive
        ((5, 5), (2, 2), ((2, 2), (2, 2))),
    ],
)
def test_the_gradient_is_that_of_xla_among_equal_values_too(sizes, strides, edges):
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.integers(0, 4, (2, 9, 8, 3)).astype(np.float32))

    def by_xla(images):
        rows, columns = ((before, max(0, after)) for before, after in edges)
        images, around = images[:, : 9 + min(0, edges[0][1])], [(0, 0), rows, columns, (0, 0)]
        window, steps = (1, *sizes, 1), (1, *strides, 1)
        return lax.reduce_window(images, -jnp.inf, lax.max, window, steps, around)

    pooled, vjp = jax.vjp(lambda x: largest_of_windows(x, sizes, strides, edges), images)
    expected, vjp_of_xla = jax.vjp(by_xla, images)
    np.testing.assert_array_equal(pooled, expected)
    gradient = jnp.asarray(rng.integers(1, 9, pooled.shape).astype(np.float32))  # exact sums
    np.testing.assert_array_equal(vjp(gradient)[0], vjp_of_xla(gradient)[0])


def test_large_windows_are_left_to_xla():
    side = 7
    assert side * side > MANY_PLACES
    images = jnp.arange(2.0 * side * side).reshape(1, 2 * side, side, 1)
    gradient = jax.grad(lambda x: max_pool(x, side, side).sum())(images)
    assert np.flatnonzero(gradient).tolist() == [side * side - 1, 2 * side * side - 1]
