"""Consoles, JSON, tables, and images in the terminal."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evofool.images import Levels, resized
from evofool.runs import PlainConsole
from evofool.support import printable

PIPE_WIDTH = 160  # columns of a table that is written to a pipe or a file


def output() -> Console:
    """Returns the console for results, on standard output."""
    return PlainConsole(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def print_json(value: object) -> None:
    """Prints data as JSON on standard output; dataclasses become objects."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.generic):
        return value.item()
    return str(value)


def make_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = ""
) -> Table:
    """Makes a table; None is shown as a dash, and line ends in a cell as their escapes.

    Columns of numbers are right-aligned and keep their width; columns of text are folded where
    the terminal is narrow.
    """
    table = Table(
        caption=caption or None,
        caption_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    cells = [["-" if value is None else printable(str(value)) for value in row] for row in rows]
    for place, column in enumerate(columns):
        if cells and all(_is_figure(row[place]) for row in cells):
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _is_figure(text: str) -> bool:
    return re.fullmatch(r"-|([<>] )?-?[\d.,/]+( %)?", text) is not None


def half_blocks(image: Levels, *, columns: int) -> Text:
    """Draws an image as text: each character shows two pixels, as half block and background.

    Args:
        image: levels `[height, width, channels]`.
        columns: largest number of characters in a row.
    """
    height, width = image.shape[:2]
    factor = max(1, columns // width) if width <= columns else columns / width
    rows = np.asarray(resized(image, round(factor * max(height, width))).convert("RGB"))
    rows = np.concatenate([rows, rows[-1:]]) if len(rows) % 2 else rows
    text = Text(no_wrap=True, end="")
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", style=f"rgb({_rgb(above)}) on rgb({_rgb(below)})")
        text.append("\n")
    return text


def _rgb(color: np.ndarray) -> str:
    return ",".join(map(str, color))
