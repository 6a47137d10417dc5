import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from evofool.classifiers import load_classifier
from evofool.classifiers.rewriting import Rewritten
from tests.tiers import few_quick

RNG = np.random.default_rng(0)
FIRST, LAST = ("NCHW", "OIHW", "NCHW"), ("NHWC", "HWIO", "NHWC")
IMAGES = {
    orders: RNG.normal(size=shape).astype(np.float32)
    for orders, shape in ((FIRST, (2, 4, 9, 8)), (LAST, (2, 9, 8, 4)))
}


def convolution(orders, shape, strides=(1, 1), **options):
    """A convolution of four channels; `shape` is that of a kernel, height and width first."""
    kernel = RNG.normal(size=shape).astype(np.float32)
    kernel = kernel.transpose(3, 2, 0, 1) if orders == FIRST else kernel
    convolve = partial(
        lax.conv_general_dilated,
        window_strides=strides,
        padding=[(1, 1), (0, 2)],
        dimension_numbers=orders,
        **options,
    )
    return lambda images: jnp.tanh(convolve(images, kernel)), orders


def pooling(orders, window, strides):
    def pool(images):
        padding = ((0, 0), (0, 1), (0, 1), (0, 0))
        return lax.reduce_window(images, -jnp.inf, lax.max, window, strides, padding)

    return pool, orders


CASES = {
    "channels first": convolution(FIRST, (3, 3, 4, 6)),
    "a step of two": convolution(FIRST, (3, 3, 4, 6), (2, 2)),
    "steps of their own": convolution(FIRST, (3, 2, 4, 6), (2, 1)),
    "dilated": convolution(FIRST, (2, 2, 4, 6), rhs_dilation=(2, 2)),
    "transposed": convolution(FIRST, (3, 3, 4, 6), lhs_dilation=(2, 2)),
    "in two groups": convolution(FIRST, (3, 3, 2, 6), feature_group_count=2),
    "each channel": convolution(LAST, (3, 3, 1, 4), feature_group_count=4),
    "two of each channel": convolution(FIRST, (3, 3, 1, 8), feature_group_count=4),
    "largest, channels last": pooling(LAST, (1, 3, 3, 1), (1, 2, 2, 1)),
    "largest of an axis and the channels": pooling(FIRST, (1, 2, 3, 1), (1, 1, 2, 1)),
}


@pytest.mark.parametrize(
    "name",
    few_quick(CASES, "channels first", "in two groups", "each channel", "largest, channels last"),
)
def test_values_and_gradients_are_those_of_the_function(name):
    function, orders = CASES[name]
    images = IMAGES[orders]

    def both(function):
        value, vjp = jax.vjp(function, images)
        return value, vjp(jnp.cos(value))[0]

    expected, found = both(function), both(Rewritten(jax.jit(function)))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_a_convolution_that_leaves_rows_out_is_that_of_the_others():
    kernel = RNG.normal(size=(6, 4, 3, 3)).astype(np.float32)

    def of_part(images, padding):
        return jnp.tanh(lax.conv_general_dilated(images, kernel, (1, 1), padding))

    images = IMAGES[FIRST]
    # XLA's own operation with a padding below 0 gives numbers from beyond the images on CPUs
    found = Rewritten(lambda images: of_part(images, ((-1, 1), (0, -2))))(images)
    expected = of_part(images[:, :, 1:, :-2], ((0, 1), (0, 0)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_convolutions_have_their_channels_last_in_derivatives_too():
    kernel = RNG.normal(size=(6, 8, 3, 3)).astype(np.float32)

    def first(images):
        return jnp.tanh(lax.conv_general_dilated(images, kernel, (1, 1), "SAME"))

    def gradient(images):
        return jax.grad(lambda images: Rewritten(first)(images).sum())(images)

    program = jax.jit(gradient).lower(RNG.normal(size=(2, 8, 9, 8))).as_text()
    found = re.findall(r"dim_numbers = (.*?), window", program)
    assert found == ["[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"] * 2


def test_functions_with_derivatives_of_their_own_keep_them():
    @jax.custom_vjp
    def doubled(images):
        return 2 * images

    doubled.defvjp(lambda images: (2 * images, None), lambda _, gradient: (7 * gradient,))
    convolve, orders = CASES["channels first"]
    images = IMAGES[orders]
    rewritten = Rewritten(lambda images: (convolve(images), doubled(images)))
    gradient = jax.grad(lambda images: rewritten(images)[1].sum())(images)
    np.testing.assert_array_equal(gradient, np.full_like(images, 7))


def test_a_function_is_the_same_program_each_time_it_is_rewritten():
    function, orders = CASES["channels first"]
    assert Rewritten(function) == Rewritten(function)
    traced = jax.make_jaxpr(Rewritten(jnp.sin))(IMAGES[orders])
    assert str(traced) == str(jax.make_jaxpr(jnp.sin)(IMAGES[orders]))  # nothing to replace


def test_the_code_of_users_is_rewritten(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "first.py").write_text(
        """
import jax.numpy as jnp
import numpy as np
from jax import lax
from evofool import Card, Classifier

KERNEL = np.random.default_rng(1).normal(size=(2, 3, 3, 3)).astype(np.float32)

def apply(params, images):
    images = images.transpose(0, 3, 1, 2)
    maps = lax.conv_general_dilated(images, KERNEL, (1, 1), "SAME")
    return maps.mean((2, 3))

def make():
    card = Card(name="first", input_shape=(8, 8, 3), outputs=2, labels=("a", "b"))
    return Classifier(card=card, params=None, apply=apply)
""",
        encoding="utf-8",
    )
    classifier = load_classifier("first:make")
    assert isinstance(classifier.apply, Rewritten)
    images = RNG.random((3, 8, 8, 3), np.float32)
    expected = classifier.apply.function(None, images)
    np.testing.assert_allclose(classifier.apply(None, images), expected, rtol=1e-5)
