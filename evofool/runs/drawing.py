"""Elites drawn anew, at any resolution, and as files."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from PIL import Image

from evofool.drawing import PLAIN, Drawing
from evofool.images import check_format, save_image
from evofool.runs.choosing import chosen
from evofool.runs.exporting import class_name
from evofool.runs.frames import Size
from evofool.runs.inspection import genome_json
from evofool.runs.run import Elite, Run


def render(
    run: str | Path | Run,
    name: str | int,
    *,
    size: Size = 1024,
    run_index: int = 0,
    drawing: Drawing = PLAIN,
) -> Image.Image:
    """Draws a CPPN elite anew, at any resolution.

    Args:
        run: a run directory.
        name: of the class, its index or label.
        size: pixels along the longer side, or (width, height); where these have other proportions
            than the image that was evolved, more of the plane is drawn around it.
        run_index: which of the independent runs.
        drawing: the part of the plane, and the colours.

    Returns:
        The image: grey or RGB, with opacity besides if the drawing is transparent.

    Raises:
        UserError: no such run or class, its images are directly encoded, or the drawing asks for
            what cannot be.
    """
    return Run.open(run).elite(name, run_index).render(size, drawing=drawing)


def render_files(
    run: str | Path | Run,
    out: str | Path,
    *,
    classes: Sequence[str] = (),
    favourites: str | Path | None = None,
    size: Size = 1024,
    run_index: int = 0,
    drawing: Drawing = PLAIN,
) -> list[Path]:
    """Draws CPPN elites anew, each into a file.

    A PNG says what it shows: its entry `evofool` is JSON with the class, the name of the run
    directory, seed, generation and confidence, `genome_sha256` (of the network's JSON, as `export`
    writes it, without spaces and with sorted keys), and the drawing.

    Args:
        run: a run directory.
        out: the file; of several elites, each has its class in its name, `out-7.png`.
        classes: indices, labels or WordNet ids.
        favourites: file of favourites, as the browser saves them; they come first.
        size: as for `render`.
        run_index: which of the independent runs `classes` are of.
        drawing: the part of the plane, the colours, and the pixels per inch.

    Returns:
        The files.

    Raises:
        UserError: as `render`; nobody is chosen; `out` is of no format, or of one that cannot hold
            such an image.
    """
    run, out = Run.open(run), Path(out)
    elites = chosen(run, classes=classes, favourites=favourites, run_index=run_index)
    check_format(out, transparent=drawing.transparent)
    run.check_drawable(size, drawing=drawing)
    paths = [out] if len(elites) == 1 else [_path_of(elite, out) for elite in elites]
    for elite, path in zip(elites, paths, strict=True):
        image = elite.render(size, drawing=drawing)
        save_image(image, path, dpi=drawing.dpi, about=_about(elite, drawing))
    return paths


def _path_of(elite: Elite, out: Path) -> Path:
    seed = f"-seed{elite.seed}" if elite.run.config.runs > 1 else ""
    return out.with_stem(f"{out.stem}-{class_name(elite)}{seed}")


def _about(elite: Elite, drawing: Drawing) -> dict[str, str]:
    """Says what a drawing shows, for the file."""
    genome = json.dumps(genome_json(elite), sort_keys=True, separators=(",", ":"))
    facts = {
        "class": elite.label,
        "class_index": elite.class_index,
        "run": elite.run.folder.resolve().name,
        "seed": elite.seed,
        "born": list(elite.born),
        "confidence": elite.confidence,
        "classifier": elite.run.card.name,
        "genome_sha256": hashlib.sha256(genome.encode()).hexdigest(),
        "drawing": dataclasses.asdict(drawing),
    }
    return {
        "Title": elite.label,
        "Software": f"evofool {version('evofool')}",
        "evofool": json.dumps(facts),
    }
