"""Reads image files of many formats as images of a classifier's input shape.

An image of the input size is left as it is. Any other is scaled so that its shorter side is
`card.resize`, cropped to the centre of `card.crop` pixels, and scaled to the input size. Every
change to an image is recorded, to be shown to the user.
"""

import stat
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from evofool.classifiers import Card
from evofool.images import Levels, is_faint, is_negative
from evofool.support import UserError, check_file

# Formats that Pillow reads by itself; not EPS, whose reader starts another program.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
MOST_BYTES = 1 << 30  # of a file: the most pixels that are read, as plain text
MOST_SCALED = 1 << 26  # pixels; an image of 1 x 100,000 would become 256 x 25,600,000
THREADS = 4  # decode images; few, for an image may have 90 million pixels in memory

TRANSPARENCY = "(transparency)"
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


class PreparedImage(NamedTuple):
    """An image of a classifier's input shape.

    Attributes:
        levels: 0..255, of the card's `input_shape`, grey or RGB.
        actions: the changes to the image in the file, for instance "turned upright (EXIF)", and
            what seems wrong with it, for instance "dark on a bright ground, ...".
    """

    levels: UInt8[np.ndarray, "height width channels"]
    actions: tuple[str, ...]


def read_photographs(
    paths: Sequence[str | Path], card: Card, *, exact: bool = False, invert: bool = False
) -> list[PreparedImage]:
    """Reads images and prepares them for a classifier.

    For a classifier of colour images, grey images are repeated in three channels; for a classifier
    of grey images, colour images become their luminance (ITU-R 601). EXIF rotation is applied,
    16-bit levels are divided by 257, and of several frames the first is taken. Transparency is put
    on the card's background, or on white where it has none. An image whose figure stands out from
    its ground the other way round, as black digits on white paper for a network of MNIST's, is
    left as it is, and that is said among its actions.

    Args:
        paths: files in one of `FORMATS`.
        card: of the classifier.
        exact: refuse an image that is not of the input size, instead of scaling it.
        invert: exchange dark and bright: 255 less each level.

    Returns:
        The image of every path, in order.

    Raises:
        UserError: a file is missing, no image, damaged or too large, or has levels without a known
            range (floating point, 32 bits); or, with `exact`, it is not of the input size.
    """
    Image.init()  # so that all formats are known
    prepare = partial(_prepare, card=card, exact=exact, invert=invert)
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore")  # about odd tags of images that can be read
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return list(pool.map(prepare, map(Path, paths)))


def describe_preprocessing(card: Card) -> str:
    """Describes in words how an image file becomes the input of the network.

    Example:
        >>> from evofool import load_classifier
        >>> describe_preprocessing(load_classifier("lenet").card)
        'largest square of the centre, resized to 28x28 (bicubic), grey, level / 255'
    """
    height, width, _ = card.input_shape
    steps = [f"shorter side to {card.resize}"] if card.resize else []
    steps.append(
        f"centre crop {card.crop}x{card.crop}" if card.crop else "largest square of the centre"
    )
    steps.append(f"resized to {width}x{height} ({card.interpolation})")
    return ", ".join([*steps, card.channel_order, _describe_levels(card)])


def _describe_levels(card: Card) -> str:
    mean, scale = (
        _short(values if isinstance(values, tuple) else (values,))
        for values in (card.mean, card.scale)
    )
    shifted = "level" if not any(card.mean) else f"level - {mean}"
    if card.scale == 1.0:
        return shifted
    if scale == _short((1 / 255,)):
        return f"({shifted}) / 255" if any(card.mean) else "level / 255"
    return f"({shifted}) * {scale}" if any(card.mean) else f"level * {scale}"


