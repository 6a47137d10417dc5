"""How regular an image is, and which way its edges point."""

import numpy as np
import scipy.ndimage
from jaxtyping import Float, UInt8

from evofool.images import Levels
from evofool.support import UserError


def total_variation(levels: Levels) -> Float[np.ndarray, " batch"]:
    """Returns the mean difference of neighbouring pixels, in levels.

    Example:
        >>> total_variation(np.full((1, 8, 8, 3), 7, np.uint8)).tolist()
        [0.0]
    """
    grey = levels.mean(axis=3)
    across, down = (np.abs(np.diff(grey, axis=axis)) for axis in (1, 2))
    return (across.mean(axis=(1, 2)) + down.mean(axis=(1, 2))) / 2


def spectral_slope(levels: Levels) -> Float[np.ndarray, " batch"]:
    """Returns the exponent of the power spectrum over spatial frequency.

    The slope of a straight line through the logarithms, of the mean power of every whole frequency
    from 1 cycle per image to the highest along its shorter side. White noise has 0, natural
    photographs about -2; an image of one level has none (NaN).

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


HORIZONTAL, RISING, VERTICAL, FALLING = range(4)  # of four orientations: -, /, |, \
SIGMA = 1.0  # pixels: of the derivatives of a Gaussian; below a pen's width in a 28x28 digit


def stroke_energy(
    images: UInt8[np.ndarray, "batch height width channels"],
    *,
    orientations: int = 4,
    bands: int = 3,
) -> Float[np.ndarray, "batch orientations bands"]:
    """Returns the share of an image's edge energy by orientation of the stroke and by band.

    Args:
        images: levels 0..255; the energies of channels are added.
        orientations: of strokes, counted anticlockwise from the horizontal: orientation k holds
            the angles within 90/orientations degrees of 180 k / orientations.
        bands: of equal height, from the top down; a pixel belongs to the one its centre is in.

    Returns:
        Shares in [0, 1] that add up to 1 for an image; all 0 for one of a single level.

    Raises:
        UserError: fewer than one orientation or band.
    """
    if orientations < 1 or bands < 1:
        raise UserError(
            f"orientations is {orientations} and bands {bands}; expected at least 1 of each"
        )
    levels = images.astype(np.float64)
    smooth = scipy.ndimage.gaussian_filter1d  # along one axis; order 1 is the derivative
    down = smooth(smooth(levels, SIGMA, 1, order=1, mode="nearest"), SIGMA, 2, mode="nearest")
    right = smooth(smooth(levels, SIGMA, 1, mode="nearest"), SIGMA, 2, order=1, mode="nearest")
    energy = down**2 + right**2
    # rows count downwards, so the gradient (right, -down) turned by 90 degrees is (down, right)
    angle = np.arctan2(right, down) % np.pi
    orientation = np.rint(angle * orientations / np.pi).astype(int) % orientations
    height = images.shape[1]
    band = (np.arange(height) * 2 + 1) * bands // (2 * height)
    cell = orientation * bands + band[:, None, None]
    found = np.stack(
        [
            np.bincount(cells.ravel(), weights.ravel(), minlength=orientations * bands)
            for cells, weights in zip(cell, energy, strict=True)
        ]
    )
    total = found.sum(axis=1, keepdims=True)
    shares = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
    return shares.reshape(len(images), orientations, bands)
