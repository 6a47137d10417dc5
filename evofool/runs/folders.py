"""Folders that are written as a whole: run directories, and what is made of runs.

One process at a time writes a folder. What a process that was killed left in one is taken over
where that loses nothing; anything else is refused, with what can be done.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from evofool.evolution import resume_command, starters
from evofool.runs.breeding_record import BREEDING, CHILDREN, is_only_begun
from evofool.runs.summary import read_manifest, settled
from evofool.support import (
    JsonValue,
    UserError,
    is_of_lock,
    is_temporary,
    locked,
    make_folder,
    read_json,
    remove,
    write_error,
    write_json,
    writer_of,
)

CONFIG, SUMMARY = "config.json", "summary.json"
AGAIN = ".again"  # folder in which what is damaged is made again
OF_RUNS = frozenset(
    {CONFIG, SUMMARY, "metrics.jsonl", "checkpoints", "lineage", "memory.json", starters.FILE}
    | {"gallery.png", "convergence.png", BREEDING, CHILDREN, AGAIN}
)
UNFINISHED = ".unfinished.json"  # what a folder of results is to become, until it is whole


def named(folder: Path) -> Path:
    """Returns a path to a folder that ends in its name, as "." and ".." do not."""
    return folder if folder.name not in ("", "..") else folder.resolve()


@contextlib.contextmanager
def new_run_folder(
    out: str | Path | None,
    *,
    name: str,
    overwrite: bool,
    report: Callable[[str], None],
    source: Path | None = None,
) -> Iterator[Path]:
    """Makes an empty run directory, and holds the right to write it.

    Args:
        out: the folder; a new one under `runs/` if None.
        name: of the new one; a number is appended where it exists.
        overwrite: whether a run in `out` is removed.
        report: takes a line if a lock is taken over.
        source: the run directory that the new one is made from, which nothing may overwrite.

    Raises:
        UserError: `out` holds a run and `overwrite` is False, or holds something else or the
            source, or another process writes it, or it cannot be written.
    """
    folder = Path(out) if out is not None else None
    if folder is not None and source is not None and folder.resolve() == source.resolve():
        raise UserError(f"{folder} is the run that another is made from; choose another --out")
    try:
        if folder is None:
            folder = _make_numbered(Path("runs") / name)
        if writer_of(folder) is None:  # else the lock says so
            _refuse_what_is_there(folder, overwrite)
        make_folder(folder)
    except OSError as error:
        raise write_error(folder or Path("runs"), error) from error
    with locked(folder, report=report):
        _refuse_what_is_there(folder, overwrite)  # by now nobody else can add to it
        _empty(folder)
        yield folder


@contextlib.contextmanager
def result_folder(out: str | Path, content: JsonValue, *, mark: str = UNFINISHED) -> Iterator[Path]:
    """Makes a folder of results, and holds the right to write it.

    What a process was killed in is made whole by the same command: the body writes all its files.

    Args:
        out: the folder, new or empty, or one in which the same content was begun.
        content: what it is made of, as JSON values.
        mark: the file that says so; it stays if it is another than `UNFINISHED`.

    Raises:
        UserError: `out` holds something else, or another process writes it, or it cannot be
            written.
    """
    folder = Path(out)
    try:
        if writer_of(folder) is None:  # else the lock says so
            _refuse_other_results(folder, mark, content)
        make_folder(folder)
    except OSError as error:
        raise write_error(folder, error) from error
    with locked(folder):
        _refuse_other_results(folder, mark, content)  # by now nobody else can add to it
        write_json(folder / mark, content)
        yield folder
        if mark == UNFINISHED:
            (folder / mark).unlink()


def _refuse_what_is_there(folder: Path, overwrite: bool) -> None:
    """Refuses a folder that a new run may not take."""
    contents = _contents(folder)
    if not contents or is_only_begun(folder):
        return
    if not _is_run(folder, contents):
        raise UserError(f"{folder} is there already, not a run directory; choose another --out")
    if not overwrite:
        go_on = f"go on with '{resume_command(folder)}', " if _can_go_on(folder) else ""
        raise UserError(
            f"{folder} is there already; {go_on}choose another --out, or replace it with "
            "--overwrite"
        )


def _can_go_on(folder: Path) -> bool:
    """Says whether `resume` can open a run directory: its configuration is there and whole."""
    try:
        settled(read_manifest(folder), folder)
    except UserError:
        return False
    return True


def _refuse_other_results(folder: Path, mark: str, content: JsonValue) -> None:
    """Refuses a folder that holds anything but a beginning of the same content."""
    contents, stored = _contents(folder), json.loads(json.dumps(content))
    if contents and not (mark in contents and read_json(folder / mark) == stored):
        raise UserError(f"{folder} is not empty; choose another --out, or remove it")


def _is_run(folder: Path, contents: set[str]) -> bool:
    """Says whether a folder is a run directory, or what is left of one.

    Other programs write a `config.json`, too; ours names evofool.
    """
    if contents <= OF_RUNS:
        return True
    with contextlib.suppress(UserError):
        return CONFIG in contents and "evofool" in read_json(folder / CONFIG)
    return False


def is_tidy(folder: Path) -> bool:
    """Says whether a folder holds nothing that a killed writer leaves in any."""
    return not any(_is_of_writer(path.name) for path in folder.iterdir())


def _contents(folder: Path) -> set[str]:
    """Returns the names in a folder but for those that a killed writer leaves in any."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a folder, or a new name")
    return {path.name for path in folder.iterdir() if not _is_of_writer(path.name)}


def _is_of_writer(name: str) -> bool:
    return is_of_lock(name) or is_temporary(name)


def _empty(folder: Path) -> None:
    """Removes a run; what belongs to no run first, then the configuration.

    Whatever is left when it is killed then is a run directory that cannot be resumed.
    """
    names = _contents(folder)
    for name in sorted(names, key=lambda name: (name in OF_RUNS, name != CONFIG)):
        remove(folder / name)


def _make_numbered(base: Path) -> Path:
    for number in itertools.count(1):
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")
