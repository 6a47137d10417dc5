"""What every data set is once it is read."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8


class Dataset(NamedTuple):
    """Labelled pictures, for training and for testing.

    Attributes:
        train_images: levels 0..255.
        train_labels: class indices.
        test_images: levels 0..255.
        test_labels: class indices.
        is_lossy: whether the pictures are not the published ones but a compressed copy.
    """

    train_images: UInt8[np.ndarray, "train height width channels"]
    train_labels: UInt8[np.ndarray, " train"]
    test_images: UInt8[np.ndarray, "test height width channels"]
    test_labels: UInt8[np.ndarray, " test"]
    is_lossy: bool = False

    def __repr__(self) -> str:
        height, width, channels = self.train_images.shape[1:]
        return (
            f"Dataset({len(self.train_images):,} training and {len(self.test_images):,} test "
            f"pictures of {height}x{width}x{channels}{', lossy' if self.is_lossy else ''})"
        )
