"""Gradients in turn, as on a CPU, and at once, as elsewhere, against JAX's own."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cppn
from cppn import gradients, reverse
from cppn.coordinates import make_inputs
from tests.cppn import genomes

SPEC = genomes.COLORED
INPUTS = make_inputs(7, 9)


@partial(jax.jit, static_argnames="compute")
def gradient(weight, drawn, cotangent, compute):
    return jax.grad(lambda w: jnp.vdot(compute(w, drawn), cotangent))(weight)


def in_turn(weight, drawn):
    return gradients.output_sums(weight, drawn, INPUTS, SPEC)


def together(weight, drawn):
    return gradients._together(drawn._replace(weight=weight), INPUTS, SPEC)


@jax.jit
def at_once(drawn, cotangent):
    return reverse.gradients_at_once(drawn, INPUTS, cotangent, SPEC)


@settings(max_examples=10)  # of two genomes each
@given(seed=st.integers(0, 2**32 - 1), picks=st.lists(st.integers(0, 39), min_size=2, max_size=2))
def test_gradients_are_those_of_jax(colored, seed, picks):
    drawn = jax.tree.map(lambda leaf: leaf[jnp.array(picks)], colored)
    cotangent = jax.random.normal(jax.random.key(seed), (2, SPEC.outputs, INPUTS.shape[1]))
    wanted = gradient(drawn.weight, drawn, cotangent, together)
    for found in (
        gradient(drawn.weight, drawn, cotangent, in_turn),
        at_once(drawn, cotangent),
    ):
        for one, other in zip(found, wanted, strict=True):
            scale = max(1.0, float(jnp.abs(other).max()))
            np.testing.assert_allclose(one, other, atol=1e-6 * scale)


def test_sums_are_what_the_outputs_activations_take(colored):
    drawn = jax.tree.map(lambda leaf: leaf[-4:], colored)
    sums, wanted = (jax.jit(each)(drawn.weight, drawn) for each in (in_turn, together))
    np.testing.assert_allclose(sums, wanted, rtol=1e-5, atol=1e-5)


def test_tiles_change_the_gradient_in_last_bits_only(colored, monkeypatch):
    drawn = jax.tree.map(lambda leaf: leaf[-2:], colored)
    cotangent = jnp.ones((2, SPEC.outputs, INPUTS.shape[1]))

    def of_weights():
        return jax.jit(lambda *args: reverse.gradients_in_turn(*args, SPEC))(
            drawn, INPUTS, cotangent
        )

    whole = of_weights()
    monkeypatch.setattr(reverse, "_TILE", 20)  # of 63 pixels: the last tile is filled up
    tiled = of_weights()
    assert not np.array_equal(whole, tiled)  # sums in another order: the tiles were used
    scale = np.abs(whole).max(axis=1, keepdims=True)
    np.testing.assert_allclose(whole / scale, tiled / scale, atol=1e-5)


@pytest.mark.slow
def test_the_gradient_of_an_image_is_that_of_its_pixels_one_by_one(colored):
    style = cppn.Style(color="hsv")
    drawn = jax.tree.map(lambda leaf: leaf[-1:], colored)
    draw = partial(cppn.render_batch, spec=SPEC, height=7, width=9, style=style, quantize=False)
    cotangent = jax.random.normal(jax.random.key(0), (1, 7, 9, 3))

    def loss(weight):
        return jnp.vdot(draw(drawn._replace(weight=weight)), cotangent)

    found = jax.grad(loss)(drawn.weight)
    of_pixels = jax.vmap(
        lambda at: jax.grad(
            lambda w: draw(drawn._replace(weight=w)).reshape(-1)[at] * cotangent.reshape(-1)[at]
        )(drawn.weight)
    )(jnp.arange(0, cotangent.size, 1))
    scale = float(jnp.abs(found).max())
    np.testing.assert_allclose(found, of_pixels.sum(axis=0), atol=1e-4 * scale)
