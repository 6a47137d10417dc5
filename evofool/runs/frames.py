"""Sizes at which elites are drawn anew, and what of the plane of their CPPN such a frame shows."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

import cppn
from evofool.config import CppnConfig
from evofool.drawing import PLAIN, Drawing
from evofool.evolution import Genomes, cppn_spec, cppn_style
from evofool.images import Levels, colored, read_palette, to_levels
from evofool.support import UserError, check_room

Size = int | tuple[int, int]
"""Pixels along the longer side of an image, in the proportions it has, or (width, height)."""

_BAND = 2**18  # pixels that are drawn at a time, in rows
_PIXEL_BYTES = 12  # of an image: levels, those of its tiles, and Pillow's copy, at most 4 each


class Frame(NamedTuple):
    """A part of the plane on which a CPPN is defined, as an image.

    Attributes:
        height: in pixels.
        width: in pixels.
        drawn: height and width of the part in its middle that is drawn, in pixels; around it are
            margins.
        extent: half of the height and of the width that are drawn, in units of half the image that
            was evolved, at a zoom of 1.
    """

    height: int
    width: int
    drawn: tuple[int, int]
    extent: tuple[float, float]


def frame_of(size: Size, evolved: tuple[int, int, int], drawing: Drawing = PLAIN) -> Frame:
    """Returns the frame of a size, or of one of its tiles.

    It holds the whole image that was evolved, as large as fits, centred, unless the drawing is
    magnified or stretched.

    Example:
        >>> frame_of(1024, (28, 28, 1))
        Frame(height=1024, width=1024, drawn=(1024, 1024), extent=(1.0, 1.0))
        >>> frame_of((5, 3), (28, 28, 1))
        Frame(height=3, width=5, drawn=(3, 5), extent=(1.0, 2.0))
        >>> frame_of((5, 3), (28, 28, 1), Drawing(aspect="fit"))
        Frame(height=3, width=5, drawn=(3, 3), extent=(1.0, 1.0))

    Args:
        size: of the image.
        evolved: (height, width, channels) of the image that was evolved.
        drawing: how it is drawn.

    Raises:
        UserError: a side is below 1, the image cannot be divided into such tiles, or it is
            magnified so much that float32 does not tell the coordinates of its pixels apart.
    """
    height, width = _tile_of(size, evolved, drawing)
    inner = _largest_within(height, width, evolved)
    drawn, extent = (height, width), (1.0, 1.0)
    if drawing.aspect == "fit":
        drawn = inner
    elif drawing.aspect == "extend":
        # distances from the first pixel to the last, in which the inner one reaches from -1 to 1
        up, across = (
            max(1, outer - 1) / max(1, part - 1) for outer, part in zip(drawn, inner, strict=True)
        )
        extent = (up, across)
    _check_zoom(max(drawn), max(extent), drawing)
    return Frame(height, width, drawn, extent)


def check_frame(size: Size, evolved: tuple[int, int, int], drawing: Drawing) -> None:
    """Makes sure that something can be drawn in a frame; arguments as those of `frame_of`.

    Raises:
        UserError: as `frame_of` and `read_palette`, or the image does not fit into memory.
    """
    frame = frame_of(size, evolved, drawing)
    if drawing.palette is not None:
        read_palette(drawing.palette)
    columns, rows = drawing.tile
    width, height = columns * frame.width, rows * frame.height
    check_room(
        width * height * _PIXEL_BYTES,
        f"an image of {width}x{height} pixels",
        remedy="choose a smaller --size",
    )


def _tile_of(size: Size, evolved: tuple[int, int, int], drawing: Drawing) -> tuple[int, int]:
    """Returns height and width of one of the tiles of an image."""
    width, height = (size, size) if isinstance(size, int) else size
    if min(width, height) < 1:
        given = size if isinstance(size, int) else f"{width}x{height}"
        raise UserError(f"size is {given}; expected at least 1 pixel")
    if isinstance(size, int):
        height, width = _largest_within(height, width, evolved)
    columns, rows = drawing.tile
    if width % columns or height % rows:
        raise UserError(
            f"tile is {columns} {rows}, but {width}x{height} pixels cannot be divided so; choose "
            f"a size of {columns * -(-width // columns)}x{rows * -(-height // rows)}"
        )
    return height // rows, width // columns


def _largest_within(height: int, width: int, evolved: tuple[int, int, int]) -> tuple[int, int]:
    """Returns the largest height and width, in the evolved image's proportions, that fit."""
    scale = min(height / evolved[0], width / evolved[1])
    return max(1, round(evolved[0] * scale)), max(1, round(evolved[1] * scale))


