"""Files that are there whole or not at all, JSON in them, and the errors of a full disk."""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from evofool.support.errors import UserError
from evofool.support.loose import JsonValue
from evofool.support.reading import MOST_JSON, parse_json, read_text
from evofool.support.urls import url_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

TEMPORARY = ".evofool-tmp-"  # begins the names of files that are being written
_asks_umask = threading.Lock()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; on success that file takes the place of `path`.

    After a crash at any moment, a power failure included, `path` holds either its old contents
    or the new ones. What writers that were killed left in the folder is removed.

    Raises:
        UserError: the disk is full, the folder cannot be written, or `path` is a folder or device.
    """
    with _folder_of(path):
        handle, temporary = _make_temporary(path)
        try:
            yield temporary
            os.chmod(temporary, 0o666 & ~_umask())
            # A rename may reach the disk before the contents do, and leave an empty file there.
            flush(temporary)
            os.replace(temporary, path)
            flush(path.parent)  # the folder holds the name
        finally:
            try:
                temporary.unlink(missing_ok=True)
            finally:
                if handle is not None:
                    os.close(handle)


@contextlib.contextmanager
def _folder_of(path: Path) -> Iterator[None]:
    """Makes the folders that a file is to be in; those that stay empty are removed again."""
    made: list[Path] = []
    try:
        if path.exists() and not path.is_file():  # /dev/null: a file would take its place for good
            raise UserError(f"cannot write {path}: it exists, and is no file")
        made += [folder for folder in path.parents if not folder.exists()]  # innermost first
        refuse_urls(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(path.parent)
        yield
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


def make_folder(folder: Path) -> list[Path]:
    """Makes a folder and those above it, where they are missing.

    Returns:
        Those that were missing, the innermost first.

    Raises:
        UserError: it cannot be made, or is in an object store.
    """
    refuse_urls(folder)
    try:
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    return made


def refuse_urls(path: Path) -> None:
    """Refuses to write to an object store: a folder here would get the address for its name."""
    if url := url_of(path):
        raise UserError(f"cannot write {url}: write to this machine, then copy it there")


def is_temporary(name: str) -> bool:
    """Says whether a file is one that `replacing` makes, and whoever is killed leaves behind."""
    return re.fullmatch(r"\.evofool-tmp-[a-z0-9_]{8}(\..+)?", name) is not None


def _make_temporary(path: Path) -> tuple[int | None, Path]:
    """Makes an empty file and locks it: its lock tells it from those that were left over.

    Returns:
        The descriptor that holds the lock, and the file. On Windows, where a file that is open
        cannot be renamed, there is no lock.
    """
    while True:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
        if fcntl is None:
            os.close(handle)
            return None, Path(name)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name):
            return handle, Path(name)
        os.close(handle)  # another process has removed it before it was locked


def _remove_left_over(folder: Path) -> None:
    """Removes the temporary files of processes that are gone; those of living ones are locked."""
    if fcntl is None:
        return
    for path in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):  # locked, removed by somebody else, or not ours
            if is_temporary(path.name):
                handle = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(handle)


def remove(path: Path) -> None:
    """Removes whatever is at a path: a file, a link, a folder with all in it, or nothing.

    Raises:
        UserError: it cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def write_json(path: Path, value: JsonValue) -> None:
    """Writes `value` as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> JsonValue:
    """Reads a JSON file.

    Raises:
        UserError: as `read_text` and `parse_json`.
    """
    return parse_json(read_text(path, most_bytes=MOST_JSON), path)


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file's contents, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_error(path: Path, error: OSError) -> UserError:
    """Makes the error that says why `path` could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UserError(f"no room to write {path}: {error.strerror}; free some space and resume")
    return UserError(f"cannot write {path}: {error.strerror or error}")


def flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot flush a folder; the file in it is there all the same.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    """Returns the permissions that new files lack; it can only be read by setting it."""
    with _asks_umask:  # a second thread would read the 0 that the first has set, and leave it
        mask = os.umask(0)
        os.umask(mask)
    return mask