def _short(values: tuple[float, ...]) -> str:
    texts = [f"{value:.6g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


def _prepare(path: Path, *, card: Card, exact: bool, invert: bool) -> PreparedImage:
    ground = 255 if card.background is None else card.background
    image, actions = _decode(path, 255 - ground if invert else ground)
    height, width, channels = card.input_shape
    if image.size != (width, height):
        if exact:
            raise UserError(
                f"{path} is {_size(image)}; {card.name} is given {width}x{height}, and exact "
                "allows no scaling: leave it out, or scale the image yourself"
            )
        image, action = _scale(image, card, path)
        actions.append(action)
    if channels == 1 and image.mode == "RGB":
        actions.append("made grey (luminance)")
    elif channels == 3 and image.mode == "L":
        actions.append("grey: repeated in three channels")
    levels = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(card.input_shape)
    if invert:
        levels = 255 - levels
        actions.append("inverted")
    if card.background is not None and channels == 1:
        actions += _doubts(levels, card.name, card.background, actions)
    return PreparedImage(levels, tuple(actions))


def _doubts(levels: Levels, name: str, background: int, actions: Sequence[str]) -> list[str]:
    """Says what is wrong with an image that shows its figure the other way round, if it does."""
    remedy = "--invert (in Python invert=True) exchanges dark and bright"
    if "inverted" in actions:
        remedy = "leave out --invert"
    if is_faint(levels) and any(action.endswith(TRANSPARENCY) for action in actions):
        return [f"hardly visible on {_shade(background)}; {remedy}"]
    if is_negative(levels, background):
        here, trained = "dark on a bright ground", "bright on dark"
        if background > 127:
            here, trained = "bright on a dark ground", "dark on bright"
        return [f"{here}, and {name} was trained with {trained}; {remedy}"]
    return []


def _decode(path: Path, ground: int) -> tuple[Image.Image, list[str]]:
    """Returns an upright, opaque image of mode L or RGB, and the changes to it.

    Transparency is put on a `ground` of that level.
    """
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise UserError(f"{path} is a folder; give the images in it: {path}/*.jpg")
        if not check_file(path, most_bytes=MOST_BYTES):
            raise UserError(f"{path} is empty (0 bytes); it is no image")
        with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
            return _normalize(image, path, ground)
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"there is no image {path}") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path} holds more pixels than the {Image.MAX_IMAGE_PIXELS:,} that are read, because "
            "a small file can fill the memory (a decompression bomb); make a smaller copy of it"
        ) from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{path} is no image in a known format; expected one of {', '.join(FORMATS)}"
        ) from error
    except Exception as error:  # Pillow's readers raise almost anything on damaged files
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not Pillow's
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        reason = f"{error}" or type(error).__name__
        raise UserError(
            f"{path} cannot be read: {reason}; it is damaged, cut short, or of a kind that is not "
            "supported"
        ) from error


def _normalize(image: Image.Image, path: Path, ground: int) -> tuple[Image.Image, list[str]]:
    actions, is_grey, kind = [], image.mode in GREY_MODES, image.format
    if getattr(image, "is_animated", False):
        actions.append("reduced to its first frame")
    if image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9):
        image = ImageOps.exif_transpose(image)
        actions.append("turned upright (EXIF)")
    if image.mode.startswith("I"):
        # Pillow reads 16-bit PNM images as 32-bit integers, whose range nothing else tells.
        if image.mode == "I" and kind not in ("PNG", "PPM"):
            raise _unknown_range("32-bit", path)
        levels = np.asarray(image).astype(np.int32)
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
        actions.append("reduced from 16 to 8 bits")
    if image.mode == "F":
        raise _unknown_range("floating-point", path)
    if image.mode == "CMYK":
        actions.append("converted from CMYK, without a colour profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            below = Image.new("RGBA", image.size, (ground, ground, ground, 255))
            image = Image.alpha_composite(below, image)
            actions.append(f"put on {_shade(ground)} {TRANSPARENCY}")
    return image.convert("RGB").convert("L" if is_grey else "RGB"), actions


def _shade(level: int) -> str:
    return {0: "black", 255: "white"}.get(level, f"grey {level}")


def _unknown_range(levels: str, path: Path) -> UserError:
    return UserError(f"{path} has {levels} levels, whose range is not known; save it with 8 bits")


def _scale(image: Image.Image, card: Card, path: Path) -> tuple[Image.Image, str]:
    """Scales, crops and scales again, as the card says; an image smaller than the crop grows."""
    method = Image.Resampling[card.interpolation.upper()]
    height, width, _ = card.input_shape
    before, shorter = _size(image), min(image.size)
    target = max(card.resize or shorter, card.crop)
    steps = []
    if target != shorter:
        columns, rows = (round(side * target / shorter) for side in image.size)
        if columns * rows > MOST_SCALED:
            raise UserError(
                f"{path} is {before}: with its shorter side scaled to {target} it would be "
                f"{columns}x{rows}; cut out the part that matters"
            )
        image = image.resize((columns, rows), method)
        steps.append(f"shorter side to {target}")
    side = card.crop or target
    if image.size != (side, side):
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        steps.append(f"crop {side}")
    if image.size != (width, height):
        image = image.resize((width, height), method)
    steps.append(card.interpolation)
    verb = "enlarged" if shorter < max(target, height, width) else "resized"
    return image, f"{verb} {before} -> {width}x{height} ({', '.join(steps)})"


def _size(image: Image.Image) -> str:
    return f"{image.width}x{image.height}"
