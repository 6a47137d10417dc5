import contextlib
import dataclasses
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evofool import UserError, load_classifier
from evofool.classifiers.card import Card
from evofool.data.photographs import describe_preprocessing, read_photographs
from tests.evofool.classifiers.golden import photographs
from tests.evofool.real_data import data_folder

COLOUR = load_classifier("mock:10:8x8x3").card
GREY = load_classifier("mock:10:8x8x1").card
RGB = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
LUMINANCE = np.asarray(Image.fromarray(RGB).convert("L"))[..., None]


def read(path: Path, card: Card = COLOUR, *, exact: bool = False):
    (found,) = read_photographs([path], card, exact=exact)
    return found


def refusal(path: Path, card: Card = COLOUR, *, exact: bool = False) -> str:
    """Reads what must be refused; returns what is said of it."""
    with pytest.raises(UserError) as caught:
        read(path, card, exact=exact)
    assert str(path) in str(caught.value)
    return str(caught.value)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def levels_of(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def test_a_image_of_the_input_size_is_used_as_it_is(tmp_path):
    found = read(save(tmp_path / "a.png", Image.fromarray(RGB)), exact=True)
    np.testing.assert_array_equal(found.levels, RGB)
    assert found.actions == ()


def test_images_come_back_in_their_order(tmp_path):
    paths = [
        save(tmp_path / f"{i}.png", Image.new("RGB", (8, 8), (i, i, i))) for i in range(20, 0, -1)
    ]
    assert [one.levels[0, 0, 0] for one in read_photographs(paths, COLOUR)] == [*range(20, 0, -1)]


@pytest.mark.parametrize("mode", ["RGB", "P", "CMYK", "RGBA", "YCbCr"])
def test_a_classifier_of_grey_images_is_given_the_luminance(mode, tmp_path):
    image = Image.fromarray(RGB).convert(mode)
    path = save(tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png"), image)
    found = read(path, GREY)
    expected = np.asarray(image.convert("RGB").convert("L"))[..., None]
    np.testing.assert_array_equal(found.levels, expected)
    assert found.actions[-1] == "made grey (luminance)"


# what is in the file, its name, and what the reader makes of it: levels, actions
ALPHA = np.tile(np.array([0, 128, 255, 255], np.uint8), (8, 2))
GREY_LEVELS = LUMINANCE[..., 0]
ON_WHITE = np.round((RGB * (ALPHA[..., None] / 255)) + 255 * (1 - ALPHA[..., None] / 255))
GREY_ON_WHITE = np.round(GREY_LEVELS * (ALPHA / 255) + 255 * (1 - ALPHA / 255))
BITS = (GREY_LEVELS > 127) * np.uint8(255)
REPEATED = "grey: repeated in three channels"
KINDS = {
    "grey.png": (Image.fromarray(GREY_LEVELS), GREY_LEVELS, [REPEATED]),
    "grey-alpha.png": (
        Image.merge("LA", [Image.fromarray(GREY_LEVELS), Image.fromarray(ALPHA)]),
        GREY_ON_WHITE,
        ["put on white (transparency)", REPEATED],
    ),
    "palette.gif": (Image.fromarray(RGB).quantize(16), None, []),
    "cmyk.jpg": (
        Image.new("CMYK", (8, 8), (0, 255, 255, 0)),
        np.array([255, 0, 0]),
        ["converted from CMYK, without a colour profile"],
    ),
    "16-bit.png": (
        Image.fromarray(GREY_LEVELS.astype(np.uint16) * 257 + 100),
        GREY_LEVELS,
        ["reduced from 16 to 8 bits", REPEATED],
    ),
    "16-bit.pgm": (
        Image.fromarray(GREY_LEVELS.astype(np.int32) * 257),
        GREY_LEVELS,
        ["reduced from 16 to 8 bits", REPEATED],
    ),
    "16-bit.tif": (
        Image.fromarray(GREY_LEVELS.astype(np.uint16) * 257),
        GREY_LEVELS,
        ["reduced from 16 to 8 bits", REPEATED],
    ),
    "1-bit.png": (Image.fromarray(BITS).convert("1"), BITS, [REPEATED]),
    "rgba.png": (
        Image.merge("RGBA", [*Image.fromarray(RGB).split(), Image.fromarray(ALPHA)]),
        ON_WHITE,
        ["put on white (transparency)"],
    ),
    "opaque.png": (Image.fromarray(RGB).convert("RGBA"), RGB, []),
    "webp.webp": (Image.new("RGB", (8, 8), (200, 200, 200)), np.array([200, 200, 200]), []),
}


@pytest.mark.parametrize("name", KINDS)
def test_images_of_every_kind_are_read(name, tmp_path):
    image, expected, actions = KINDS[name]
    found = read(save(tmp_path / name, image), exact=True)
    expected = np.asarray(image.convert("RGB") if expected is None else expected, np.float32)
    if expected.ndim == 2:
        expected = expected[..., None]
    assert np.abs(found.levels - np.broadcast_to(expected, (8, 8, 3))).max() <= 1
    assert list(found.actions) == actions


def test_a_transparent_colour_of_a_palette_becomes_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((0, 0), 0)
    found = read(save(tmp_path / "a.gif", image, transparency=0))
    assert found.levels[0, 0].tolist() == [255, 255, 255]
    assert found.levels[1, 1].tolist() == [255, 0, 0]
    assert found.actions == ("put on white (transparency)",)


LENET = load_classifier("lenet").card
SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[5:8, 8:20] = SEVEN[5:24, 17:20] = 255
EXCHANGE = "--invert (in Python invert=True) exchanges dark and bright"
NEGATIVE = f"dark on a bright ground, and lenet was trained with bright on dark; {EXCHANGE}"


def ink(level: int) -> Image.Image:
    """The seven in ink of one level on transparent paper."""
    grey = Image.new("L", (28, 28), level)
    return Image.merge("LA", (grey, Image.fromarray(SEVEN)))


@pytest.mark.parametrize(
    ("image", "invert", "actions"),
    [
        (Image.fromarray(SEVEN), False, []),
        (Image.fromarray(255 - SEVEN), True, ["inverted"]),
        (ink(255), False, ["put on black (transparency)"]),
        (ink(0), True, ["put on white (transparency)", "inverted"]),
    ],
)
def test_a_digit_becomes_bright_on_black(image, invert, actions, tmp_path):
    path = save(tmp_path / "7.png", image)
    (found,) = read_photographs([path], LENET, invert=invert)
    np.testing.assert_array_equal(found.levels[..., 0], SEVEN)
    assert list(found.actions) == actions


@pytest.mark.parametrize(
    ("image", "invert", "doubt"),
    [
        (Image.fromarray(255 - SEVEN), False, NEGATIVE),
        (ink(0), False, f"hardly visible on black; {EXCHANGE}"),
        (Image.fromarray(SEVEN), True, NEGATIVE.replace(EXCHANGE, "leave out --invert")),
        (ink(255), True, "hardly visible on black; leave out --invert"),
    ],
)
def test_a_digit_that_is_not_bright_on_black_is_noticed(image, invert, doubt, tmp_path):
    path = save(tmp_path / "7.png", image)
    (found,) = read_photographs([path], LENET, invert=invert)
    assert found.actions[-1] == doubt


def test_the_ground_is_that_of_the_card(tmp_path):
    path = save(tmp_path / "paper.png", Image.fromarray(255 - SEVEN))
    on_white = dataclasses.replace(LENET, background=255)
    assert read(path, on_white).actions == ()
    assert read(save(tmp_path / "7.png", ink(0)), on_white).actions == (
        "put on white (transparency)",
    )
    unknown = dataclasses.replace(LENET, labels=tuple("abcdefghij"), background=None)
    assert read(path, unknown).actions == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(orientation, tmp_path):
    wide = RGB[:4]
    upright = Image.fromarray(wide)
    turned = {
        1: wide,
        2: wide[:, ::-1],
        3: wide[::-1, ::-1],
        4: wide[::-1],
        5: wide.swapaxes(0, 1),
        6: np.rot90(wide, 1),
        7: np.rot90(wide, 2).swapaxes(0, 1),
        8: np.rot90(wide, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(turned)), exif=exif)
    card = dataclasses.replace(COLOUR, input_shape=(4, 8, 3))
    found = read(path, card, exact=True)
    np.testing.assert_array_equal(found.levels, levels_of(upright))
    assert found.actions == (() if orientation == 1 else ("turned upright (EXIF)",))


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.png", "a.webp"])
def test_of_several_frames_the_first_is_taken(name, tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {} if name == "a.tif" else {"duration": 100}
    if name == "a.webp":
        options["lossless"] = True
    path = save(tmp_path / name, frames[0], save_all=True, append_images=frames[1:], **options)
    found = read(path)
    assert found.levels[0, 0].tolist() == [255, 0, 0]
    assert found.actions == ("reduced to its first frame",)


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG file of that size, without any pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT"


@pytest.mark.parametrize("side", [10_000, 20_000, 60_000])
def test_a_decompression_bomb_is_refused(side, tmp_path):
    (tmp_path / "a.png").write_bytes(png_header(side, side))
    assert "more pixels than the 89,478,485" in refusal(tmp_path / "a.png")


def jpeg() -> bytes:
    large = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    large.save(content := io.BytesIO(), "JPEG")
    return content.getvalue()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_image_is_refused(share, tmp_path):
    content = jpeg()
    (tmp_path / "a.jpg").write_bytes(content[: int(len(content) * share)])
    assert "no image in" in (said := refusal(tmp_path / "a.jpg")) or "cut short" in said


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    assert "is empty (0 bytes)" in refusal(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("no image at all")
    assert "no image in a known format; expected one of AVIF, BMP" in refusal(tmp_path / "text.png")
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    assert "no image in a known format" in refusal(tmp_path / "a.eps")
    assert "there is no image" in refusal(tmp_path / "missing.png")
    below = tmp_path / "text.png/deeper.png"
    assert refusal(below) == f"cannot read {below}: Not a directory"
    (tmp_path / "folder").mkdir()
    assert "is a folder; give the images in it" in refusal(tmp_path / "folder")


@pytest.mark.parametrize(
    ("dtype", "levels"), [(np.float32, "floating-point levels"), (np.int32, "32-bit levels")]
)
def test_levels_without_a_known_range_are_refused(dtype, levels, tmp_path):
    path = save(tmp_path / "a.tif", Image.fromarray(GREY_LEVELS.astype(dtype)))
    assert f"{levels}, whose range is not known; save it with 8 bits" in refusal(path)


FORMATS = ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")


@given(
    format=st.sampled_from(FORMATS),
    place=st.floats(0, 1, exclude_max=True),
    value=st.binary(min_size=1, max_size=4),
)
def test_a_damaged_file_is_read_or_refused_but_never_a_traceback(
    format, place, value, tmp_path_factory
):
    Image.fromarray(RGB).save(content := io.BytesIO(), format)
    damaged = bytearray(content.getvalue())
    start = int(place * len(damaged))
    damaged[start : start + len(value)] = value
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(damaged)
    with contextlib.suppress(UserError):
        assert read(path).levels.shape == (8, 8, 3)


PHOTOGRAPHS = dataclasses.replace(COLOUR, input_shape=(16, 16, 3), resize=32, crop=28)


def test_a_photograph_is_scaled_cropped_and_scaled(tmp_path):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8))
    found = read(save(tmp_path / "a.png", image), PHOTOGRAPHS)
    bicubic = Image.Resampling.BICUBIC
    expected = image.resize((48, 32), bicubic).crop((10, 2, 38, 30)).resize((16, 16), bicubic)
    np.testing.assert_array_equal(found.levels, np.asarray(expected))
    assert found.actions == ("resized 96x64 -> 16x16 (shorter side to 32, crop 28, bicubic)",)


@pytest.mark.parametrize(
    ("settings", "action"),
    [
        ({}, "resized 41x32 -> 16x16 (crop 28, bicubic)"),
        ({"resize": 0}, "resized 41x32 -> 16x16 (crop 28, bicubic)"),
        ({"resize": 0, "crop": 0}, "resized 41x32 -> 16x16 (crop 32, bicubic)"),
        ({"resize": 20, "crop": 0}, "(shorter side to 20, crop 20, bicubic)"),
        ({"resize": 20}, "(shorter side to 28, crop 28, bicubic)"),
        ({"interpolation": "nearest"}, "(crop 28, nearest)"),
        (
            {"resize": 0, "crop": 40},
            "enlarged 41x32 -> 16x16 (shorter side to 40, crop 40, bicubic)",
        ),
    ],
)
def test_the_card_says_how_a_photograph_is_prepared(settings, action, tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (41, 32), "red"))
    found = read(path, dataclasses.replace(PHOTOGRAPHS, **settings))
    assert found.actions[0].endswith(action)
    np.testing.assert_array_equal(found.levels, np.broadcast_to([255, 0, 0], (16, 16, 3)))


@pytest.mark.parametrize("size", [(1, 1), (20, 300)])
def test_a_small_image_is_enlarged_and_that_is_said(size, tmp_path):
    found = read(save(tmp_path / "a.png", Image.new("RGB", size, "red")), PHOTOGRAPHS)
    assert found.actions[0].startswith(f"enlarged {size[0]}x{size[1]} -> 16x16")
    np.testing.assert_array_equal(found.levels, np.broadcast_to([255, 0, 0], (16, 16, 3)))


def test_a_line_that_would_fill_the_memory_is_refused(tmp_path):
    path = save(tmp_path / "a.png", Image.new("L", (1, 70_000)))
    card = dataclasses.replace(PHOTOGRAPHS, resize=256)
    assert "it would be 256x17920000; cut out" in refusal(path, card)


def test_exact_refuses_another_size(tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (9, 8)))
    assert "a.png is 9x8; mock:10:8x8x3 is given 8x8, and exact" in refusal(path, exact=True)
    assert read(path).levels.shape == (8, 8, 3)


