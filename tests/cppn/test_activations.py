from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from tests.cppn import reference

ARGUMENTS = np.concatenate([np.linspace(-12, 12, 4001), [0.0, 100.5, -777.25, 1e4, -3e4]])
HUGE = np.array([1e6, -1e20, 3e38, -3e38], np.float32)
NAMES = pytest.mark.parametrize("name", list(cppn.ACTIVATIONS))


def test_the_paper_s_four_come_first():
    assert list(cppn.ACTIVATIONS)[:4] == ["sine", "sigmoid", "gaussian", "linear"]
    assert cppn.GenomeSpec().activations == ("sine", "sigmoid", "gaussian", "linear")


@NAMES
def test_activation_equals_its_definition(name):
    arguments = ARGUMENTS.astype(np.float32)
    expected = reference.ACTIVATIONS[name](arguments.astype(np.float64))
    found = jax.jit(cppn.ACTIVATIONS[name])(arguments)
    # a jump may lie on the other side of a rounded multiple of pi
    is_smooth = np.abs(np.sin(arguments.astype(np.float64))) > 1e-3
    usable = is_smooth if name == "square_wave" else np.full(is_smooth.shape, True)
    np.testing.assert_allclose(found[usable], expected[usable], atol=1e-6)


@NAMES
def test_activation_stays_within_bounds_for_any_number(name):
    found = np.asarray(jax.jit(cppn.ACTIVATIONS[name])(np.concatenate([ARGUMENTS, HUGE])))
    assert np.all(np.abs(found) <= 1 + 1e-6)


@pytest.mark.parametrize("name", ["sine", "cosine", "triangle_wave"])
def test_gradient_of_waves_is_right_in_every_half_turn(name):
    at = jnp.array([-7.0, -4.0, -1.0, 0.4, 1.0, 2.0, 4.0, 9.0, 50.0])
    found = jax.vmap(jax.grad(cppn.ACTIVATIONS[name]))(at)
    step = 1e-6
    low, high = (np.asarray(at, np.float64) + sign * step for sign in (-1, 1))
    function = reference.ACTIVATIONS[name]
    np.testing.assert_allclose(found, (function(high) - function(low)) / (2 * step), atol=1e-4)


@mock.patch.dict(cppn.ACTIVATIONS)  # which is for the whole process
def test_an_activation_of_ones_own_is_drawn_with(key):
    def saw(p):
        return 2 * (p / 8 - jnp.floor(p / 8)) - 1

    cppn.register_activation("saw_of_tests", saw)
    cppn.register_activation("saw_of_tests", saw)  # the same again
    spec = cppn.GenomeSpec(outputs=1, activations=("saw_of_tests",))
    genome = cppn.init(key, spec, max_nodes=8, max_connections=8)
    image = cppn.render(genome, spec=spec, height=6, width=6)
    assert np.isfinite(image).all()
    assert cppn.from_json(cppn.to_json(genome, spec))[1].activations == ("saw_of_tests",)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("sine", lambda p: p),
        ("two words", jnp.tanh),
        ("wide_of_tests", lambda p: p),
        ("nan_of_tests", jnp.log),
        ("sum_of_tests", lambda p: p.sum()),
    ],
)
def test_an_activation_that_breaks_a_promise_is_refused(name, function):
    with pytest.raises(ValueError, match="activation"):
        cppn.register_activation(name, function)
    assert cppn.ACTIVATIONS.get(name) is not function
