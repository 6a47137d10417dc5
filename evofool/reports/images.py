"""Single pictures: drawn anew, enlarged, saved."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from evofool.errors import UserError
from evofool.files import replacing
from evofool.run import Run, to_image

QUALITY = 88  # of JPEG; other formats take no notice or mean the same by it


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
        image.save(temporary, quality=QUALITY)


def save_pages(pages: Sequence[Image.Image], path: Path) -> list[Path]:
    """Writes one picture as `path`; several as `path` with -01, -02, ... after the stem.

    Returns:
        The files written.

    Raises:
        UserError: as `save_image` does.
    """
    if len(pages) == 1:
        paths = [path]
    else:
        digits = max(2, len(str(len(pages))))
        numbers = range(1, len(pages) + 1)
        paths = [path.with_stem(f"{path.stem}-{number:0{digits}d}") for number in numbers]
    for page, file in zip(pages, paths, strict=True):
        save_image(page, file)
    return paths


def resized(picture: np.ndarray, size: int) -> Image.Image:
    """Scales 8-bit levels `[height, width, channels]` so that the longer side is `size`.

    By a whole factor without smoothing; by any other with it.
    """
    image = to_image(picture)
    longer = max(image.size)
    shape = (round(image.width * size / longer), round(image.height * size / longer))
    is_whole = size % longer == 0
    return image.resize(shape, Image.Resampling.NEAREST if is_whole else Image.Resampling.LANCZOS)
