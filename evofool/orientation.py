"""Which way the strokes of pictures run, and where: the energy of edges by orientation and band.

A stroke runs at right angles to the gradients along it. Their energy is added up by the stroke's
orientation, as in a histogram of oriented gradients, and by where in the picture it is, from the
top band down. What is left out is contrast: the shares of a picture add up to 1.
"""

import numpy as np
import scipy.ndimage
from jaxtyping import Float, UInt8

from evofool.errors import UserError

HORIZONTAL, RISING, VERTICAL, FALLING = range(4)  # of four orientations: -, /, |, \
SIGMA = 1.0  # pixels: of the derivatives of a Gaussian; below a pen's width in a 28x28 digit


def stroke_energy(
    pictures: UInt8[np.ndarray, "batch height width channels"],
    *,
    orientations: int = 4,
    bands: int = 3,
) -> Float[np.ndarray, "batch orientations bands"]:
    """Returns the share of a picture's edge energy by orientation of the stroke and by band.

    Args:
        pictures: levels 0..255; the energies of channels are added.
        orientations: of strokes, counted anticlockwise from the horizontal: orientation k holds
            the angles within 90/orientations degrees of 180 k / orientations.
        bands: of equal height, from the top down; a pixel belongs to the one its centre is in.

    Returns:
        Shares in [0, 1] that add up to 1 for a picture; all 0 for one of a single level.

    Raises:
        UserError: fewer than one orientation or band.
    """
    if orientations < 1 or bands < 1:
        raise UserError(
            f"orientations is {orientations} and bands {bands}; expected at least 1 of each"
        )
    levels = pictures.astype(np.float64)
    smooth = scipy.ndimage.gaussian_filter1d  # along one axis; order 1 is the derivative
    down = smooth(smooth(levels, SIGMA, 1, order=1, mode="nearest"), SIGMA, 2, mode="nearest")
    right = smooth(smooth(levels, SIGMA, 1, mode="nearest"), SIGMA, 2, order=1, mode="nearest")
    energy = down**2 + right**2
    # rows count downwards, so the gradient (right, -down) turned by 90 degrees is (down, right)
    angle = np.arctan2(right, down) % np.pi
    orientation = np.rint(angle * orientations / np.pi).astype(int) % orientations
    height = pictures.shape[1]
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
    return shares.reshape(len(pictures), orientations, bands)
