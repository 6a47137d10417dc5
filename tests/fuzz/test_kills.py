"""Commands that are killed as they write: nothing that is half there stays, and the next one works.

A process ends at any of its operations on files. The same command, or the one that its refusal
advises, then leaves what it would have left.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from evofool.support.files import is_temporary
from evofool.support.lock import LOCK, OWNER, is_of_lock
from tests.fuzz.conftest import Attempts

pytestmark = pytest.mark.fuzz

ROOT = Path(__file__).parents[2]
WRITERS = """
evolve --classifier mock:5:8x8x1 --generations 6 --batch-size 10 --checkpoint-every 2 --out new
resume run --generations 17
polish run --steps 1 --rounds 1 --widen 2 --classes 1 --out new
compare run --by encoding --csv new.csv --plot new.png
render run --class 0 --size 16 --out new.png
animate run --class 0 --to 1 --size 8 --fps 2 --seconds 1 --out new.gif
descent run --class 1 --out new.png
gallery run --out new.png
poster run --out new.png --count 2 --size 64 --least 0
site run --out new
export run --out new --least 0 --format png json svg
survive run --wear shift --out new
transfer run mock:5:8x8x1 --csv new.csv
quiz run --out new --questions 2
attack fgsm picture.png --classifier lenet --epsilon 0.1 --out new
train linear --out new.safetensors --epochs 1 --examples 32
audit mock:5:8x8x1 --images pictures --labels labels.csv --max-seconds 0 --out new
"""
LINES = [shlex.split(line) for line in WRITERS.strip().splitlines()]
TIMED = {"config.json", "metrics.jsonl", "audit.json", "audit.html"}  # hold times, or platforms


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code.
        operations: on files, up to its end.
        said: on standard error.
    """

    code: int
    operations: int
    said: str


class Commands:
    """Runs commands in forks of a process, and kills some; see `tests.fuzz.ending`."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def run(self, words: list[str], folder: Path, *, kill_at: int = 0) -> Ended:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([kill_at, str(folder), *words]) + "\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    program = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.ending"]
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Commands(process)


def left_in(folder: Path) -> dict[str, object]:
    """What a command has left: bytes of files, and what runs say of themselves."""
    found: dict[str, object] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name == "summary.json":
            found[name] = json.loads(path.read_text())["archive_sha256"]
        elif "checkpoints" not in path.parts and path.name not in TIMED:
            found[name] = path.read_bytes()
    return found


def test_kills_at_file_operations(attempts: Attempts, commands: Commands, folder: Path):
    whole: dict[int, tuple[Ended, dict[str, object]]] = {}
    copy = folder.with_name("copy")
    shutil.move(folder, copy)
    for rng in attempts:
        number = rng.randrange(len(LINES))
        words = LINES[number]
        if number not in whole:
            renew(copy, folder)
            ended = commands.run(words, folder)
            attempts.counts["whole"] += 1
            assert ended.code in (0, 4), f"{shlex.join(words)}: {ended}"
            whole[number] = ended, left_in(folder)
        ended, expected = whole[number]
        renew(copy, folder)
        at = rng.randint(1, ended.operations)
        commands.run(words, folder, kill_at=at)
        again = commands.run(words, folder)
        if advised := re.search(r"'evofool ([^']+)'", again.said):
            again = commands.run(shlex.split(advised[1]), folder)
        attempts.counts[f"exit {again.code}"] += 1
        found = differences(expected, left_in(folder))
        text = f"{shlex.join(words)}, killed at {at} of {ended.operations}"
        names = {path.name for path in folder.rglob(".*")}
        if "is not empty" in again.said and set(found) <= {f"new/{LOCK}", f"new/{OWNER}"}:
            continue  # all was done but for the lock
        if again.code != ended.code:
            attempts.fault(f"code: exit {again.code}: {again.said[-700:]}", text)
        elif left := [name for name in names if is_temporary(name) or is_of_lock(name)]:
            attempts.fault(f"left: {left}", text)
        elif found:
            attempts.fault(f"silent: {found} differ", text)
    attempts.finish()


def renew(copy: Path, folder: Path) -> None:
    """Makes the working folder as it was."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(copy, folder, symlinks=True, ignore=shutil.ignore_patterns("pipe"))


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """The names of files that one of two has alone, or that differ."""
    return sorted(name for name in one | other if one.get(name) != other.get(name))
