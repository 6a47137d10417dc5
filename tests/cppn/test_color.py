from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cppn import color as module
from tests.cppn import reference

EXACT = {"rounding": "nearest", "quantize": False}
COLORS = pytest.mark.parametrize("color", ["grey", "rgb", "hsv", "hls"])


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    """Output values of 600 pixels: random ones, and the corners where hues meet."""
    rng = np.random.default_rng(0)
    corners = np.linspace(-1, 1, 13)[rng.integers(13, size=(300, 3))]
    return np.concatenate([rng.uniform(-1, 1, (300, 3)), corners]).astype(np.float32)


def channels(values, color, **options):
    """Channels of the pixels [pixels, outputs]."""
    outputs = values[:, :1] if color == "grey" else values
    draw = jax.jit(partial(module.to_channels, color=color, **options))
    return np.asarray(draw(jnp.asarray(outputs.T[None])))[0]


@COLORS
def test_colors_equal_those_of_the_standard_library(color, values):
    found = channels(values, color, rounding="nearest", quantize=False)
    outputs = np.abs(values[:, :1] if color == "grey" else values).astype(np.float64)
    expected = np.array([reference.pixel(levels, color) for levels in outputs])
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_gradient_of_hsv_is_that_of_its_formula():
    rng = np.random.default_rng(1)
    levels = rng.uniform(0.02, 0.98, (3, 200)).astype(np.float32)
    levels = levels[:, np.abs(levels[0] * 6 - np.round(levels[0] * 6)) > 0.05]  # off the corners
    towards = rng.choice([-1.0, 1.0], levels.shape).astype(np.float32)

    def channels_at(step):
        return jnp.stack(module.COLORS["hsv"](*jnp.asarray(levels + step * towards)))

    change = (channels_at(1e-3) - channels_at(-1e-3)) / 2e-3
    planes, tangents = (tuple(map(jnp.asarray, array)) for array in (levels, towards))
    found = jnp.stack(jax.jvp(module.COLORS["hsv"], planes, tangents)[1])
    np.testing.assert_allclose(found, change, atol=5e-3)


@COLORS
def test_nearest_rounds_the_channels(color, values):
    exact = channels(values, color, rounding="nearest", quantize=False)
    found = channels(values, color, rounding="nearest", quantize=True)
    assert np.abs(found - exact).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_allclose(found * 255, np.round(found * 255), atol=1e-4)


@COLORS
def test_truncate_cuts_values_to_levels_before_they_become_a_color(color, values):
    cut = (np.floor(np.abs(values) * np.float32(255)) / np.float32(255)).astype(np.float32)
    expected = channels(cut, color, rounding="nearest", quantize=True)
    found = channels(values, color, rounding="truncate", quantize=True)
    np.testing.assert_array_equal(found, expected)


@COLORS
def test_a_color_does_not_depend_on_what_is_compiled_together(color):
    values = np.random.default_rng(0).uniform(-1, 1, (100_000, 3)).astype(np.float32)
    compiled = channels(values, color, **EXACT)
    with jax.disable_jit():  # every operation alone: none is contracted with its neighbour
        alone = channels(values, color, **EXACT)
    np.testing.assert_array_equal(compiled, alone)


def test_hue_goes_round_once_in_hsv_and_by_510_degrees_in_hls():
    hue = np.array([1 / 3, 240 / 510, 360 / 510, 1.0], np.float32)
    hsv = channels(np.stack([hue, hue * 0 + 1, hue * 0 + 1], 1), "hsv", **EXACT)
    np.testing.assert_allclose(hsv[[0, 3]], [[0, 1, 0], [1, 0, 0]], atol=1e-5)
    hls = channels(np.stack([hue, hue * 0 + 0.5, hue * 0 + 1], 1), "hls", **EXACT)
    np.testing.assert_allclose(hls[1:], [[0, 0, 1], [1, 0, 0], [0, 1, 0.5]], atol=1e-5)


@pytest.mark.parametrize("color", ["hsv", "hls"])
def test_images_read_as_another_color_are_those_that_outputs_would_give(color):
    levels = np.random.default_rng(0).integers(0, 256, (4, 9, 3)).astype(np.float32) / 255
    found = np.asarray(jax.jit(partial(module.to_rgb, color=color))(levels))
    expected = channels(levels.reshape(-1, 3), color, rounding="nearest", quantize=True)
    np.testing.assert_array_equal(found.reshape(-1, 3), expected)
