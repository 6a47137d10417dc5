"""Text files that come from anywhere, read with limits: size, kind, encoding, depth.

What is read is small by nature: settings, cards, labels, tables. A file above the limit, a named
pipe that would wait for ever, bytes that are no UTF-8 and brackets that nest without end are each
refused with what was expected. A byte order mark, which editors on Windows leave, is no part of
the text.
"""

import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evofool.support.errors import UserError

MOST_BYTES = 64 * 2**20  # of a text file


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Reads a text file.

    Args:
        path: of a regular file.
        most_bytes: the largest size that is read.

    Raises:
        UserError: it is missing, not a regular file, not readable, too large, or not UTF-8.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "no regular file"
            raise UserError(f"cannot read {path}: it is {kind}")
        if facts.st_size > most_bytes:
            raise UserError(
                f"{path} has {facts.st_size:,} bytes; expected at most {most_bytes:,} of a file "
                "of its kind"
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (at byte {error.start})") from error


def parse_json(text: str, source: str | Path) -> Any:
    """Parses JSON.

    Args:
        text: the JSON.
        source: where it comes from, for the message.

    Raises:
        UserError: it is not JSON, nested too deeply, or a number has too many digits.
    """
    return _parse(json.loads, text, source, "JSON")


def parse_toml(text: str, source: str | Path) -> dict[str, Any]:
    """Parses TOML; otherwise as `parse_json`."""
    return _parse(tomllib.loads, text, source, "TOML")


def _parse(parse: Callable[[str], Any], text: str, source: str | Path, name: str) -> Any:
    try:
        return parse(text)
    except RecursionError as error:
        raise UserError(f"{source} is not usable {name}: it is nested too deeply") from error
    except ValueError as error:  # also of tomllib and of numbers with thousands of digits
        raise UserError(f"{source} is not valid {name}: {error}") from error