def test_preprocessing_is_described_in_words():
    card = dataclasses.replace(
        PHOTOGRAPHS, channel_order="BGR", mean=(104.0, 117.0, 123.0), scale=1.0
    )
    assert describe_preprocessing(card) == (
        "shorter side to 32, centre crop 28x28, resized to 16x16 (bicubic), BGR, "
        "level - (104, 117, 123)"
    )
    assert describe_preprocessing(COLOUR).endswith("RGB, (level - 127.5) * 0.00784314")
    scaled = dataclasses.replace(COLOUR, mean=(0.0, 0.0, 0.0), scale=(0.5, 0.25, 0.125))
    assert describe_preprocessing(scaled).endswith("RGB, level * (0.5, 0.25, 0.125)")


@pytest.mark.data
@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128", "squeezenet_v1.0_deepcompression"])
def test_photographs_are_prepared_as_for_the_recorded_logits(name):
    """One network is given the scaled crop, the other the crop as it is."""
    folder = data_folder()
    card = load_classifier(name, weights=folder / "imagenet-models").card
    paths = sorted((folder / "imagenet/samples").glob("000?_*.jpg"))
    found = np.stack([one.levels for one in read_photographs(paths, card)])
    expected = 255 * photographs(folder / "imagenet", card, len(paths))
    np.testing.assert_array_equal(found, np.round(expected))
