"""The ground of an image, and whether its figure is the negative of what a classifier expects."""

import numpy as np

from evofool.images.levels import Levels

OTHER = 64  # levels between two grounds that are not the same one
FAINT = 64  # levels between the darkest and the brightest pixel of an image that hardly shows


def is_negative(image: Levels, background: int) -> bool:
    """Tells whether a figure stands on a ground of its own, and stands out from it the wrong way.

    The ground is the median level of the image's border. It is another than `background` from 64
    levels on; the figure stands out the wrong way if most of what differs from the ground differs
    towards `background`. Of MNIST's 10,000 test images none is called negative, and all are once
    they are inverted.

    Args:
        image: levels 0..255, of one channel.
        background: level of the ground that the classifier was trained with.
    """
    levels = image[..., 0].astype(int)
    rows, columns = levels[[0, -1]], levels[1:-1, [0, -1]]
    ground = np.median(np.concatenate([rows.ravel(), columns.ravel()]))
    towards = np.sign(background - ground) * (levels - ground)
    return bool(abs(background - ground) >= OTHER and towards.sum() > 0)


def is_faint(image: Levels) -> bool:
    """Tells whether an image has hardly any contrast, so that it shows nothing."""
    return int(image.max()) - int(image.min()) < FAINT
