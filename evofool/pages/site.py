"""A static gallery of runs: a folder that opens from a disk, or from any web server."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TypeVar

import cppn
from evofool.images import Levels, save_image, to_image
from evofool.pages.packing import PER_FILE, Lines, elite_columns, pack, run_facts, together
from evofool.pages.sprites import PER_SPRITE, QUALITY, draw_sprite, sprite_facts
from evofool.runs import Elite, Run, result_folder
from evofool.support import JsonValue, UserError, replacing

MOST_RUNS = 20
Maker = Callable[[Path], object]  # writes a file
T = TypeVar("T")


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
        pages = Site(opened, folder, title=title)
        for name in pages.names:
            pages.make(name)
    return folder / "index.html"


class Site:
    """The files of a site, each of which is made by itself.

    Args:
        runs: what it shows.
        folder: that the files are written to.
        title: of the page.

    Attributes:
        names: of the files, relative to the folder.

    Raises:
        UserError: a run has no elites.
    """

    def __init__(self, runs: Sequence[Run], folder: Path, *, title: str):
        self._folder = folder
        self._lock = Lock()  # what is asked for twice at once is made once
        self._makers: dict[str, Maker] = dict(_assets())
        described: list[JsonValue] = []
        for number, run in enumerate(runs):
            elites, name = _elites(run), f"run-{number}"
            self._makers |= dict(_files_of(run, elites, name))
            described.append(
                {"folder": name, "sprites": sprite_facts(run), **run_facts(run, elites)}
            )
        self._makers |= [_data("site", lambda: {"title": title, "runs": described})]
        self.names = tuple(self._makers)

    def make(self, name: str) -> None:
        """Writes a file.

        Raises:
            KeyError: the site has no such file.
        """
        self._makers[name](self._folder / name)

    def path(self, name: str) -> Path:
        """Returns where a file is, which is made if nobody has asked for it before.

        Raises:
            KeyError: the site has no such file.
        """
        make, path = self._makers[name], self._folder / name
        with self._lock:
            if not path.exists():
                make(path)
        return path


def _elites(run: Run) -> list[Elite]:
    elites = run.all_elites()
    if not elites:
        raise UserError(f"{run.folder} has no elites: no image has got a score that is a number")
    return elites


def _files_of(run: Run, elites: Sequence[Elite], name: str) -> Iterator[tuple[str, Maker]]:
    """Yields the files of one run: their names, and what writes each."""
    yield _data(f"{name}/elites", lambda: elite_columns(elites))
    suffix = sprite_facts(run)["suffix"]
    for number, some in enumerate(_parts(elites, PER_SPRITE)):
        yield f"data/{name}/sprite-{number}.{suffix}", _sprite(run, some)
    if run.config.encoding != "cppn":
        parts = _parts(elites, PER_SPRITE)
        drawn = lru_cache(maxsize=1)(lambda part: [*run.images(parts[part])])
        for number in range(len(elites)):
            yield f"data/{name}/images/{number}.png", _image(drawn, *divmod(number, PER_SPRITE))
        return
    for number, some in enumerate(_parts(elites, PER_FILE)):
        yield _data(f"{name}/networks-{number}", _networks(some))
    lines = Lines(run, elites)
    yield _data(f"{name}/lines", lines.facts)
    for number, some in enumerate(_parts(range(len(lines)), PER_FILE)):
        yield _data(f"{name}/ancestors-{number}", _ancestors(lines, some))


def _parts(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _data(name: str, value: Callable[[], JsonValue]) -> tuple[str, Maker]:
    """Returns the name and the maker of a script that hands a value to the page."""

    def make(path: Path) -> None:
        # ASCII, so that no letter ends a line of the script or depends on what a server says of it
        text = json.dumps(value(), separators=(",", ":"), allow_nan=False)
        _write(path, f"evofool.receive({json.dumps(name)},{text});\n")

    return f"data/{name}.js", make


def _networks(elites: Sequence[Elite]) -> Callable[[], JsonValue]:
    return lambda: together(pack(elite.genome) for elite in elites)


def _ancestors(lines: Lines, numbers: Sequence[int]) -> Callable[[], JsonValue]:
    return lambda: together(lines.networks[number] for number in numbers)


def _sprite(run: Run, elites: Sequence[Elite]) -> Maker:
    return lambda path: save_image(draw_sprite(run, elites), path, quality=QUALITY)


def _image(drawn: Callable[[int], list[Levels]], part: int, place: int) -> Maker:
    return lambda path: save_image(to_image(drawn(part)[place]), path)


def _assets() -> Iterator[tuple[str, Maker]]:
    for asset in files("evofool.pages").joinpath("assets").iterdir():
        name = asset.name if asset.name == "index.html" else f"assets/{asset.name}"
        yield name, _text(asset.read_text(encoding="utf-8"))
    yield (
        "assets/functions.js",
        _text(f"evofool.glsl = {json.dumps(cppn.glsl_functions())};\n"),
    )


def _text(text: str) -> Maker:
    return lambda path: _write(path, text)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
