"""Sizes at which elites are drawn anew, and what of the plane of their CPPN such a frame shows."""

from typing import NamedTuple

import numpy as np

import cppn
from evofool.config import CppnConfig
from evofool.evolution import Genomes, cppn_spec, cppn_style
from evofool.images import Levels, to_levels
from evofool.support import UserError

Size = int | tuple[int, int]
"""Pixels along the longer side of an image, in the proportions it has, or (width, height)."""


class Frame(NamedTuple):
    """A part of the plane on which a CPPN is defined, as an image.

    Attributes:
        height: in pixels.
        width: in pixels.
        extent: half of its height and of its width, in units of half the image that was evolved.
    """

    height: int
    width: int
    extent: tuple[float, float]


def frame_of(size: Size, evolved: tuple[int, int, int]) -> Frame:
    """Returns the frame of a size that holds the whole evolved image, as large as fits, centred.

    Example:
        >>> frame_of(1024, (28, 28, 1))
        Frame(height=1024, width=1024, extent=(1.0, 1.0))
        >>> frame_of((5, 3), (28, 28, 1))
        Frame(height=3, width=5, extent=(1.0, 2.0))

    Args:
        size: of the frame.
        evolved: (height, width, channels) of the image.

    Raises:
        UserError: a side is below 1.
    """
    sides = evolved[:2]
    width, height = (size, size) if isinstance(size, int) else size
    if min(width, height) < 1:
        given = size if isinstance(size, int) else f"{width}x{height}"
        raise UserError(f"size is {given}; expected at least 1 pixel")
    scale = min(height / sides[0], width / sides[1])
    inner = [max(1, round(side * scale)) for side in sides]
    if isinstance(size, int):
        return Frame(inner[0], inner[1], (1.0, 1.0))
    # distances from the first pixel to the last, in which the inner one reaches from -1 to 1
    up, across = (
        max(1, outer - 1) / max(1, part - 1)
        for outer, part in zip((height, width), inner, strict=True)
    )
    return Frame(height, width, (up, across))


def draw_frame(
    genome: Genomes, size: Size, config: CppnConfig, evolved: tuple[int, int, int]
) -> Levels:
    """Draws a CPPN genome in the frame of a size.

    Args:
        genome: of a run.
        size: of the frame.
        config: the run's settings of CPPNs.
        evolved: (height, width, channels) of its images.
    """
    height, width, channels = evolved
    frame = frame_of(size, evolved)
    image = cppn.render(
        genome,
        spec=cppn_spec(config, channels),
        height=frame.height,
        width=frame.width,
        style=cppn_style(config, channels),
        drawn_at=(height, width),
        extent=frame.extent,
    )
    return to_levels(np.asarray(image))
