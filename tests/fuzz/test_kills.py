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

import jax
import numpy as np
import pytest
import safetensors.numpy
from jax import export

import evofool
from evofool.support.files import is_temporary
from evofool.support.lock import is_of_lock
from tests.evofool.torch_state import SMALL, state_of
from tests.fuzz.conftest import Attempts

pytestmark = pytest.mark.fuzz

ROOT = Path(__file__).parents[2]
WRITERS = """
evolve --classifier mock:5:8x8x1 --generations 6 --batch-size 10 --checkpoint-every 2 --out new
resume run --generations 17
breed run --classes 0 1 --children 3 --out new
breed session --numbers 1 2 --children 3
breed session --classes 1 --children 2
resume session --generations 18
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
fine-tune lenet --images pictures --labels labels.csv --runs digits --out new.safetensors --epochs 1
weights convert torch.safetensors --family squeezenet_v1.1 --card small.json --out new
card jaxexport:sum.jaxexport --out new.json
sweep plan.toml --out new --workers 1 --quiet
audit mock:5:8x8x1 --images pictures --labels labels.csv --max-seconds 0 --out new
"""
LINES = [shlex.split(line) for line in WRITERS.strip().splitlines()]
TIMED = {"metrics.jsonl", "audit.json", "audit.html"}  # hold times, or platforms


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
        elif path.name == "config.json":
            found[name] = json.loads(path.read_text())["config"]
        elif "checkpoints" not in path.parts and path.name not in TIMED:
            found[name] = path.read_bytes()
    return found


@pytest.fixture
def supplied(folder: Path) -> Path:
    """The working folder with what the commands about models need."""
    evofool.evolve("lenet", generations=1, batch_size=10, out=folder / "digits")
    shape = jax.ShapeDtypeStruct((*export.symbolic_shape("n"), 4, 4, 3), np.float32)
    exported = export.export(jax.jit(lambda images: images.sum(axis=(1, 2))))(shape)
    (folder / "sum.jaxexport").write_bytes(exported.serialize())
    state = state_of("squeezenet_v1.1", outputs=1000)
    tensors = {name: np.ascontiguousarray(value, np.float32) for name, value in state.items()}
    safetensors.numpy.save_file(tensors, folder / "torch.safetensors")
    (folder / "small.json").write_text(json.dumps(SMALL))
    return folder


class Killing:
    """Kills commands, each time in the same folder, and tells what is left in the end.

    Args:
        commands: runs them.
        folder: the working folder.
    """

    def __init__(self, commands: Commands, folder: Path):
        self._commands, self._folder = commands, folder
        self._copy = folder.with_name("copy")
        self._whole: dict[str, tuple[Ended, dict[str, object]]] = {}
        shutil.move(folder, self._copy)

    def whole(self, words: list[str]) -> tuple[Ended, dict[str, object]]:
        """How a command ends, and what it leaves, if nobody kills it."""
        line = shlex.join(words)
        if line not in self._whole:
            renew(self._copy, self._folder)
            ended = self._commands.run(words, self._folder)
            assert ended.code in (0, 4), f"{line}: {ended}"
            self._whole[line] = ended, left_in(self._folder)
        return self._whole[line]

    def fault_of(self, words: list[str], at: int) -> str:
        """Kills a command at an operation, and repeats it; returns what is wrong then, or ""."""
        ended, expected = self.whole(words)
        renew(self._copy, self._folder)
        self._commands.run(words, self._folder, kill_at=at)
        found = differences(expected, left_in(self._folder))
        if all(is_of_lock(Path(name).name) for name in found):
            return ""  # all was done but for the lock
        again = self._commands.run(words, self._folder)
        if advised := re.search(r"'evofool ([^']+)'", again.said):
            again = self._commands.run(shlex.split(advised[1]), self._folder)
        found = differences(expected, left_in(self._folder))
        names = {path.name for path in self._folder.rglob(".*")}
        if again.code != ended.code:
            return f"code: exit {again.code}: {again.said[-700:]}"
        if left := [name for name in names if is_temporary(name) or is_of_lock(name)]:
            return f"left: {left}"
        return f"silent: {found} differ" if found else ""


def test_kills_at_file_operations(attempts: Attempts, commands: Commands, supplied: Path):
    killing = Killing(commands, supplied)
    for rng in attempts:
        words = LINES[rng.randrange(len(LINES))]
        operations = killing.whole(words)[0].operations
        at = rng.randint(1, operations)
        if fault := killing.fault_of(words, at):
            attempts.fault(fault, f"{shlex.join(words)}, killed at {at} of {operations}")
    attempts.finish()


def renew(copy: Path, folder: Path) -> None:
    """Makes the working folder as it was."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(copy, folder, symlinks=True, ignore=shutil.ignore_patterns("pipe"))


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """The names of files that one of two has alone, or that differ."""
    return sorted(name for name in one | other if one.get(name) != other.get(name))
