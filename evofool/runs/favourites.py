"""Favourites: elites that somebody has chosen in the browser, as the file that it saves."""

from pathlib import Path
from typing import TypedDict

from evofool.support import UserError, as_record, check_schema, read_json

FORMAT, VERSION = "evofool-favourites", 1


class Favourite(TypedDict):
    """One of the favourites.

    Attributes:
        run: name of its run directory.
        seed: of its independent run.
        run_index: which of the run's independent runs that is.
        class_index: the class that it is an elite of.
        label: of that class.
        born: (generation, child index).
    """

    run: str
    seed: int
    run_index: int
    class_index: int
    label: str
    born: list[int]


class Favourites(TypedDict):
    """The content of a file of favourites."""

    format: str
    version: int
    favourites: list[Favourite]


def read_favourites(path: str | Path) -> list[Favourite]:
    """Reads a file of favourites.

    Raises:
        UserError: it cannot be read, is no such file, or names nobody.
    """
    content = read_json(Path(path))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is no file of favourites; export one in the browser")
    check_schema(content.get("version"), (VERSION,), path)
    favourites = as_record(Favourites, content, path)["favourites"]
    if not favourites:
        raise UserError(f"{path} has no favourites; mark some in the browser and export them")
    wrong = [entry for entry in favourites if len(entry["born"]) != 2]
    if wrong:
        raise UserError(
            f"{path}: born is {wrong[0]['born']}; expected two numbers, generation and child"
        )
    return favourites
