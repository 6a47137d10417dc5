import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evofool.measures.image_measures import (
    FALLING,
    HORIZONTAL,
    RISING,
    VERTICAL,
    spectral_slope,
    stroke_energy,
    total_variation,
)
from evofool.support.errors import UserError


def test_total_variation_is_the_mean_step_between_neighbours():
    ramp = np.broadcast_to(np.arange(0, 40, 5, dtype=np.uint8)[:, None, None], (1, 8, 6, 3))
    assert total_variation(ramp)[0] == pytest.approx(2.5)  # 5 down, 0 across


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -3.0])
def test_spectral_slope_finds_the_exponent_of_noise(exponent):
    rng, side = np.random.default_rng(0), 128
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    radius[0, 0] = 1.0
    noise = np.fft.fft2(rng.normal(size=(side, side))) * radius ** (exponent / 2)
    image = np.fft.ifft2(noise).real
    levels = np.clip(128 + 30 * image / image.std(), 0, 255).astype(np.uint8)
    found = spectral_slope(np.repeat(levels[None, :, :, None], 3, axis=3))
    assert found[0] == pytest.approx(exponent, abs=0.15)


def test_a_image_of_one_level_has_no_slope():
    assert np.isnan(spectral_slope(np.full((1, 8, 8, 1), 9, np.uint8))).all()


def stroke(degrees: float, size: int = 48) -> np.ndarray:
    """A bright line through the middle, at an angle counted anticlockwise."""
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    across = columns * np.sin(np.deg2rad(degrees)) + rows * np.cos(np.deg2rad(degrees))
    return (255 * np.exp(-((across / 2) ** 2))).astype(np.uint8)[..., None]


@pytest.mark.parametrize(
    ("degrees", "orientation"),
    [
        (0, HORIZONTAL),
        (45, RISING),
        (90, VERTICAL),
        (135, FALLING),
        (170, HORIZONTAL),
        (55, RISING),
    ],
)
def test_a_stroke_has_its_orientation(degrees, orientation):
    energy = stroke_energy(stroke(degrees)[None]).sum(axis=2)[0]
    assert energy[orientation] > 0.95  # all but the ends at the borders


def test_a_stroke_that_rises_to_the_right_is_rising():
    image = np.flipud(np.eye(28, dtype=np.uint8) * 200)[None, ..., None]
    assert stroke_energy(image).sum(axis=2)[0, RISING] > 0.85


@pytest.mark.parametrize("row", [3, 14, 24])
def test_a_bar_lies_in_its_band(row):
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image[0, row - 1 : row + 1] = 255
    energy = stroke_energy(image)[0]
    assert energy[HORIZONTAL].argmax() == row * 3 // 28
    assert energy[HORIZONTAL].max() > 0.95


@given(arrays(np.uint8, (3, 12, 9, 2)), st.integers(1, 6), st.integers(1, 5))
def test_shares_add_up_to_one_unless_a_image_is_plain(images, orientations, bands):
    found = stroke_energy(images, orientations=orientations, bands=bands)
    plain = [len(np.unique(image.reshape(-1, 2), axis=0)) == 1 for image in images]
    assert found.shape == (3, orientations, bands)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1 - np.array(plain), atol=1e-12)
    assert (found >= 0).all()


def test_a_quarter_turn_turns_the_orientations():
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 20, 1), np.uint8)
    energy, turned = (
        stroke_energy(each, bands=1)[..., 0] for each in (images, np.rot90(images, axes=(1, 2)))
    )
    swapped = energy[:, [VERTICAL, FALLING, HORIZONTAL, RISING]]
    np.testing.assert_allclose(turned, swapped, atol=1e-9)


def test_contrast_and_brightness_change_nothing():
    image = stroke(30)[None] // 4
    np.testing.assert_allclose(stroke_energy(image), stroke_energy(2 * image + 50), atol=1e-12)


def test_a_plain_image_has_no_energy():
    assert not stroke_energy(np.full((1, 8, 8, 3), 77, np.uint8)).any()


def test_no_orientations_are_refused():
    with pytest.raises(UserError, match="orientations is 0 and bands 3"):
        stroke_energy(np.zeros((1, 8, 8, 1), np.uint8), orientations=0)
