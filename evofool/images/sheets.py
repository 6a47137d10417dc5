"""Sheets of images with captions, laid out in rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from evofool.images.fonts import draw_text, drawable, text_width
from evofool.images.levels import Levels
from evofool.images.saving import resized

CELL, MOST_CELL = 112, 140  # pixels: width of an image on the sheet
TEXT, LINE = 13, 17  # pixels: size of the letters, and from one line to the next
MARGIN = 12
BLACK, GREY = "black", "#666666"
COLUMNS = 10


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


def draw_sheet(sections: Sequence[Section], *, columns: int = COLUMNS) -> Image.Image:
    """Draws the images of every section in rows of at most `columns`."""
    cell = max(max(image.size) for section in sections for image in section.images)
    columns = min(columns, max(len(section.images) for section in sections))
    captions = [[_lines(caption, cell) for caption in s.captions] for s in sections]
    lines = max(len(caption) for of_section in captions for caption in of_section)
    step_x, step_y = cell + MARGIN, cell + lines * LINE + MARGIN + MARGIN // 2
    width = columns * step_x + MARGIN
    headings = [_wrap(section.heading, width - 2 * MARGIN) for section in sections]
    tops = [0]
    for section, heading in zip(sections, headings, strict=True):
        rows = -(-len(section.images) // columns)
        tops.append(tops[-1] + _heading_height(heading) + rows * step_y)
    sheet = Image.new("RGB", (width, MARGIN + tops[-1]), "white")
    draw = ImageDraw.Draw(sheet)

    def write(x: int, y: int, lines: Sequence[tuple[str, str]]) -> None:
        for number, (line, color) in enumerate(lines):
            draw_text(draw, (x, y + number * LINE), line, size=TEXT, fill=color)

    for section, heading, texts, top in zip(sections, headings, captions, tops, strict=False):
        write(MARGIN, MARGIN + top, [(line, BLACK) for line in heading])
        first_row = MARGIN + top + _heading_height(heading)
        for place, (image, text) in enumerate(zip(section.images, texts, strict=True)):
            x, y = MARGIN + place % columns * step_x, first_row + place // columns * step_y
            high = y + cell - image.height  # above its caption
            sheet.paste(image.convert("RGB"), (x, high))
            draw.rectangle((x - 1, high - 1, x + image.width, y + cell), outline="#cccccc")
            write(x, y + cell + 3, text)
    return sheet


def thumbnail(image: Levels) -> Image.Image:
    """Scales an image for a sheet: near `CELL` pixels, and by a whole factor where possible.

    Pixels of small images become squares. Images of 128 pixels stay as they are, those of 256 are
    halved; sizes between, for instance 192, are smoothed to `CELL`.
    """
    side = max(image.shape[:2])
    factor = -(-CELL // side) if side < CELL else 1 / (side // CELL)
    size = round(side * factor)
    return resized(image, size if size <= MOST_CELL else CELL)


def _heading_height(lines: list[str]) -> int:
    return len(lines) * LINE + MARGIN if lines else 0


def _lines(caption: Sequence[str], width: int) -> list[tuple[str, str]]:
    """Returns the lines of a caption and their colors; the first text may take two of them."""
    first, *rest = caption
    wrapped = _wrap(first, width)
    name = [wrapped[0], " ".join(wrapped[1:])] if len(wrapped) > 1 else wrapped
    lines = [(line, BLACK) for line in name] + [(line, GREY) for line in map(drawable, rest)]
    return [(_shorten(line, width), color) for line, color in lines]


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
