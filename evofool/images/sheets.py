"""Sheets of images with captions, laid out in rows."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from evofool.images.fonts import draw_text, drawable, text_width
from evofool.images.levels import Levels
from evofool.images.saving import resized
from evofool.support import check_room

CELL, MOST_CELL = 112, 140  # pixels: width of an image on the sheet
TEXT, LINE = 13, 17  # pixels: size of the letters, and from one line to the next
MARGIN = 12
COLUMNS = 10


class Look(NamedTuple):
    """What a sheet looks like.

    Attributes:
        columns: images in a row, at most.
        scale: of letters and margins, 1 or more; images are as large as they are given.
        dark: light letters on a dark ground.
        title: large, above all; may be empty.
        note: small, below all; may be empty.
    """

    columns: int = COLUMNS
    scale: int = 1
    dark: bool = False
    title: str = ""
    note: str = ""


PLAIN = Look()


class _Colors(NamedTuple):
    ground: str
    text: str
    faint: str
    frame: str


_LIGHT = _Colors("white", "black", "#666666", "#cccccc")
_DARK = _Colors("#111111", "#eeeeee", "#999999", "#444444")
_TITLE = 1.6  # size of a title's letters, in those of captions


class Section(NamedTuple):
    """Images of a sheet under one heading.

    Attributes:
        heading: text of any length; may be empty.
        images: as `thumbnail` returns them, at least one.
        captions: lines of text below each image.
    """

    heading: str
    images: Sequence[Image.Image]
    captions: Sequence[Sequence[str]]


def draw_sheet(sections: Sequence[Section], *, look: Look = PLAIN) -> Image.Image:
    """Draws the images of every section, at least one, in rows."""
    colors, margin, line = _DARK if look.dark else _LIGHT, MARGIN * look.scale, LINE * look.scale
    cell = max(max(image.size) for section in sections for image in section.images)
    columns = min(look.columns, max(len(section.images) for section in sections))
    captions = [[_lines(caption, cell // look.scale) for caption in s.captions] for s in sections]
    lines = max(len(caption.lines) for of_section in captions for caption in of_section)
    step_x, step_y = cell + margin, cell + lines * line + margin + margin // 2
    width = columns * step_x + margin
    room = (width - 2 * margin) // look.scale
    title, note = _wrap(look.title, int(room / _TITLE)), _wrap(look.note, room)
    headings = [_wrap(section.heading, room) for section in sections]
    tops = [margin + round(_height(title, look.scale) * _TITLE)]
    for section, heading in zip(sections, headings, strict=True):
        rows = -(-len(section.images) // columns)
        tops.append(tops[-1] + _height(heading, look.scale) + rows * step_y)
    size = (width, tops[-1] + _height(note, look.scale))
    check_room(
        4 * math.prod(size),
        f"a sheet of {size[0]}x{size[1]} pixels",
        remedy="show fewer, or smaller",
    )
    sheet = Image.new("RGB", size, colors.ground)
    draw = ImageDraw.Draw(sheet)

    def write(x: int, y: int, lines: Sequence[str], *, faint: int, size: float = 1.0) -> None:
        """Writes lines, from number `faint` on in a paler colour."""
        for number, text in enumerate(lines):
            place = (x, y + round(number * line * size))
            color = colors.faint if number >= faint else colors.text
            draw_text(draw, place, text, size=round(TEXT * look.scale * size), fill=color)

    write(margin, margin, title, faint=len(title), size=_TITLE)
    for section, heading, texts, top in zip(sections, headings, captions, tops, strict=False):
        write(margin, top, heading, faint=len(heading))
        first_row = top + _height(heading, look.scale)
        for place, (image, text) in enumerate(zip(section.images, texts, strict=True)):
            x, y = margin + place % columns * step_x, first_row + place // columns * step_y
            high = y + cell - image.height  # above its caption
            sheet.paste(image.convert("RGB"), (x, high))
            draw.rectangle((x - 1, high - 1, x + image.width, y + cell), outline=colors.frame)
            write(x, y + cell + 3, text.lines, faint=text.names)
    write(margin, tops[-1], note, faint=0)
    return sheet


def thumbnail(image: Levels, *, scale: int = 1) -> Image.Image:
    """Scales an image for a sheet: near `CELL` pixels, and by a whole factor where possible.

    Pixels of small images become squares. Images of 128 pixels stay as they are, those of 256 are
    halved; sizes between, for instance 192, are smoothed to `CELL`. All that times `scale`.
    """
    side = max(image.shape[:2])
    least, most = CELL * scale, MOST_CELL * scale
    factor = -(-least // side) if side < least else 1 / (side // least)
    size = round(side * factor)
    return resized(image, size if size <= most else least)


class _Caption(NamedTuple):
    """Lines of text, the first of which, so many as `names`, are a name."""

    lines: list[str]
    names: int


def _height(lines: list[str], scale: int) -> int:
    return scale * (len(lines) * LINE + MARGIN) if lines else 0


def _lines(caption: Sequence[str], width: int) -> _Caption:
    """Returns the lines of a caption; the first text, a name, may take two of them."""
    first, *rest = caption
    wrapped = _wrap(first, width)
    name = [wrapped[0], " ".join(wrapped[1:])] if len(wrapped) > 1 else wrapped
    lines = [_shorten(line, width) for line in (*name, *map(drawable, rest))]
    return _Caption(lines, len(name))


def _shorten(text: str, width: int) -> str:
    while _width(text) > width and len(text) > 4:
        text = text[:-2].rstrip(". ") + "…"
    return text


def _wrap(text: str, width: int) -> list[str]:
    lines = [""] if text else []
    for word in _words(drawable(text), width):
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and _width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _words(text: str, width: int) -> Iterator[str]:
    """Yields the words of a text; those of scripts without spaces are cut where a line is full."""
    for word in text.split():
        while not word.isascii() and _width(word) > width and len(word) > 1:
            fitting = next(
                n for n in range(len(word), 0, -1) if n == 1 or _width(word[:n]) <= width
            )
            yield word[:fitting]
            word = word[fitting:]
        yield word


def _width(text: str) -> float:
    return text_width(text, size=TEXT)
