"""Sheets of pictures with captions, laid out in rows."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from evofool.reports.images import enlarge

Levels = UInt8[np.ndarray, "batch height width channels"]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

CELL = 112  # pixels: width of a picture on the sheet
TEXT, LINE = 13, 17  # pixels: size of the letters, and from one line to the next
MARGIN = 12
COLUMNS = 10
MOST_CHOICES = 30


def draw_sheet(pictures: Levels, captions: list[list[str]], *, title: str = "") -> Image.Image:
    """Draws pictures in rows of at most `COLUMNS`, lines of text below each."""
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    font = ImageFont.load_default(TEXT)
    step_x = CELL + MARGIN
    step_y = CELL + max(map(len, captions)) * LINE + MARGIN + MARGIN // 2
    width = columns * step_x + MARGIN
    heading = _wrap(title, font, width - 2 * MARGIN) if title else []
    top = MARGIN + (len(heading) * LINE + MARGIN if heading else 0)
    sheet = Image.new("RGB", (width, top + rows * step_y), "white")
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(heading):
        draw.text((MARGIN, MARGIN + number * LINE), line, fill="black", font=font)
    for place, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        x, y = MARGIN + place % columns * step_x, top + place // columns * step_y
        sheet.paste(enlarge(picture, CELL).convert("RGB"), (x, y))
        draw.rectangle((x - 1, y - 1, x + CELL, y + CELL), outline="#cccccc")
        for number, line in enumerate(lines):
            draw.text(
                (x, y + CELL + 3 + number * LINE),
                _shorten(line, font),
                fill="#666666" if number else "black",
                font=font,
            )
    return sheet


def quiz_sheet(pictures: Levels, labels: Sequence[str]) -> Image.Image:
    """Draws pictures side by side, with nothing but a number, under the question.

    Args:
        pictures: in the order of the numbers, which start at 1.
        labels: the classes to choose from; up to `MOST_CHOICES` are listed.
    """
    choices = ", ".join(labels) if len(labels) <= MOST_CHOICES else f"one of {len(labels)} classes"
    question = f"What does each picture show: {choices}, or none of these?"
    captions = [[str(number)] for number in range(1, len(pictures) + 1)]
    return draw_sheet(pictures, captions, title=question)


def percent(value: float) -> str:
    """Writes a confidence so that near certainty stays visible: 99.9987 %."""
    return f"{100 * value:.4f} %" if value < 0.99999949 else "> 99.9999 %"


def _shorten(text: str, font: Font) -> str:
    while font.getlength(text) > CELL and len(text) > 4:
        text = text[:-2].rstrip(". ") + "…"
    return text


def _wrap(text: str, font: Font, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
