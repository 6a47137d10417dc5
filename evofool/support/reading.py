"""Files that come from anywhere, read with limits: kind, size, encoding, depth.

What is read is small by nature: settings, cards, labels, tables. A file above the limit, a named
pipe that would wait for ever, bytes that are no UTF-8 and brackets that nest without end are each
refused with what was expected. A byte order mark, which editors on Windows leave, is no part of
the text. Arrays are read by `evofool.support.arrays`, images by `evofool.data`.
"""

import gzip
import io
import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

from evofool.support.errors import UserError
from evofool.support.loose import JsonValue

MOST_BYTES = 64 * 2**20  # of a text file
MOST_JSON = 16 * 2**20  # of a JSON file: its values take some 30 times as much memory


def check_file(path: Path, *, most_bytes: int) -> int:
    """Makes sure that a path is that of a file that can be read whole, before it is opened.

    Args:
        path: of a regular file.
        most_bytes: the largest size that a file of its kind can have.

    Returns:
        Its size in bytes.

    Raises:
        UserError: it is missing, too large, a folder, or something that may never end: a named
            pipe, a device.
    """
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(facts.st_mode):
        raise UserError(f"cannot read {path}: it is a folder")
    if not stat.S_ISREG(facts.st_mode):
        raise UserError(f"cannot read {path}: it is no regular file")
    if facts.st_size > most_bytes:
        raise _too_large(path, f"{facts.st_size:,}", most_bytes)
    return facts.st_size


def read_bytes(path: Path, *, most_bytes: int) -> bytes:
    """Reads a file.

    Args:
        path: of a regular file.
        most_bytes: the largest size that is read.

    Raises:
        UserError: as `check_file`, or it is not readable.
    """
    check_file(path, most_bytes=most_bytes)
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)  # it may have grown, and /proc tells no sizes
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > most_bytes:
        raise _too_large(path, f"more than {most_bytes:,}", most_bytes)
    return content


def gunzipped(content: bytes, most_bytes: int) -> bytes:
    """Unpacks gzip, at most one byte more than `most_bytes`, so that more can be noticed.

    Raises:
        OSError, EOFError, zlib.error: it is damaged.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        return packed.read(most_bytes + 1)


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Reads a text file; otherwise as `read_bytes`.

    Raises:
        UserError: as `read_bytes`, or it is not UTF-8.
    """
    try:
        return read_bytes(path, most_bytes=most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (at byte {error.start})") from error


def parse_json(text: str, source: str | Path) -> JsonValue:
    """Parses JSON.

    Args:
        text: the JSON.
        source: where it comes from, for the message.

    Raises:
        UserError: it is not JSON, nested too deeply, or a number has too many digits.
    """
    return _parse(json.loads, text, source, "JSON")


def parse_toml(text: str, source: str | Path) -> dict[str, JsonValue]:
    """Parses TOML; otherwise as `parse_json`."""
    return _parse(tomllib.loads, text, source, "TOML")


def _parse(
    parse: Callable[[str], JsonValue], text: str, source: str | Path, name: str
) -> JsonValue:
    try:
        return parse(text)
    except RecursionError as error:
        raise UserError(f"{source} is not usable {name}: it is nested too deeply") from error
    except ValueError as error:  # also of tomllib and of numbers with thousands of digits
        raise UserError(f"{source} is not valid {name}: {error}") from error


def _unreadable(path: Path, error: OSError | ValueError) -> UserError:
    reason = error.strerror if isinstance(error, OSError) else None
    return UserError(f"cannot read {path}: {reason or error}")


def _too_large(path: Path, size: str, most_bytes: int) -> UserError:
    return UserError(
        f"{path} has {size} bytes; expected at most {most_bytes:,} of a file of its kind"
    )
