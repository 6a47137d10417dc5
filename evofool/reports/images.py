"""Single pictures: drawn anew, enlarged, saved."""

from pathlib import Path

import numpy as np
from PIL import Image

from evofool.errors import UserError
from evofool.files import replacing
from evofool.run import Run, to_image


def render(
    run: str | Path | Run, name: str | int, *, size: int = 1024, run_index: int = 0
) -> Image.Image:
    """Draws a CPPN elite anew, at any resolution.

    Args:
        run: a run directory.
        name: of the class, its index or label.
        size: width and height in pixels.
        run_index: which of the independent runs.

    Raises:
        UserError: no such run or class, or its pictures are directly encoded.
    """
    return Run.open(run).elite(name, run_index).render(size)


def save_image(image: Image.Image, path: Path) -> None:
    """Writes a picture, atomically, in the format that the name says.

    Raises:
        UserError: the name says no format that is known, or the file cannot be written.
    """
    if path.suffix.lower() not in Image.registered_extensions():
        raise UserError(f"{path} has no known picture format in its name; use for instance .png")
    with replacing(path) as temporary:
        image.save(temporary)


def enlarge(picture: np.ndarray, size: int) -> Image.Image:
    """Scales 8-bit levels `[height, width, channels]` to fit `size`, without smoothing."""
    image = to_image(picture)
    factor = size / max(image.size)
    shape = (round(image.width * factor), round(image.height * factor))
    return image.resize(shape, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS)
