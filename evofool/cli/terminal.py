"""The terminal that a command writes to: its width, and standard streams that may fail.

Standard output can be closed early (`| head`), be closed from the start (`>&-`) or be full
(`> /dev/full`). Inside `guarded_streams` such a failure is an exception of its own, so that it
cannot be mistaken for one of the command: a classifier that loses its connection raises
`BrokenPipeError` as well.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Protocol, TextIO, cast, runtime_checkable

from evofool.support import UserError

# tyro's layout of help needs some 30 columns, and below them never ends
# (`COLUMNS=5 evofool evolve --help` took 20 GB); boxes of a billion columns are no better.
NARROWEST, WIDEST = 40, 400


class OutputClosedError(Exception):
    """The reader of standard output, for instance `head`, has closed it."""


@runtime_checkable
class Stream(Protocol):
    """What is used of a standard stream."""

    def write(self, text: str, /) -> int:
        """Writes text."""
        ...

    def flush(self) -> None:
        """Writes what is still in the buffer."""
        ...

    def isatty(self) -> bool:
        """Tells whether this is a terminal."""
        ...

    def fileno(self) -> int:
        """Returns the descriptor."""
        ...


def width() -> int:
    """Returns the number of columns of the terminal."""
    return shutil.get_terminal_size().columns


@contextmanager
def bounded_width() -> Iterator[None]:
    """Makes libraries that ask for the terminal's width get one that they can lay out text in."""
    before = os.environ.get("COLUMNS")
    bounded = min(max(width(), NARROWEST), WIDEST)
    if bounded == width():
        yield
        return
    os.environ["COLUMNS"] = str(bounded)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Lets standard output fail with errors of its own, and standard error fail in silence.

    Within this context, writing to standard output raises `OutputClosedError` when its reader has
    closed it, and `UserError` when it is full or was never open. A run goes on when nobody reads
    its progress: failures of standard error are ignored. Letters that the encoding of a stream
    lacks are written as their codes.
    """
    for descriptor in (0, 1, 2):
        _occupy(descriptor)
    output = _Guarded(sys.stdout, _output_failed)
    errors = _Guarded(sys.stderr, lambda error: None)
    try:
        with redirect_stdout(cast(TextIO, output)), redirect_stderr(cast(TextIO, errors)):
            yield
    finally:
        errors.flush()
        output.flush()


def _output_failed(error: OSError | None) -> None:
    if isinstance(error, BrokenPipeError):
        raise OutputClosedError from error
    reason = "it is closed" if error is None else error.strerror
    raise UserError(f"cannot write to standard output: {reason}") from error


class _Guarded:
    """A text stream that reports its failures to a function; None is a stream that is closed.

    After a failure the stream's descriptor leads nowhere, so that what is left in its buffer
    cannot fail again, at the latest when Python ends.
    """

    def __init__(self, stream: Stream | None, failed: Callable[[OSError | None], None]):
        self._stream = stream
        self._failed = failed

    def write(self, text: str) -> int:
        if self._stream is None:
            if text:
                self._failed(None)
            return len(text)
        try:
            return self._stream.write(text)
        except UnicodeEncodeError as error:  # of a stream in a code page, for instance on Windows
            self._stream.write(
                text.encode(error.encoding, "backslashreplace").decode(error.encoding)
            )
            return len(text)
        except OSError as error:
            _discard(self._stream)
            self._failed(error)
            return len(text)

    def flush(self) -> None:
        if self._stream is None:
            return
        try:
            self._stream.flush()
        except OSError as error:
            _discard(self._stream)
            self._failed(error)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> object:  # encoding, fileno, buffer, ...
        return getattr(self._stream, name)


def _discard(stream: Stream) -> None:
    """Sends what a stream still holds, and all that follows, to the null device."""
    with suppress(OSError, ValueError):  # a stream of a test has no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _occupy(descriptor: int) -> None:
    """Opens the null device as a descriptor from 0 to 2 that is closed.

    Otherwise the next file that is opened, for instance a checkpoint, would take its number, and
    get what C++ libraries print to standard output.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