def _check_zoom(pixels: int, extent: float, drawing: Drawing) -> None:
    """Refuses a magnification beyond what float32 can tell apart."""
    farthest = max(map(abs, drawing.center)) + extent / drawing.zoom
    most = 2 * extent / pixels / float(np.spacing(np.float32(farthest)))
    if drawing.zoom > most:
        raise UserError(
            f"zoom is {drawing.zoom:g}, so large that float32 does not tell the coordinates of "
            f"neighbouring pixels apart; at this size and center, expected at most {most:.0f}"
        )


def draw_frame(
    genome: Genomes,
    size: Size,
    config: CppnConfig,
    evolved: tuple[int, int, int],
    drawing: Drawing = PLAIN,
) -> Levels:
    """Draws a CPPN genome in the frame of a size, some rows at a time.

    Args:
        genome: of a run.
        size: of the frame.
        config: the run's settings of CPPNs.
        evolved: (height, width, channels) of its images.
        drawing: how it is drawn.

    Returns:
        Levels with 1 or 3 channels, and one more if the drawing is transparent.
    """
    frame = frame_of(size, evolved, drawing)
    palette = None if drawing.palette is None else read_palette(drawing.palette)
    spec, style = cppn_spec(config, evolved[2]), cppn_style(config, evolved[2])

    def in_colors(levels: Levels) -> UInt8[np.ndarray, "height width shown"]:
        return colored(levels, palette, transparent=drawing.transparent)

    margin = in_colors(np.zeros((1, 1, evolved[2]), np.uint8))
    image = np.empty((frame.height, frame.width, margin.shape[2]), np.uint8)
    image[:] = margin
    height, width = frame.drawn
    top, left = (frame.height - height) // 2, (frame.width - width) // 2
    rows = min(height, max(1, _BAND // width))
    for start in range(0, height, rows):
        first = min(start, height - rows)  # bands are of one size, which is compiled once
        inputs = _inputs(frame, slice(first, first + rows), drawing, evolved, style.coordinates)
        band = np.asarray(cppn.render_points(genome, inputs, spec=spec, style=style))
        part = image[top + first : top + first + rows, left : left + width]
        part[:] = in_colors(to_levels(band.reshape(rows, width, evolved[2])))
    return _in_copies(image, drawing.tile)


def _inputs(
    frame: Frame,
    rows: slice,
    drawing: Drawing,
    evolved: tuple[int, int, int],
    coordinates: str,
) -> Float[np.ndarray, "4 pixels"]:
    """Returns what a network sees of the pixels of some rows.

    Computed in double precision and rounded once; d as `cppn.render` computes it.
    """
    down, across = map(_ramp, frame.extent, frame.drawn)
    s, t = np.meshgrid(across, down[rows])
    turn, (x, y) = math.radians(drawing.rotate), drawing.center
    cos, sin, tall = math.cos(turn), math.sin(turn), evolved[0] / evolved[1]
    u = x + (cos * s + sin * tall * t) / drawing.zoom
    v = y + (cos * t - sin / tall * s) / drawing.zoom
    near, far = u.astype(np.float32), v.astype(np.float32)
    d = np.sqrt(near * near + far * far)
    if coordinates == "pixels":
        near, far = (
            ((1 + c) * (side - 1) / 2).astype(np.float32)
            for c, side in ((u, evolved[1]), (v, evolved[0]))
        )
    return np.stack([near, far, d, np.ones_like(d)]).reshape(4, -1)


def _ramp(reach: float, count: int) -> Float[np.ndarray, " count"]:
    """Returns numbers from -reach to reach at equal distances; 0 if there is one only."""
    return np.linspace(-reach, reach, count) if count > 1 else np.zeros(1)


def _in_copies(image: Levels, tile: tuple[int, int]) -> UInt8[np.ndarray, "rows columns channels"]:
    """Repeats an image, across and down, each copy the mirror image of its neighbours."""
    columns, rows = tile
    if tile == (1, 1):
        return image
    down = [image, image[::-1]]
    column = np.concatenate([down[row % 2] for row in range(rows)])
    across = [column, column[:, ::-1]]
    return np.concatenate([across[number % 2] for number in range(columns)], axis=1)
