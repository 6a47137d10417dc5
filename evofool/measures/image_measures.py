"""Measures of images: how much neighbours differ, how fine details are, where edges point."""

import numpy as np
import scipy
from jaxtyping import Float

from evofool.images import Levels
from evofool.support import UserError

HORIZONTAL, RISING, VERTICAL, FALLING = range(4)  # orientations of strokes: -, /, |, \
SIGMA = 1.0  # pixels, of the Gaussian whose derivatives find edges; a pen is wider in a 28x28 digit


def total_variation(levels: Levels) -> Float[np.ndarray, " batch"]:
    """Returns the mean absolute difference of neighbouring pixels in levels, per image.

    Args:
        levels: 0..255; the mean over the channels counts.

    Example:
        >>> total_variation(np.full((1, 8, 8, 3), 7, np.uint8)).tolist()
        [0.0]
    """
    grey = levels.mean(axis=3)
    across, down = (np.abs(np.diff(grey, axis=axis)) for axis in (1, 2))
    return (across.mean(axis=(1, 2)) + down.mean(axis=(1, 2))) / 2


def spectral_slope(levels: Levels) -> Float[np.ndarray, " batch"]:
    """Returns the exponent of the power spectrum over spatial frequency, per image.

    It is the slope of a straight line through the logarithms of frequency and mean power, at every
    whole frequency from 1 cycle per image to the highest along its shorter side. White noise has
    0, photographs of nature about -2, and an image of a single level NaN.

    Args:
        levels: 0..255; the mean over the channels counts.

    References:
        D. J. Field, "Relations between the statistics of natural images and the response
        properties of cortical cells", 1987.
    """
    grey = levels.mean(axis=3)
    grey = grey - grey.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(grey)) ** 2
    height, width = grey.shape[1:]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) * min(height, width)
    ring = np.rint(radius).astype(int)
    frequencies = np.arange(1, min(height, width) // 2 + 1)
    means = np.stack([power[:, ring == frequency].mean(axis=1) for frequency in frequencies], 1)
    slopes = np.full(len(levels), np.nan)
    for index, row in enumerate(means):
        if row.min() > 0:
            slopes[index] = np.polyfit(np.log(frequencies), np.log(row), 1)[0]
    return slopes


def stroke_energy(
    levels: Levels,
    *,
    orientations: int = 4,
    bands: int = 3,
) -> Float[np.ndarray, "batch orientations bands"]:
    """Returns the share of an image's edge energy in every orientation of strokes and every band.

    Args:
        levels: 0..255; the energies of the channels are added.
        orientations: number of orientations, counted anticlockwise from the horizontal:
            orientation k holds the angles within 90/orientations degrees of 180 k / orientations.
        bands: number of horizontal bands of equal height, from the top down; the centre of a pixel
            decides to which it belongs.

    Returns:
        Shares in [0, 1] that add up to 1 for an image; all 0 for an image of a single level.

    Raises:
        UserError: fewer than one orientation or band.
    """
    if orientations < 1 or bands < 1:
        raise UserError(
            f"orientations is {orientations} and bands {bands}; expected at least 1 of each"
        )
    values = levels.astype(np.float64)
    smooth = scipy.ndimage.gaussian_filter1d  # along one axis; order 1 is the derivative
    down = smooth(smooth(values, SIGMA, 1, order=1, mode="nearest"), SIGMA, 2, mode="nearest")
    right = smooth(smooth(values, SIGMA, 1, mode="nearest"), SIGMA, 2, order=1, mode="nearest")
    energy = down**2 + right**2
    # Rows count downwards, so the gradient is (right, -down); turned by 90 degrees, (down, right).
    angle = np.arctan2(right, down) % np.pi
    orientation = np.rint(angle * orientations / np.pi).astype(int) % orientations
    height = levels.shape[1]
    band = (np.arange(height) * 2 + 1) * bands // (2 * height)
    cell = orientation * bands + band[:, None, None]
    energies = np.stack(
        [
            np.bincount(cells.ravel(), weights.ravel(), minlength=orientations * bands)
            for cells, weights in zip(cell, energy, strict=True)
        ]
    )
    total = energies.sum(axis=1, keepdims=True)
    shares = np.divide(energies, total, out=np.zeros_like(energies), where=total > 0)
    return shares.reshape(len(levels), orientations, bands)
