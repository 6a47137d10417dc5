"""Labelled images: a folder with a subfolder for every class, or a table of files and classes."""

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from evofool.classifiers import Card, resolve_class
from evofool.support import UserError, from_csv_cell, read_text

_INDEX = re.compile(r"-?[0-9]{1,18}")


class LabelledImage(NamedTuple):
    """An image file and its class.

    Attributes:
        path: of the file.
        index: of the class.
    """

    path: Path
    index: int


def read_labels(labels: str | Path, card: Card, *, images: str | Path) -> list[LabelledImage]:
    """Reads a table of image files and their classes.

    Args:
        labels: CSV file with the columns `file` and `index`.
        card: of the classifier whose classes the indices count.
        images: folder of the image files.

    Raises:
        UserError: the table cannot be read, has no such column or two, or has no rows; or a row is
            incomplete, repeats a file, names a missing file, or has an index that is no class.
    """
    path, folder = Path(labels), Path(images)
    if not folder.is_dir():
        raise UserError(f"images is {str(folder)!r}, which is no folder; give the images' folder")
    indices, lines = dict[str, int](), dict[str, int]()
    for file, text, line in _table_rows(path):
        if file in lines:
            raise UserError(
                f"{path}, line {line}: {file} is on line {lines[file]} already; name each file once"
            )
        indices[file], lines[file] = _index_of(text, card, path, line), line
    if not indices:
        raise UserError(f"{path} has no rows below its first line; expected a row per image")
    # texts, as a million paths would take seconds and half a gigabyte
    absent = [file for file in indices if not os.path.exists(os.path.join(images, file))]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UserError(
            f"{path} names {folder / absent[0]}{more}, not there; is {folder} the right folder?"
        )
    return [LabelledImage(folder / file, index) for file, index in indices.items()]


def _table_rows(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yields file, index and number of the line of every row; both are texts that are not empty."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), skipinitialspace=True)
    try:
        header = next(reader, [])
        places = _columns(header, path)
        for row in filter(None, reader):  # lines that are empty are no rows
            if len(row) <= max(places) or not all(row[place].strip() for place in places):
                raise UserError(
                    f"{path}, line {reader.line_num}: expected a file and an index, found {row}"
                )
            file, index = (row[place] for place in places)
            yield from_csv_cell(file), index.strip(), reader.line_num
    except csv.Error as error:
        raise UserError(f"cannot read {path}: line {reader.line_num}: {error}") from error


def _columns(header: Sequence[str], path: Path) -> tuple[int, int]:
    """Finds the columns of files and of indices."""
    missing = [name for name in ("file", "index") if name not in header]
    if missing:
        raise UserError(
            f"{path} has no column {' and no '.join(missing)}; its first line is "
            f"{', '.join(header) or 'empty'}, expected file,index"
        )
    for name in ("file", "index"):
        if header.count(name) > 1:
            raise UserError(f"{path} has {header.count(name)} columns {name}; expected one")
    return header.index("file"), header.index("index")


def read_image_folder(folder: str | Path, card: Card) -> list[LabelledImage]:
    """Finds the images in a folder's subfolders, which are named after classes.

    Args:
        folder: holds a subfolder for every class, named by label, index or WordNet id. Subfolders
            and files whose names begin with a dot are left out, and so are files without the
            ending of an image format.
        card: of the classifier with these classes.

    Returns:
        The images, sorted by folder and name.

    Raises:
        UserError: there is no such folder, it has no subfolders, one of them names no class, or
            none holds an image.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UserError(f"images is {str(path)!r}, which is no folder; give the images' folder")
    classes = sorted(child for child in path.iterdir() if child.is_dir() and _is_shown(child))
    if not classes:
        raise UserError(
            f"{path} has no subfolders; expected one for every class, named after it, or give a "
            "CSV file of labels"
        )
    endings = Image.registered_extensions()
    rows = []
    for subfolder in classes:
        try:
            index = resolve_class(card, subfolder.name) - card.class_offset
        except UserError as error:
            raise UserError(f"{subfolder}: {error}") from error
        rows += [
            LabelledImage(file, index)
            for file in sorted(subfolder.iterdir())
            if file.suffix.lower() in endings and _is_shown(file)
        ]
    if not rows:
        raise UserError(f"the subfolders of {path} hold no images; expected {path}/CLASS/*.jpg")
    return rows


def _index_of(text: str, card: Card, path: Path, line: int) -> int:
    if not _INDEX.fullmatch(text):
        raise UserError(f"{path}, line {line}: index is {text!r}; expected the number of a class")
    if not 0 <= int(text) < card.classes:
        raise UserError(
            f"{path}, line {line}: index is {text}; expected 0..{card.classes - 1}, the classes of "
            f"{card.name} counted from 0, without 'background'"
        )
    return int(text)


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")
