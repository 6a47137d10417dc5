"""A static gallery of runs: a folder that opens from a disk, or from any web server."""

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import cppn
from evofool.images import save_image, to_image
from evofool.pages.packing import ancestors_of, elite_columns, files_of, pack, run_facts
from evofool.pages.sprites import QUALITY, sprite_facts, sprites
from evofool.runs import Elite, Run, result_folder
from evofool.support import JsonValue, UserError, replacing

MOST_RUNS = 20


def site(
    runs: str | Path | Run | Sequence[str | Path | Run], out: str | Path, *, title: str = ""
) -> Path:
    """Writes a gallery of one or several runs as web pages.

    The page opens from a disk or from any web server, and needs nothing from elsewhere. It finds
    elites by label, class and WordNet id, sorts them, and shows runs side by side. An elite's page
    draws its network anew at any magnification, and has its figures, its graph and formulas, its
    ancestors, and sliders for its weights. Directly encoded images are shown as they are. A site
    that was stopped half-way is made whole by the same call.

    Args:
        runs: run directories; all independent runs of each are shown.
        out: folder to write; new or empty.
        title: of the page; names of the runs unless given.

    Returns:
        `index.html`.

    Raises:
        UserError: not a run directory, one without elites, too many of them, or `out` is there and
            not empty, or cannot be written.
    """
    given = [runs] if isinstance(runs, str | Path | Run) else [*runs]
    if not 1 <= len(given) <= MOST_RUNS:
        raise UserError(f"{len(given)} runs; expected 1..{MOST_RUNS}")
    opened = [Run.open(run) for run in given]
    title = title or ", ".join(run.folder.resolve().name for run in opened)
    content = [[str(run.folder.resolve()), run.generation] for run in opened]
    with result_folder(out, {"site of": content, "title": title}) as folder:
        described = [
            _write_run(run, folder / "data", f"run-{number}") for number, run in enumerate(opened)
        ]
        _write_data(folder / "data", "site", {"title": title, "runs": described})
        _write_assets(folder)
    return folder / "index.html"


def _write_run(run: Run, data: Path, name: str) -> JsonValue:
    """Writes the data of one run; returns what the page has to know from the beginning."""
    elites = run.all_elites()
    if not elites:
        raise UserError(f"{run.folder} has no elites: no image has got a score that is a number")
    for file, value in _data_of(run, elites):
        _write_data(data / name, file, value, prefix=f"{name}/")
    known = sprite_facts(run)
    for number, sprite in enumerate(sprites(run, elites)):
        path = data / name / f"sprite-{number}.{known['suffix']}"
        save_image(sprite, path, quality=QUALITY)
    if run.config.encoding != "cppn":
        for number, image in enumerate(run.images(elites)):
            save_image(to_image(image), data / name / "images" / f"{number}.png")
    return {"folder": name, "sprites": known, **run_facts(run, elites)}


def _data_of(run: Run, elites: Sequence[Elite]) -> Iterator[tuple[str, JsonValue]]:
    """Yields the data files of a run by name."""
    yield "elites", elite_columns(elites)
    if run.config.encoding == "cppn":
        yield from files_of("networks", [pack(elite.genome) for elite in elites])
        lines, ancestors = ancestors_of(run, elites)
        yield "lines", lines
        yield from files_of("ancestors", ancestors)


def _write_data(folder: Path, name: str, value: JsonValue, *, prefix: str = "") -> None:
    """Writes a script that hands a value to the page under a name."""
    # ASCII, so that no letter ends a line of the script or depends on what a server says of it
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    _write(folder / f"{name}.js", f"evofool.receive({json.dumps(prefix + name)},{text});\n")


def _write_assets(folder: Path) -> None:
    for asset in files("evofool.pages").joinpath("assets").iterdir():
        name = asset.name
        place = folder / name if name == "index.html" else folder / "assets" / name
        _write(place, asset.read_text(encoding="utf-8"))
    functions = f"evofool.glsl = {json.dumps(cppn.glsl_functions())};\n"
    _write(folder / "assets" / "functions.js", functions)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
