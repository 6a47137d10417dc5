"""Command lines of all commands, spoiled at random, in a folder full of traps."""

import os
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from evofool.support.files import is_temporary
from evofool.support.lock import is_of_lock
from evofool.sweeps.sweep import ENGINES
from evofool.training import recipes
from tests.evofool.sweeps.conftest import carry_out_in_process
from tests.fuzz.conftest import FAMILIES, RAN, Answer, Attempts, ask
from tests.fuzz.ending import small_mnist
from tests.fuzz.lines import LINES, Line, names_one, parse, spoil

pytestmark = [
    pytest.mark.fuzz,
    # of a picture that is being saved when its command is interrupted: Pillow leaves it open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LEAST = 1000  # lines in the whole tier's ten minutes
PATIENT = 5  # seconds after which a command that works is interrupted
State = dict[str, tuple[int, ...]]
# exit codes of lines that are right, other than 0: there is no network, and no such model
WORKS = {"audit": 4, "card": 2, "data": 2, "fine-tune": 2, "weights": 2}
CODES = {0, 1, 2, 130} | {3, 4}


def state_of(folder: Path) -> State:
    """What is in a folder, and when it was written."""
    found: State = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        found[path.relative_to(folder).as_posix()] = (
            facts.st_mode,
            *((facts.st_size, facts.st_mtime_ns) if not path.is_dir() else ()),
        )
    return found


@pytest.fixture
def worlds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Makes the working folder as it was, and keeps commands from the network and from waiting."""
    home, copy = folder.parents[1], folder.parents[2] / "copy"
    shutil.move(home, copy)

    def renew() -> Path:
        os.chdir(copy)
        while home.exists():  # a thread of what was interrupted may write for a moment
            shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(copy, home, symlinks=True, ignore=lambda *_: ["pipe"])
        os.mkfifo(folder / "pipe")
        os.chdir(folder)
        return home

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    load = recipes.load_mnist
    monkeypatch.chdir(folder.parents[2])
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(import_module("evofool.web.serve"), "_wait", lambda until: None)
    monkeypatch.setitem(ENGINES, "local", carry_out_in_process)
    monkeypatch.setattr(recipes, "load_mnist", lambda path: load(path) if path else small_mnist())
    return renew


def test_bad_command_lines(attempts: Attempts, worlds: Callable[[], Path]):
    """One thing, or two, of a command line that works is wrong.

    A refusal exits with 2 and names what was wrong; it leaves nothing, and nothing ran that only a
    file names. What is accepted, or fails for another reason, leaves no temporary files.
    """
    attempts.least = round(LEAST * attempts.seconds * FAMILIES / 600)
    for text in LINES:
        worlds()
        answer = ask(*parse(text).words)
        if answer.code != WORKS.get(text.split()[0], 0) or answer.fault:
            attempts.faults.append(f"{text} should work: {answer}")
    home, before = worlds(), state_of(worlds())
    for rng in attempts:
        line = spoil(rng)
        answer = ask(*line.words, patience=PATIENT)
        attempts.counts[f"exit {answer.code}"] += 1
        after = state_of(home)
        for fault in faults_of(line, answer, before, after):
            attempts.fault(fault, shlex.join(line.words))
        if after != before or not Path.cwd().samefile(home / "deep" / "work"):
            before = state_of(worlds())
    attempts.finish()


def faults_of(line: Line, answer: Answer, before: State, after: State) -> Iterator[str]:
    """What must not happen, of what came of a line."""
    said = answer.err + answer.out
    if answer.fault:
        yield answer.fault
    elif answer.code not in CODES:
        yield f"code: exit {answer.code}"
    elif answer.code == 2 != WORKS.get(line.command[0]) and not names_one(said, line.names):
        yield f"silent: names none of {line.names}: {said[-400:]!r}"
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    if answer.code == 2 and changed:
        yield f"left: {sorted(changed)[:9]} changed, {said[-300:]!r}"
    names = {path.rpartition("/")[2] for path in changed & after.keys()}
    if left := [name for name in names if is_temporary(name) or is_of_lock(name)]:
        yield f"left: {left}, exit {answer.code}"
    if RAN in after:
        yield "ran: code that the user did not name"
