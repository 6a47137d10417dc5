"""The right to write a run directory: one process at a time has it.

The lock is the operating system's (`flock`, or its equivalent on Windows), so that it ends with
the process that holds it, however that ends. Beside it lies who holds it, for the message to
whoever comes second, and to tell that an earlier writer was killed.

On one machine this is a promise. Between machines that share a folder it holds where the file
system passes `flock` on (NFS version 4, Lustre with its `flock` option, most others that are made
for clusters) and not elsewhere: there, two hosts could write one run directory.
"""

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from evofool.support.errors import UserError
from evofool.support.files import replacing, write_error

LOCK, OWNER = ".lock", ".writer.json"


class Writer(NamedTuple):
    """Who writes a run directory.

    Attributes:
        host: its name.
        process: number of the process on that host.
        started: when it took the lock, as ISO 8601 with the time zone.
    """

    host: str
    process: int
    started: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {self.started}"


@contextlib.contextmanager
def locked(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Holds the right to write a run directory while the body runs.

    Args:
        folder: the run directory; it exists.
        report: takes a line if an earlier writer was killed and its lock is taken over.

    Raises:
        UserError: another process writes it, or the folder cannot be written.
    """
    import filelock  # not loaded by commands that only read

    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        writer = read_writer(folder)
        raise UserError(
            f"{folder} is being written by {writer or 'another process'}; wait until it has "
            "ended or stop it, then try again"
        ) from error
    except OSError as error:
        raise write_error(folder / LOCK, error) from error
    try:
        before = read_writer(folder)
        if before is not None:
            report(f"{folder} was left by {before}, which ended without finishing: taking over")
        mine = Writer(socket.gethostname(), os.getpid(), _now())
        with replacing(folder / OWNER) as temporary:
            temporary.write_text(json.dumps(mine._asdict()) + "\n", encoding="utf-8")
        try:
            yield
        finally:
            (folder / OWNER).unlink(missing_ok=True)
    finally:
        lock.release()


def read_writer(folder: Path) -> Writer | None:
    """Returns who has, or had when it was killed, the right to write; None if nobody."""
    try:
        facts = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return Writer(str(facts["host"]), int(facts["process"]), str(facts["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")
