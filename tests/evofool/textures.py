"""Images to look for repetition in: textures, and copies planted in them."""

import numpy as np
from scipy import ndimage

from evofool.images.levels import to_levels


def texture(generator: np.random.Generator, side: int) -> np.ndarray:
    """Colour noise whose amplitude falls as 1 / frequency, as that of photographs does."""
    frequencies = np.fft.fftfreq(side)
    radius = np.hypot(frequencies[:, None], frequencies[None])
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(generator.normal(size=(side, side, 3)), axes=(0, 1))
    values = np.fft.ifft2(spectrum / radius[..., None], axes=(0, 1)).real
    return np.clip(0.5 + 0.2 * values / values.std(), 0, 1)


def smooth(generator: np.random.Generator, side: int) -> np.ndarray:
    """Wide, soft patches of colour."""
    values = ndimage.gaussian_filter(generator.normal(size=(side, side, 3)), (15, 15, 0))
    return np.clip(0.5 + 0.2 * values / values.std(), 0, 1)


def plant(
    generator: np.random.Generator, ground: np.ndarray, *, size: int, copies: int, noise: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Puts copies of a soft random patch on a ground, and noise on all of it.

    Returns:
        The image in levels, and (row, column) of the copies' corners.
    """
    patch = ndimage.gaussian_filter(generator.normal(size=(size, size, 3)), (1.5, 1.5, 0))
    patch = 0.5 + 0.25 * patch / patch.std()
    corners: list[np.ndarray] = []
    while len(corners) < copies:
        corner = generator.integers(1, len(ground) - size, 2)
        if all(np.abs(corner - other).max() >= size for other in corners):
            corners.append(corner)
    image = ground.copy()
    for row, column in corners:
        image[row : row + size, column : column + size] = patch
    image += noise * generator.normal(size=image.shape)
    return to_levels(np.clip(image, 0, 1)), np.array(corners)
