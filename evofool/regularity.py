"""How regular pictures are: two numbers that tell noise from strokes and surfaces.

Pictures are levels 0..255; colours are averaged first.
"""

import numpy as np
from jaxtyping import Float, UInt8

Levels = UInt8[np.ndarray, "batch height width channels"]


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
    from 1 cycle per picture to the highest along its shorter side. White noise has 0, natural
    photographs about -2; a picture of one level has none (NaN).

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
