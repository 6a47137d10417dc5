"""Files of images, and images at another size."""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from evofool.images.levels import to_image
from evofool.support import UserError, replacing

QUALITY = 88  # of JPEG; other formats ignore it or mean the same
TRANSPARENT = (".png", ".webp", ".tif", ".tiff")


def save_image(
    image: Image.Image,
    path: Path,
    *,
    quality: int = QUALITY,
    dpi: int | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Writes an image, atomically, in the format of the file's suffix.

    Args:
        image: to write.
        path: of the file.
        quality: in 1..100, for formats that lose detail.
        dpi: pixels per inch; formats that do not know them ignore them.
        about: texts by their names, for PNG; other formats ignore them.

    Raises:
        UserError: as `check_format`, or the file cannot be written.
    """
    check_format(path, transparent=image.has_transparency_data)
    texts = PngInfo()
    for name, text in (about or {}).items():
        texts.add_itxt(name, text)
    resolution: dict[str, Any] = {} if dpi is None else {"dpi": (dpi, dpi)}
    with replacing(path) as temporary:
        image.save(temporary, quality=quality, pnginfo=texts, **resolution)


def check_format(path: Path, *, transparent: bool = False) -> None:
    """Makes sure that there is a format of images for the name of a file.

    Args:
        path: of the file.
        transparent: whether pixels of the image may be.

    Raises:
        UserError: the suffix is that of no format, of one that is only read, or of one that knows
            no transparency.
    """
    suffix = path.suffix.lower()
    if Image.registered_extensions().get(suffix) not in Image.SAVE:  # of some it only reads files
        raise UserError(f"{path} has no known image format in its name; use for instance .png")
    if transparent and suffix not in TRANSPARENT:
        raise UserError(
            f"{path} cannot hold a transparent image; expected one of {', '.join(TRANSPARENT)}"
        )


def as_png(image: Image.Image, **options: int) -> bytes:
    """Returns an image as the bytes of a PNG file; `options` are those of Pillow's writer."""
    stream = BytesIO()
    image.save(stream, format="PNG", **options)
    return stream.getvalue()


def as_data_url(png: bytes) -> str:
    """Returns a PNG file as an address that pages hold in themselves."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def save_pages(pages: Sequence[Image.Image], path: Path) -> list[Path]:
    """Writes one image as `path`; several as `path` with -01, -02, ... after the stem.

    Returns:
        The files written.

    Raises:
        UserError: as in `save_image`.
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


def resized(levels: np.ndarray, size: int) -> Image.Image:
    """Scales 8-bit levels `[height, width, channels]` so that the longer side is `size`.

    By a whole factor pixels are repeated; by any other the image is smoothed.
    """
    image = to_image(levels)
    longer = max(image.size)
    shape = (round(image.width * size / longer), round(image.height * size / longer))
    is_whole = size % longer == 0
    return image.resize(shape, Image.Resampling.NEAREST if is_whole else Image.Resampling.LANCZOS)
