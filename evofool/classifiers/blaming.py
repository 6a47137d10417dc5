"""Errors of a classifier's code: each names the classifier and the line that failed."""

import contextlib
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from evofool.support import UserError

_PACKAGE = Path(__file__).parents[1]


class ClassifierError(UserError):
    """The code of a classifier failed, or tried to end the program."""


@contextlib.contextmanager
def blaming(name: str, *, doing: str = "") -> Iterator[None]:
    """Turns whatever a classifier's code raises into an error that names its line.

    That includes `SystemExit`, which would end the program as if all were well, and a connection
    that is closed or timed out. Ctrl-C stays what it is. What the code prints goes to standard
    error: standard output is for results, which may be JSON.

    Args:
        name: of the classifier.
        doing: what it was asked, for the message, for instance "on black images".

    Raises:
        ClassifierError: anything was raised but a `UserError` of evofool's own.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (ClassifierError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit, and whatever else a library derives from it
        frames = traceback.extract_tb(error.__traceback__)
        foreign = [frame for frame in frames if not _is_installed(Path(frame.filename))]
        if isinstance(error, UserError) and not foreign:
            raise
        of_user = [frame for frame in foreign if frame.filename == foreign[0].filename]
        place = f" ({of_user[-1].filename}, line {of_user[-1].lineno})" if of_user else ""
        text = f": {reason}" if (reason := first_line(error)) else ""
        failed = f"{name} failed {doing}".rstrip()
        raise ClassifierError(f"{failed}: {type(error).__name__}{text}{place}") from error


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message."""
    return str(error).strip().split("\n")[0]


def _is_installed(file: Path) -> bool:
    """Tells evofool's own files, Python's and those of packages from the user's."""
    places = (_PACKAGE, *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")))
    return str(file).startswith("<frozen ") or any(file.is_relative_to(p) for p in places)
