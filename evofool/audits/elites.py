"""The images of an audit as files, and the images of an earlier audit shown again.

`elites/elites.csv` lists them. The files have the 8 bits that were scored, so that showing them
again needs no search: seconds, and the same result every time.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import scipy
from PIL import Image

from evofool.audits.certainty import SourcePart
from evofool.audits.figures import Metrics, at, share
from evofool.audits.subject import Subject
from evofool.classifiers import Card, confidence, with_views
from evofool.evaluation import recognize
from evofool.images import Levels, save_image, to_image
from evofool.support import UserError, csv_cell, read_text, replacing

FOLDER, TABLE = "elites", "elites.csv"
COLUMNS = ("file", "source", "class", "label", "run", "confidence")
MOST_BYTES = 2**26  # of the table, and of an image


class Earlier(NamedTuple):
    """An image of an earlier audit.

    Attributes:
        file: its name in the table.
        index: class that it was made for.
        confidence: that the earlier classifier had in that class, in [0, 1].
    """

    file: str
    index: int
    confidence: float


class ReplayPart(TypedDict):
    """What became of the images of an earlier audit.

    Attributes:
        images: how many there are.
        threshold: the confidence that counts.
        before: share of them of which the earlier classifier was as certain.
        after: share of them of which this one is, whatever the class.
        newly: images that fool this one only.
        no_longer: images that fooled the earlier one only.
        p: chance of so many or more new ones among those that changed, if both were as likely.
        rows: file, confidence before and after of every image.
        metrics: figures by name.
    """

    images: int
    threshold: float
    before: float
    after: float
    newly: int
    no_longer: int
    p: float
    rows: list[tuple[str, float, float]]
    metrics: Metrics


def save_elites(folder: Path, parts: list[SourcePart], images: Mapping[str, Levels]) -> None:
    """Writes the images that were made for classes.

    Args:
        folder: of the audit.
        parts: the sources; those whose images were made for no class are left out.
        images: of each source, in the order of its rows.
    """
    lines = []
    for part in parts:
        if not part["is_aimed"]:
            continue
        for row, levels in zip(part["rows"], images[part["source"]], strict=True):
            file = f"{part['source']}/{row['index']:04d}-run{row['run']}.png"
            save_image(to_image(levels), folder / FOLDER / file)
            figures = (row["run"], f"{row['confidence']:.9g}")
            lines.append((file, part["source"], row["index"], csv_cell(row["label"]), *figures))
    (folder / FOLDER).mkdir(exist_ok=True)
    with (
        replacing(folder / FOLDER / TABLE) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        csv.writer(stream).writerows([COLUMNS, *lines])


def read_elites(folder: str | Path) -> tuple[list[Earlier], list[Levels]]:
    """Reads the images of an earlier audit.

    Raises:
        UserError: the folder is not that of an audit, or a file is missing or damaged.
    """
    table = Path(folder) / FOLDER / TABLE
    if not table.is_file():
        raise UserError(f"{folder} holds no {FOLDER}/{TABLE}; give the folder of an audit")
    reader = csv.DictReader(io.StringIO(read_text(table, most_bytes=MOST_BYTES), newline=""))
    earlier, images = [], []
    try:
        for row in reader:
            earlier.append(Earlier(row["file"], int(row["class"]), float(row["confidence"])))
            images.append(_read_image(table.parent, row["file"]))
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{table}, line {reader.line_num} is damaged: {error}") from error
    if not earlier:
        raise UserError(f"{table} lists no images; that audit found none")
    return earlier, images


def read_elites_for(card: Card, folder: str | Path) -> tuple[list[Earlier], Levels]:
    """Reads the images of an earlier audit to show them to the classifier of a card.

    Raises:
        UserError: as `read_elites`, or they have another number of channels.
    """
    earlier, images = read_elites(folder)
    shapes, channels = {image.shape for image in images}, card.input_shape[2]
    if len(shapes) != 1 or images[0].shape[2] != channels:
        raise UserError(
            f"images of {folder} have shapes {sorted(shapes)}; expected one, of {channels} "
            "channel(s)"
        )
    return earlier, np.stack(images)


def _read_image(folder: Path, file: str) -> Levels:
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{file} is not in {folder}; the table of elites was changed")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            levels = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
    except Exception as error:  # Pillow's readers raise almost anything on damaged files
        raise UserError(f"cannot read {path}: {error}") from error
    return levels.reshape(*levels.shape[:2], -1)


def replay(subject: Subject, folder: str | Path) -> ReplayPart:
    """Shows the images of an earlier audit to a classifier; those of another size are scaled.

    Raises:
        UserError: as `read_elites_for`.
    """
    earlier, images = read_elites_for(subject.classifier.card, folder)
    seen = recognize(with_views(subject.shipped, images.shape[1:]), images)
    after = confidence(seen.log_odds.max(axis=1))
    before = np.array([image.confidence for image in earlier])
    was, is_now = (values >= subject.threshold for values in (before, after))
    newly, no_longer = int(np.sum(is_now & ~was)), int(np.sum(was & ~is_now))
    changed = newly + no_longer
    p = 1.0
    if changed:
        p = float(scipy.stats.binomtest(newly, changed, alternative="greater").pvalue)
    return {
        "images": len(images),
        "threshold": subject.threshold,
        "before": float(was.mean()),
        "after": float(is_now.mean()),
        "newly": newly,
        "no_longer": no_longer,
        "p": p,
        "rows": [
            (image.file, float(b), float(a))
            for image, b, a in zip(earlier, before, after, strict=True)
        ],
        "metrics": {f"replay{at(bar)}": share(after >= bar) for bar in subject.thresholds},
    }
