"""Command lines of all commands, spoiled at random, in a folder full of traps."""

import json
import os
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import cli, data
from evofool.support.files import is_temporary
from evofool.support.lock import is_of_lock
from evofool.sweeps.sweep import ENGINES
from evofool.training import recipes
from tests.evofool.sweeps.conftest import carry_out_in_process
from tests.fuzz.conftest import FAMILIES, Answer, Attempts, ask
from tests.fuzz.lines import LINES, Line, names_one, parse, spoil

pytestmark = [
    pytest.mark.fuzz,
    # of a picture that is being saved when its command is interrupted: Pillow leaves it open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LEAST = 1000  # lines in the whole tier's ten minutes
PATIENT = 5  # seconds after which a command that works is interrupted
SHIPPED = Path(cli.__file__).parents[1] / "classifiers" / "weights"
CANARY = "open({!r}, 'w')\n\ndef make():\n    raise SystemExit(0)\n"
MODEL = "import evofool\n\ndef make():\n    return evofool.load_classifier('mock:5:8x8x1')\n"
State = dict[str, tuple[int, ...]]
# exit codes of lines that are right, other than 0: there is no network, and no such model
WORKS = {"audit": 4, "card": 2, "data": 2, "fine-tune": 2, "weights": 2}
CODES = {0, 1, 2, 130} | {3, 4}
RAN = "RAN"


@pytest.fixture
def folder(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, deep enough that ../.. of it is still watched."""
    work = tmp_path / "home" / "deep" / "work"
    shutil.copytree(whole, work / "run")
    shutil.copytree(whole, work / "stranger")
    for name in ("config.json",):
        path = work / "stranger" / name
        text = path.read_text().replace('"mock:5:8x8x1"', '"canary:make"')
        path.write_text(text)
    (work / "canary.py").write_text(CANARY.format(str(tmp_path / "home" / RAN)))
    (work / "mine.py").write_text(MODEL)
    for name in ("empty", "nets", "audit"):
        (work / name).mkdir()
    for suffix in (".json", ".safetensors"):
        shutil.copy(SHIPPED / f"lenet{suffix}", work / "nets")
    rng = np.random.default_rng(0)
    for number in range(10):
        image = Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))
        for path in (f"photographs/class {number % 5}/{number}.png", f"pictures/{number}.png"):
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(work / path)
    image.save(work / "picture.png")
    (work / "half.png").write_bytes((work / "picture.png").read_bytes()[:40])
    rows = [f"{number}.png,{number % 5}" for number in range(10)]
    (work / "labels.csv").write_text("\n".join(["file,index", *rows, ""]))
    (work / "settings.toml").write_text('classifier = "mock:5:8x8x1"\nbatch_size = 4\n')
    (work / "stranger.toml").write_text('classifier = "canary:make"\nbatch_size = 4\n')
    (work / "settings.json").write_text(json.dumps({"batch_size": 4}))
    plan = 'classifier = "mock:5:8x8x1"\nbatch_size = 4\ngenerations = 1\nseeds = 1\n'
    (work / "plan.toml").write_text(plan)
    about = dict.fromkeys(("address", "name", "family", "sha256", "real", "budget"), "x")
    about |= dict.fromkeys(("step", "classes", "real_images", "seed", "threshold"), 1)
    about |= {"input_shape": [8, 8, 1], "actions": [], "settings": []}
    summary = {"schema": 1, "status": "passed", "about": about, "metrics": {}}
    (work / "audit" / "audit.json").write_text(json.dumps(summary))
    os.mkfifo(work / "pipe")
    (work / "link").symlink_to("nowhere")
    return work


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
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(copy, home, symlinks=True, ignore=lambda *_: ["pipe"])
        os.mkfifo(folder / "pipe")
        os.chdir(folder)
        return home

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    digits = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), np.uint8)
    answers = np.arange(64, dtype=np.uint8) % 10
    small = data.Dataset(digits, answers, digits, answers)
    load = recipes.load_mnist
    monkeypatch.chdir(folder.parents[2])
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(import_module("evofool.web.serve"), "_wait", lambda until: None)
    monkeypatch.setitem(ENGINES, "local", carry_out_in_process)
    monkeypatch.setattr(recipes, "load_mnist", lambda path: load(path) if path else small)
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
