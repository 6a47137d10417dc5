"""The right to write a run directory, or a file: one process at a time has it.

The lock is the operating system's (`flock`, or its equivalent on Windows), so that it ends with
the process that holds it, however that ends. Beside it lies who holds it, for the message to
whoever comes second, and to tell that an earlier writer was killed.

On one machine this is a promise. Between machines that share a folder it holds where the file
system passes `flock` on (NFS version 4, Lustre with its `flock` option, most others that are made
for clusters) and not elsewhere: there, two hosts could write one run directory.
"""

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from evofool.support.errors import UserError
from evofool.support.files import make_folder, refuse_urls, replacing, write_error
from evofool.support.reading import parse_json, read_text

LOCK, OWNER = ".lock", ".writer.json"
COPIED = ".copied.json"  # beside a copy of what is elsewhere, which is never written
PATIENCE = 0.3  # seconds: a reader that asks who writes holds the lock for less
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what file systems without them say


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
def locked(
    target: Path,
    *,
    report: Callable[[str], None] = lambda text: None,
    patience: float = PATIENCE,
) -> Iterator[None]:
    """Holds the right to write a run directory, or a file, while the body runs.

    Args:
        target: a folder that exists; or a file, and whatever else belongs to it.
        report: takes a line if an earlier writer was killed and its lock is taken over, or if the
            file system has no locks.
        patience: seconds to wait for another writer.

    Raises:
        UserError: another process writes it, the folder cannot be written, or it is a copy of what
            is in an object store.
    """
    import filelock  # not loaded by commands that only read

    refuse_urls(target)
    _refuse_copies(target)
    lock_path, owner_path = _places(target)
    lock = filelock.FileLock(lock_path, timeout=patience)
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        writer = read_writer(target)
        raise UserError(
            f"{target} is being written by {writer or 'another process'}; wait until it has "
            "ended or stop it, then try again"
        ) from error
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise write_error(lock_path, error) from error
        report(f"{target} is on a file system without locks: let no other process write it")
    try:
        before = read_writer(target)
        if before is not None:
            report(f"{target} was left by {before}, which ended without finishing: taking over")
        mine = Writer(socket.gethostname(), os.getpid(), _now())
        with replacing(owner_path) as temporary:
            temporary.write_text(json.dumps(mine._asdict()) + "\n", encoding="utf-8")
        try:
            yield
        finally:
            owner_path.unlink(missing_ok=True)
    finally:
        try:
            # while it is held: whoever waits for it notices, and makes another
            with contextlib.suppress(OSError):  # Windows removes no file that is open
                lock_path.unlink()
        finally:
            lock.release()


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Makes a folder if need be, and holds the right to write it while the body runs.

    It is meant to be held before long work whose results go there: what cannot be written is
    refused at once. A folder in which nothing was written does not stay, nor do those above that
    were made for it.

    Raises:
        UserError: it cannot be made or written, or another process writes it.
    """
    made = make_folder(folder)
    try:
        with locked(folder):
            yield
    finally:
        for one in made:
            with contextlib.suppress(OSError):  # it is not empty
                one.rmdir()


def is_of_lock(name: str) -> bool:
    """Says whether a file in a folder belongs to the folder's lock."""
    return name in (LOCK, OWNER)


def writer_of(target: Path) -> Writer | None:
    """Returns who writes a run directory or a file at this moment; None if nobody does."""
    import filelock

    writer, lock_path = read_writer(target), _places(target)[0]
    if writer is None or not lock_path.exists():
        return None
    try:
        with filelock.FileLock(lock_path, timeout=0):
            return None
    except (OSError, NotImplementedError):  # held, or this user may not try
        return writer


def read_writer(target: Path) -> Writer | None:
    """Returns who has, or had when it was killed, the right to write; None if nobody."""
    try:
        path = _places(target)[1]
        facts = parse_json(read_text(path, most_bytes=2**16), path)
        return Writer(str(facts["host"]), int(facts["process"]), str(facts["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse_copies(target: Path) -> None:
    for folder in target.absolute().parents:
        if (folder / COPIED).exists():
            raise UserError(
                f"{target} is a copy of what lies elsewhere, and is only read; copy it to a folder "
                "of your own, and write that"
            )


def _places(target: Path) -> tuple[Path, Path]:
    """Returns the lock of a folder, in it, or that of a file, beside it; and who has it."""
    if target.is_dir():
        return target / LOCK, target / OWNER
    return target.with_name(f".{target.name}{LOCK}"), target.with_name(f".{target.name}{OWNER}")


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")
