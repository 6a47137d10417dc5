"""Who was bred in a session: `breeding.json`, which is written ahead of a generation's checkpoint.

A bred generation is there from the moment of its checkpoint on. What the file lists beyond the
newest checkpoint was cut short: readers leave it out, and the next writer writes over it.
"""

from contextlib import suppress
from pathlib import Path
from typing import NotRequired, TypedDict

from evofool.evolution import breeding, has_its_seal, saved_generations, sealed
from evofool.support import (
    DamagedFileError,
    UserError,
    as_record,
    check_schema,
    read_json,
    write_json,
)

BREEDING, CHILDREN = "breeding.json", "children.png"
SCHEMA = 1


class ChildRecord(TypedDict):
    """Somebody in `breeding.json`: a founder, or a child.

    Attributes:
        born: (generation, child index).
        parents: their ids; of a founder, none.
        cell: place of its strongest class among those of the run.
        class_index: that class.
        label: of that class.
        confidence: of the classifier in that class, in [0, 1].
    """

    born: tuple[int, int]
    parents: list[tuple[int, int]]
    cell: int
    class_index: int
    label: str
    confidence: float


class BreedingRecord(TypedDict):
    """The content of `breeding.json`.

    Attributes:
        schema: of this file.
        source: the run directory that the founders are from.
        founders: the elites that the session began with.
        generations: the children of each generation, the oldest first.
        seal: SHA-256 of all the other members; early versions left it out.
    """

    schema: int
    source: str
    founders: list[ChildRecord]
    generations: list[list[ChildRecord]]
    seal: NotRequired[str]


def is_session(folder: Path) -> bool:
    """Says whether a run directory is a breeding session."""
    return (folder / BREEDING).exists()


def read_session(folder: Path, generation: int) -> BreedingRecord:
    """Reads who was bred in a session, up to the generation of a checkpoint.

    Raises:
        UserError: the file cannot be read, or is damaged; or nobody was bred by then.
    """
    record = _read(folder)
    record["generations"] = [some for some in record["generations"] if _number(some) <= generation]
    if not record["generations"]:
        raise UserError(
            f"{folder} is a session in which nobody was bred before its writer was stopped; breed "
            "again, with the same choice and --out"
        )
    return record


def is_ahead(folder: Path, generation: int) -> bool:
    """Says whether a generation was cut short after that of the newest checkpoint."""
    return _number(_read(folder)["generations"][-1]) > generation


def is_only_begun(folder: Path) -> bool:
    """Says whether a folder is a session in which nobody was bred, so that it has only copies."""
    with suppress(UserError):
        record = _read(folder)
        saved = saved_generations(folder / "checkpoints")
        first = record["generations"][:2]
        return not first or (len(first) == 1 and not any(g >= _number(first[0]) for g in saved))
    return False


def everybody(record: BreedingRecord) -> list[ChildRecord]:
    """Lists founders and children, the oldest first."""
    return [*record["founders"], *(child for some in record["generations"] for child in some)]


def kin_of(member: ChildRecord) -> breeding.Kin:
    """Returns somebody in a session as a parent."""
    generation, child = member["born"]
    return breeding.Kin((generation, child), member["cell"])


def write_session(folder: Path, record: BreedingRecord) -> None:
    """Writes who was bred in a session."""
    write_json(folder / BREEDING, sealed(record))


def _read(folder: Path) -> BreedingRecord:
    path = folder / BREEDING
    content = read_json(path)
    record = as_record(BreedingRecord, content, path)
    check_schema(record["schema"], (SCHEMA,), path)
    if ("seal" in record and not has_its_seal(content)) or not all(record["generations"]):
        raise DamagedFileError(f"{path} is damaged or was edited; put back a copy")
    return record


def _number(children: list[ChildRecord]) -> int:
    """Returns the generation that children are of."""
    return children[0]["born"][0]
