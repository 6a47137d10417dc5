"""Labelled pictures: a folder of files, and a table of which class each of them is of."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

from evofool.classifiers import Card
from evofool.errors import UserError


class Labelled(NamedTuple):
    """A picture and its class.

    Attributes:
        path: of the picture.
        index: of the class.
    """

    path: Path
    index: int


def read_labels(labels: str | Path, card: Card, *, images: str | Path) -> list[Labelled]:
    """Reads which picture is of which class.

    Args:
        labels: CSV file with the columns `file` and `index`.
        card: of the classifier that the classes are those of.
        images: folder that the files are in.

    Raises:
        UserError: the file cannot be read, lacks a column or has no rows; a row is incomplete or
            repeats a file, its index is no class, or its file is not there.
    """
    path, folder = Path(labels), Path(images)
    if not folder.is_dir():
        raise UserError(f"images is {str(folder)!r}, which is no folder; give the pictures' folder")
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
                rows.append(Labelled(folder / (row["file"] or ""), _index_of(row, card, where)))
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
        raise UserError(f"{path} has no rows below its first line; expected a row per picture")
    absent = [row.path for row in rows if not row.path.exists()]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UserError(f"{path} names {absent[0]}{more}, not there; is {folder} the right folder?")
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
