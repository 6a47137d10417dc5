import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from evofool.classifiers.blocks import Convolution, convolve, max_pool, relu6

sizes = st.sampled_from([1, 2, 3, 5, 7])


@settings(max_examples=8)  # each is compiled
@given(
    size=sizes,
    stride=st.sampled_from([1, 2]),
    padding=st.sampled_from(["SAME", 0, 1, 3]),
    groups=st.sampled_from([1, 2, 4]),
    height=st.integers(7, 12),
    width=st.integers(7, 12),
)
def test_every_formulation_gives_what_xla_gives(size, stride, padding, groups, height, width):
    keys = jax.random.split(jax.random.key(size + stride + groups))
    images = jax.random.normal(keys[0], (2, height, width, 4))
    kernel = jax.random.normal(keys[1], (size, size, 4 // groups, 8 if groups < 4 else 4))
    found = convolve(images, kernel, stride=stride, padding=padding, groups=groups)
    pads = padding if padding == "SAME" else [(padding, padding)] * 2
    expected = lax.conv_general_dilated(
        images,
        kernel,
        (stride, stride),
        pads,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_layer_adds_its_bias(key):
    layer = Convolution(3, 2, 3, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.array([1.0, -2.0])
    np.testing.assert_array_equal(layer(jnp.zeros((1, 3, 3, 3)))[0, 0, 0], [1.0, -2.0])


def test_relu6_cuts_at_both_ends():
    images = jnp.array([-1.0, 0.0, 3.0, 6.0, 7.0]).reshape(1, 5, 1, 1)
    np.testing.assert_array_equal(relu6(images).ravel(), [0.0, 0.0, 3.0, 6.0, 6.0])


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
