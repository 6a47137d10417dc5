"""Addresses of what lies in object stores, told from paths of this machine."""

import re
from pathlib import Path

# A `Path` keeps one slash of two; one letter before the colon is a drive.
_URL = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/{1,3}(?=[^/])")


def url_of(place: str | Path) -> str | None:
    """Returns the address of what is in an object store; None for a path on this machine.

    Example:
        >>> from pathlib import Path
        >>> url_of(Path("gs://bucket/runs/cppn-0")), url_of("runs/cppn-0")
        ('gs://bucket/runs/cppn-0', None)
    """
    text = str(place)
    found = _URL.match(text)
    if found is None or Path(text).exists():
        return None
    scheme = found.group(1).lower()
    return f"{scheme}://{'/' if scheme == 'file' else ''}{text[found.end() :].rstrip('/')}"


def full_path(place: str | Path) -> str:
    """Names a file or folder so that it is found from any folder."""
    return url_of(place) or str(Path(place).absolute())
