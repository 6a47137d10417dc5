"""Lines of text on standard output and standard error, made harmless for terminals.

Labels, file names and messages of other people's code are part of what commands say. Every line
goes through `say` or `complain`, and every table through `evofool.cli.console`.
"""

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast

from evofool.support import DamagedFileWarning, ModelWarning, printable, shortened

MOST_LETTERS = 2000  # of a message: one may quote a value of a file, of any length


def say(text: object, *, to_errors: bool = False) -> None:
    """Prints text at once, with control characters as their escapes; line ends stay.

    Args:
        text: to print.
        to_errors: on standard error.
    """
    print(printable(str(text), keep="\n"), file=sys.stderr if to_errors else None, flush=True)


def complain(message: str) -> None:
    """Prints why a command was refused, on standard error."""
    say(f"evofool: {shortened(message, MOST_LETTERS)}", to_errors=True)


@contextmanager
def escaped_errors(words: Sequence[str]) -> Iterator[None]:
    """Escapes control characters on standard error, styles left out, where words have any.

    Messages of tyro repeat the user's words as they are.
    """
    if all(word == printable(word) for word in words):
        yield
        return
    with redirect_stderr(cast(TextIO, _Escaping(sys.stderr))):
        yield


class _Escaping:
    """Standard error, without styles and control characters."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(re.sub(r"\x1b\[[0-9;]*m", "", text), keep="\n\r"))
        return len(text)

    def __getattr__(self, name: str) -> object:  # flush, isatty, ...
        return getattr(self._stream, name)


_AS_LINES = (DamagedFileWarning, ModelWarning)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Prints each warning about a damaged file or a model as one line on standard error."""
    show = warnings.showwarning

    def show_line(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any
    ) -> None:
        if issubclass(category, _AS_LINES):
            complain(f"warning: {message}")
        else:
            show(message, category, filename, lineno, *rest)

    with warnings.catch_warnings():
        for category in _AS_LINES:
            warnings.simplefilter("always", category)
        warnings.showwarning = show_line
        yield
