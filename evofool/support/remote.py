"""Runs, sweeps and models in object stores: `gs://BUCKET/runs/cppn-0`, read from a local copy.

What fsspec can list and read can be read here: `gs://` and `s3://` with the packages `gcsfs` and
`s3fs`, `file://` and others without. A copy lies in the user cache and is brought up to date when
it is asked for: files that are new or changed are fetched, those that are gone are removed. What
the files hold is checked as that of any folder. A copy is read, never written: see `locked`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from evofool.support.errors import UserError
from evofool.support.files import is_temporary, read_json, remove, replacing, write_json
from evofool.support.lock import COPIED, is_of_lock, locked
from evofool.support.loose import Foreign
from evofool.support.needing import needing
from evofool.support.platforms import user_cache
from evofool.support.urls import url_of

MOST_BYTES = 16 * 2**30  # of all files of a copy
MOST_FILES = 100_000
CHUNK_BYTES = 2**20
PATIENCE = 600.0  # seconds for another process that makes the same copy


def local_copy(place: str | Path) -> Path:
    """Returns where a file or folder can be read: a copy of what is in an object store.

    Args:
        place: a path, which is returned as it is, or a URL.

    Raises:
        UserError: there is nothing at the URL, more than a copy may hold, a package for its scheme
            is missing, it cannot be read, or changes meanwhile.
    """
    url = url_of(place)
    if url is None:
        return Path(place)
    name = PurePosixPath(url).name
    home = user_cache() / "remote" / hashlib.sha256(url.encode()).hexdigest()[:24]
    with needing(f"URLs such as {url}", "fsspec"):
        import fsspec
    try:
        files, root = fsspec.core.url_to_fs(url)
        found = _found(files, root)
        wanted = _checked(url, name, root, found)
        home.mkdir(parents=True, exist_ok=True)
        with locked(home, patience=PATIENCE):
            _bring_up_to_date(files, url, home, wanted)
    except ImportError as error:  # says which package
        raise UserError(f"cannot read {url}: {error}") from error
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"cannot read {url}: {reason}") from error
    return home / name


def _found(files: Foreign, root: str) -> Mapping[str, Mapping[str, Foreign]]:
    """Returns the facts of all files below a path; none where there is no such bucket."""
    try:
        return files.find(root, detail=True)
    except FileNotFoundError:
        return {}


def _checked(
    url: str, name: str, root: str, found: Mapping[str, Mapping[str, Foreign]]
) -> dict[str, tuple[str, int, str]]:
    """Says of every file where its copy lies below the folder of copies, and what it is like.

    Returns:
        By relative path: the path in the store, the size, and what changes when the file does.

    Raises:
        UserError: there are none, too many or too large ones, or a name leads out of the folder.
    """
    files = {path: facts for path, facts in found.items() if not _is_of_writer(path)}
    sizes = [facts.get("size") for facts in files.values()]
    if not files:
        raise UserError(f"there is nothing at {url}")
    known = sum(size or 0 for size in sizes)
    if None in sizes or known > MOST_BYTES or len(files) > MOST_FILES:
        raise UserError(
            f"{url} has {len(files):,} files of {known:,} bytes; expected at most {MOST_FILES:,} "
            f"and {MOST_BYTES:,}, each of a known size; copy what you need to this machine"
        )
    wanted = {}
    for path, facts in files.items():
        inner = path.removeprefix(root.rstrip("/")).lstrip("/")
        relative = PurePosixPath(name, inner)
        if ".." in relative.parts or "\\" in inner or "\0" in inner:
            raise UserError(f"{url} has a file {path!r}, whose name leads elsewhere")
        mark = hashlib.sha256(repr(sorted(facts.items(), key=str)).encode()).hexdigest()
        wanted[str(relative)] = (path, facts["size"], mark)
    return wanted


def _is_of_writer(path: str) -> bool:
    name = PurePosixPath(path).name
    return is_of_lock(name) or is_temporary(name)


def _bring_up_to_date(
    files: Foreign, url: str, home: Path, wanted: Mapping[str, tuple[str, int, str]]
) -> None:
    """Fetches what is new or changed, and removes what is gone."""
    record = home / COPIED
    marks: dict[str, str] = read_json(record)["files"] if record.exists() else {}
    for gone in marks.keys() - wanted.keys():
        remove(home / gone)
    marks = {name: mark for name, mark in marks.items() if name in wanted}
    try:
        for name, (path, size, mark) in wanted.items():
            if marks.get(name) != mark or not (home / name).is_file():
                _fetch(files, path, home / name, size)
                marks[name] = mark
    finally:
        write_json(record, {"url": url, "files": marks})


def _fetch(files: Foreign, path: str, to: Path, size: int) -> None:
    """Copies a file, which has the size that the store said."""
    received = 0
    with replacing(to) as temporary, files.open(path, "rb") as source, temporary.open("wb") as sink:
        while received <= size and (chunk := source.read(CHUNK_BYTES)):
            sink.write(chunk)
            received += len(chunk)
        if received != size:
            raise ValueError(f"{path} has not the {size:,} bytes it had; it changes: try again")
