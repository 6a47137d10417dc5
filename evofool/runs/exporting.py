"""Elites as files that other programs read."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal, get_args

import cppn
from evofool.classifiers import first_name
from evofool.images import save_image, to_image
from evofool.runs.choosing import select
from evofool.runs.folders import result_folder
from evofool.runs.inspection import facts, genome_json, spec_of, style_of
from evofool.runs.run import Elite, Run
from evofool.support import JsonValue, UserError, csv_cell, replacing, unknown_name, write_json

Format = Literal["png", "json", "glsl", "svg"]
AS_IMAGES: tuple[Format, ...] = ("png", "json")
MOST_LETTERS = 60  # of a label in the name of a file


def export(
    run: str | Path | Run,
    out: str | Path,
    *,
    elites: Sequence[Elite] | None = None,
    formats: Sequence[Format] = AS_IMAGES,
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

    Of a CPPN, `glsl` is a shader that draws it in Shadertoy, and `svg` the graph of its network.

    Args:
        run: a run directory; all its independent runs are exported.
        out: folder to write; made when it is not there.
        elites: of the run; all unless given.
        formats: files of each elite, at least one.
        strict: refuse a run whose newest checkpoint is damaged; otherwise an older one's elites are
            exported, with a `DamagedFileWarning`.

    Returns:
        The files of the first format, run by run, in the order of the classes.

    Raises:
        DamagedFileError: `strict`, and the newest checkpoint is damaged.
        UserError: not a run directory, or `out` is there and not empty, or cannot be written, or
            the run has no elites, or elites cannot have such a format.
    """
    run = Run.open(run, strict=strict)
    every = select(run, sort="class")
    elites = every if elites is None else elites
    _check_formats(run, formats)
    content = {"export of": str(run.folder.resolve()), "generation": run.generation}
    content |= {"formats": list(formats), "elites": [stem_of(elite) for elite in elites]}
    with result_folder(out, content) as folder:
        lines = list(_export(run, elites, formats, folder))
        write_csv(folder / "elites.csv", lines)
    return [folder / line["file"] for line in lines]


def _check_formats(run: Run, formats: Sequence[str]) -> None:
    known = get_args(Format)
    wrong = [name for name in formats if name not in known]
    if wrong or not formats:
        raise unknown_name("format", wrong[0] if wrong else "", known)
    of_networks = [name for name in formats if name in ("glsl", "svg")]
    if of_networks and run.config.encoding != "cppn":
        raise UserError(
            f"format is {of_networks[0]}, which is of networks; the images of {run.folder} are "
            f"encoded as {run.config.encoding!r}: expected png or json"
        )
    for name in run.config.cppn.activations if "glsl" in formats else ():
        if f" f_{name}(" not in cppn.glsl_functions():
            raise UserError(f"there is no shader for the activation {name!r}; export without glsl")


def _export(
    run: Run, elites: Sequence[Elite], formats: Sequence[Format], folder: Path
) -> Iterator[dict[str, JsonValue]]:
    """Writes elites; yields their lines of the table."""
    images = run.images(elites) if "png" in formats else itertools.repeat(None)
    for elite, image in zip(elites, images, strict=False):
        base = folder / "images" / _class_folder(elite) / stem_of(elite)
        paths = [base.with_name(f"{base.name}.{kind}") for kind in formats]
        known = {"seed": elite.seed, **asdict(facts(elite))}
        for kind, path in zip(formats, paths, strict=True):
            if kind == "json":
                content = {**known, "encoding": run.config.encoding, "genome": genome_json(elite)}
                write_json(path, content)
            elif image is not None and kind == "png":
                save_image(to_image(image), path)
            else:
                with replacing(path) as temporary:
                    temporary.write_text(network_text(elite, kind), encoding="utf-8")
        yield {"file": paths[0].relative_to(folder).as_posix(), **known}


def network_text(elite: Elite, kind: str) -> str:
    """Returns the network of an elite as text: "glsl", a shader, or "svg", its graph."""
    if kind == "svg":
        return cppn.to_svg(elite.genome, spec_of(elite))
    height, width, _ = elite.run.card.input_shape
    title = f"{elite.label}, {elite.run.percent(elite.confidence)}; made with evofool"
    spec, style = spec_of(elite), style_of(elite)
    return cppn.to_glsl(elite.genome, spec, height=height, width=width, style=style, title=title)


def write_csv(path: Path, lines: list[dict[str, JsonValue]]) -> None:
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
