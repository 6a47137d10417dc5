"""Files that are there whole or not at all, JSON in them, and the errors of a full disk."""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evofool.support.errors import UserError
from evofool.support.reading import parse_json

JsonValue = Any  # what `json.loads` returns; whoever reads a file checks the values one by one


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; on success that file takes the place of `path`.

    After a crash at any moment, a power failure included, `path` holds either its old contents
    or the new ones.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
    except OSError as error:
        raise write_error(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        # A rename may reach the disk before the contents do, and leave an empty file there.
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)  # the folder holds the name
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: JsonValue) -> None:
    """Writes `value` as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> JsonValue:
    """Reads a JSON file.

    Raises:
        UserError: it is missing or not JSON.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    return parse_json(text, path)


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file's contents, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def user_cache() -> Path:
    """Returns evofool's folder in the user cache, `$XDG_CACHE_HOME` or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evofool"


def write_error(path: Path, error: OSError) -> UserError:
    """Makes the error that says why `path` could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UserError(f"no room to write {path}: {error.strerror}; free some space and resume")
    return UserError(f"cannot write {path}: {error.strerror or error}")


def _flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
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
    mask = os.umask(0)
    os.umask(mask)
    return mask
