import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from evofool.classifiers.architectures.convolution import Convolution, convolve, relu6
from tests.tiers import few_quick

# inputs, outputs, groups
CHANNELS = {
    "few": (3, 5, 1),
    "many": (6, 4, 1),
    "two groups": (4, 6, 2),
    "depthwise": (4, 4, 4),
    "one": (1, 3, 1),
}


@settings(max_examples=3)  # each is compiled
@given(
    size=st.sampled_from([1, 2, 3, 5]),
    stride=st.sampled_from([1, 2]),
    padding=st.sampled_from(["SAME", 0, 2]),
    sides=st.tuples(st.integers(7, 12), st.integers(7, 12)),
)
@pytest.mark.parametrize("channels", few_quick(CHANNELS, "two groups", "depthwise"))
def test_value_and_gradients_are_those_of_xla(channels, size, stride, padding, sides):
    inputs, outputs, groups = CHANNELS[channels]
    rng = np.random.default_rng(size)
    images = rng.normal(size=(2, *sides, inputs)).astype(np.float32)
    kernel = rng.normal(size=(size, size, inputs // groups, outputs)).astype(np.float32)

    def by_xla(images, kernel):
        return lax.conv_general_dilated(
            images,
            kernel,
            (stride, stride),
            padding if padding == "SAME" else [(padding, padding)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    def by_us(images, kernel):
        return convolve(images, kernel, stride=stride, padding=padding, groups=groups)

    def value_and_gradients(function):
        def scalar(images, kernel):
            result = function(images, kernel)
            return jnp.sum(jnp.sin(result)), result

        return jax.jit(jax.grad(scalar, (0, 1), has_aux=True))(images, kernel)

    pairs = zip(
        jax.tree.leaves((jax.jit(by_us)(images, kernel), value_and_gradients(by_us))),
        jax.tree.leaves((jax.jit(by_xla)(images, kernel), value_and_gradients(by_xla))),
        strict=True,
    )
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_layer_adds_its_bias(key):
    layer = Convolution(3, 2, 3, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.array([1.0, -2.0])
    np.testing.assert_array_equal(layer(jnp.zeros((1, 3, 3, 3)))[0, 0, 0], [1.0, -2.0])


def test_relu6_cuts_at_both_ends():
    images = jnp.array([-1.0, 0.0, 3.0, 6.0, 7.0]).reshape(1, 5, 1, 1)
    np.testing.assert_array_equal(relu6(images).ravel(), [0.0, 0.0, 3.0, 6.0, 6.0])
