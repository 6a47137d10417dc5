"""Images of two kinds that stay what they are when they are mirrored and shifted."""

import dataclasses

import numpy as np

from evofool.classifiers.architectures.linear import linear_card

CARD = dataclasses.replace(linear_card(outputs=2), input_shape=(20, 20, 1), labels=("up", "down"))


def halves(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images that are bright above (class 0) or below (class 1)."""
    labels = np.arange(number) % 2
    images = dark(number, seed)
    images[labels == 0, :10] += 190
    images[labels == 1, 10:] += 190
    return images, labels


def dark(number: int, seed: int) -> np.ndarray:
    """Images that are bright nowhere."""
    return np.random.default_rng(seed).integers(0, 60, (number, 20, 20, 1), np.uint8)
