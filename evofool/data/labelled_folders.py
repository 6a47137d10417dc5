"""Labelled images: a folder with a subfolder for every class, or a table of files and classes."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from evofool.classifiers import Card, resolve_class
from evofool.support import UserError


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
        UserError: the table cannot be read, lacks a column or has no rows; or a row is incomplete,
            repeats a file, names a missing file, or has an index that is no class.
    """
    path, folder = Path(labels), Path(images)
    if not folder.is_dir():
        raise UserError(f"images is {str(folder)!r}, which is no folder; give the images' folder")
    lines: dict[str, int] = {}
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = {"file", "index"} - set(reader.fieldnames or ())
            if missing:
                raise UserError(
                    f"{path} has no column {' and no '.join(sorted(missing))}; its first line is "
                    f"{', '.join(reader.fieldnames or ()) or 'empty'}, expected file,index"
                )
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                index = _index_of(row, card, where)
                rows.append(LabelledImage(folder / row["file"], index))
                if row["file"] in lines:
                    raise UserError(
                        f"{where}: {row['file']} is on line {lines[row['file']]} already; name "
                        "each file once"
                    )
                lines[row["file"]] = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"cannot read the labels {path}: {reason}") from error
    if not rows:
        raise UserError(f"{path} has no rows below its first line; expected a row per image")
    absent = [row.path for row in rows if not row.path.exists()]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UserError(f"{path} names {absent[0]}{more}, not there; is {folder} the right folder?")
    return rows


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


def _index_of(row: dict[str, str], card: Card, where: str) -> int:
    text = (row["index"] or "").strip()
    if not row["file"] or not text:
        raise UserError(f"{where}: expected a file and an index, found {list(row.values())}")
    if not re.fullmatch(r"-?\d+", text):
        raise UserError(f"{where}: index is {text!r}; expected the number of a class")
    if not 0 <= int(text) < card.classes:
        raise UserError(
            f"{where}: index is {text}; expected 0..{card.classes - 1}, the classes of {card.name} "
            "counted from 0, without 'background'"
        )
    return int(text)


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")
