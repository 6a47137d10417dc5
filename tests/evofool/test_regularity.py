import numpy as np
import pytest

from evofool.regularity import spectral_slope, total_variation


def test_total_variation_is_the_mean_step_between_neighbours():
    ramp = np.broadcast_to(np.arange(0, 40, 5, dtype=np.uint8)[:, None, None], (1, 8, 6, 3))
    assert total_variation(ramp)[0] == pytest.approx(2.5)  # 5 down, 0 across


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -3.0])
def test_spectral_slope_finds_the_exponent_of_noise(exponent):
    rng, side = np.random.default_rng(0), 128
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    radius[0, 0] = 1.0
    noise = np.fft.fft2(rng.normal(size=(side, side))) * radius ** (exponent / 2)
    picture = np.fft.ifft2(noise).real
    levels = np.clip(128 + 30 * picture / picture.std(), 0, 255).astype(np.uint8)
    found = spectral_slope(np.repeat(levels[None, :, :, None], 3, axis=3))
    assert found[0] == pytest.approx(exponent, abs=0.15)


def test_a_picture_of_one_level_has_no_slope():
    assert np.isnan(spectral_slope(np.full((1, 8, 8, 1), 9, np.uint8))).all()
