"""Images in other colours: those of a palette, and with the dark made transparent."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from evofool.images.levels import Levels
from evofool.support import UserError, read_text, unknown_name

Palette = UInt8[np.ndarray, "256 3"]

LUMA = np.array([0.299, 0.587, 0.114])  # of red, green and blue, ITU-R BT.601
_MOST_BYTES = 100_000  # of a file of colours


def read_palette(name: str) -> Palette:
    """Returns the colours of 256 levels, from dark to light.

    Args:
        name: of a colour map of matplotlib; or a text file with a colour per line, `#rrggbb`, two
            or more, between which the others lie.

    Raises:
        UserError: neither is there, or the file has something else in it.
    """
    import matplotlib

    if name in matplotlib.colormaps:
        colors = matplotlib.colormaps[name](np.arange(256) / 255)
        return np.rint(255 * np.asarray(colors)[:, :3]).astype(np.uint8)
    path = Path(name)
    if not path.exists():
        raise unknown_name("palette", name, sorted(matplotlib.colormaps))
    lines = [line.strip() for line in read_text(path, most_bytes=_MOST_BYTES).splitlines()]
    colors = [_color(line, path) for line in lines if line]
    if len(colors) < 2:
        raise UserError(f"{path} has {len(colors)} colours; expected at least 2, one per line")
    steps = np.linspace(0, 255, len(colors))
    channels = [np.interp(np.arange(256), steps, channel) for channel in np.transpose(colors)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def _color(line: str, path: Path) -> list[int]:
    if not re.fullmatch("#[0-9a-fA-F]{6}", line):
        raise UserError(f"{path}: {line[:40]!r} is no colour; expected #rrggbb, one per line")
    return list(bytes.fromhex(line[1:]))


def colored(
    image: Levels, palette: Palette | None, *, transparent: bool = False
) -> UInt8[np.ndarray, "*batch height width shown"]:
    """Gives an image the colours of a palette, or makes its dark pixels transparent, or both.

    Args:
        image: grey or RGB; a palette replaces the lightness of its pixels.
        palette: as `read_palette` returns it; None leaves the colours.
        transparent: add opacity as a last channel: the lightness with a palette; without one the
            largest channel, so that on black the image looks as it did, to a level.

    Returns:
        Levels with 1 or 3 channels, one more if `transparent`.
    """
    opacity = _lightness(image) if palette is not None else image.max(axis=-1)
    color = image if palette is None else palette[opacity]
    if not transparent:
        return color
    if palette is None:
        covered = np.maximum(opacity, 1).astype(np.int32)[..., None]
        color = ((255 * color.astype(np.int32) + covered // 2) // covered).astype(np.uint8)
    return np.concatenate([color, opacity[..., None]], axis=-1)


def _lightness(image: Levels) -> UInt8[np.ndarray, "*lead"]:
    if image.shape[-1] == 1:
        return image[..., 0]
    return np.rint(image @ LUMA).astype(np.uint8)
