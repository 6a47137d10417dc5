"""Elites as files that other programs read."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evofool.classifiers import first_name
from evofool.images import save_image, to_image
from evofool.runs.folders import result_folder
from evofool.runs.inspection import facts, genome_json
from evofool.runs.run import Elite, Run
from evofool.support import UserError, csv_cell, replacing, write_json

MOST_LETTERS = 60  # of a label in the name of a file


def export(
    run: str | Path | Run,
    out: str | Path,
    *,
    elites: Sequence[Elite] | None = None,
    strict: bool = True,
) -> list[Path]:
    """Writes every elite as a PNG, with its genome beside it, and a table of all.

    `out/images/` holds a folder per class, as ImageFolder-style loaders expect, named by its
    WordNet id where it has one and else by index and label, so that both sort by class. The names
    of the images carry class, confidence and seed: `images/7/7_0.999987_seed0.png`,
    `images/n02317335/327_starfish_0.970120_seed0.png`. The JSON of the same name holds what is
    known of the elite and, for a CPPN, its genome; the genes of a directly encoded image are its
    pixels (with `direct.color` hsv or hls: before they became RGB). `out/elites.csv` has a line
    per image. An export that was killed is made whole by the same call.

    Args:
        run: a run directory; all its independent runs are exported.
        out: folder to write; made when it is not there.
        elites: of the run; all unless given.
        strict: refuse a run whose newest checkpoint is damaged; otherwise an older one's elites are
            exported, with a `DamagedFileWarning`.

    Returns:
        The images, run by run, in the order of the classes.

    Raises:
        DamagedFileError: `strict`, and the newest checkpoint is damaged.
        UserError: not a run directory, or `out` is there and not empty, or cannot be written, or
            the run has no elites.
    """
    run = Run.open(run, strict=strict)
    if not run.all_elites():
        raise UserError(f"{run.folder} has no elites: no image has got a score")
    content = {"export of": str(run.folder.resolve()), "generation": run.generation}
    with result_folder(out, content) as folder:
        lines = list(_export(run, run.all_elites() if elites is None else elites, folder))
        write_csv(folder / "elites.csv", lines)
    return [folder / line["file"] for line in lines]


def _export(run: Run, elites: Sequence[Elite], folder: Path) -> Iterator[dict[str, Any]]:
    """Writes elites; yields their lines of the table."""
    for elite, image in zip(elites, run.images(elites), strict=True):
        path = folder / "images" / _class_folder(elite) / f"{stem_of(elite)}.png"
        save_image(to_image(image), path)
        known = {"seed": elite.seed, **asdict(facts(elite))}
        content = {**known, "encoding": run.config.encoding, "genome": genome_json(elite)}
        write_json(path.with_suffix(".json"), content)
        yield {"file": path.relative_to(folder).as_posix(), **known}


def write_csv(path: Path, lines: list[dict[str, Any]]) -> None:
    """Writes a table whose columns are the keys of its lines, atomically.

    No text in it is a formula to a spreadsheet; `from_csv_cell` gives back what it was.
    """
    cells = [
        {key: csv_cell(value) if isinstance(value, str) else value for key, value in line.items()}
        for line in lines
    ]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(lines[0]) if lines else [])
        writer.writeheader()
        writer.writerows(cells)


def _class_folder(elite: Elite) -> str:
    ids = elite.run.card.ids
    is_named = bool(ids) and re.fullmatch(r"n\d{8}", ids[elite.class_index])
    return ids[elite.class_index] if is_named else class_name(elite)


def class_name(elite: Elite) -> str:
    """Returns index and label with nothing in them that a file system could mind."""
    width = len(str(elite.run.card.classes - 1))
    index = f"{elite.class_index:0{width}d}"
    slug = re.sub(r"[^a-z0-9]+", "-", first_name(elite.label).lower()).strip("-")[:MOST_LETTERS]
    return index if slug in ("", str(elite.class_index)) else f"{index}_{slug}"


def stem_of(elite: Elite) -> str:
    """Returns the name of an elite's file, without the ending: class, confidence and seed."""
    return f"{class_name(elite)}_{elite.confidence:.6f}_seed{elite.seed}"
