"""What the fuzz tier works with: a command line in this process, watched, and a small run.

    pytest -m fuzz                                        # ten minutes
    pytest -m fuzz --fuzz-seconds 60 --fuzz-seed 7        # what CI does, with another seed

Every attempt is drawn from (seed, name of the test, number of the attempt), so that one that fails
is made again from what the message says.
"""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import evofool
from evofool import cli

HANG_SECONDS = 20
MOST_SECONDS = 100  # of a command that does not compute, where others may have the cores
COUNTS = "fuzz counts"
FAMILIES = 8  # tests that share the time
SHIPPED = Path(cli.__file__).parents[1] / "classifiers" / "weights"
CANARY = "open({!r}, 'w')\n\ndef make():\n    raise SystemExit(0)\n"
MODEL = "import evofool\n\ndef make():\n    return evofool.load_classifier('mock:5:8x8x1')\n"
RAN = "RAN"  # the file that the canary writes, should it ever run
NASTY = (
    *(None, True, -1, 0, 2**63, 1e400, float("nan"), "", "²", "\x1b[31m", "../../x", [], {}, [[]]),
    *(
        "[/b]",
        "=cmd|' /C calc'!A1",
        "a\nb",
        "x" * 5000,
        {"a": {"b": {}}},
        0.5,
        "mock:3",
        "os:getcwd",
    ),
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was tried, also by tests that passed in other processes."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, counts in report.user_properties:
            if name == COUNTS and report.when == "call":
                terminalreporter.write_line(f"fuzz {counts}")


class Hung(BaseException):
    """A command took longer than `HANG_SECONDS`."""


class Answer(NamedTuple):
    """What a command line answered.

    Attributes:
        code: the exit code, or None after a traceback or a hang.
        out: standard output.
        err: standard error.
        fault: "traceback" or "hang" with its text; empty if the command ended as it should.
    """

    code: int | None
    out: str
    err: str
    fault: str


def ask(*arguments: str, patience: float = HANG_SECONDS) -> Answer:
    """Runs one command in this process, for at most `HANG_SECONDS`, longer on a busy machine.

    Args:
        *arguments: of the command line.
        patience: seconds after which it is interrupted, as by Ctrl-C, if that is less.
    """
    may_hang, is_hung = patience < HANG_SECONDS, False  # until it is interrupted
    began, computed = time.monotonic(), time.process_time()

    def alarm(number: int, frame: object) -> None:
        nonlocal may_hang, is_hung
        if may_hang:
            may_hang = False
            os.kill(os.getpid(), signal.SIGINT)
        elif (
            time.process_time() - computed > HANG_SECONDS / 2
            or time.monotonic() - began > MOST_SECONDS  # else others may have the cores
        ):
            is_hung = True
            raise Hung

    out, err, fault = io.StringIO(), io.StringIO(), ""
    code: int | None = None
    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, min(patience, HANG_SECONDS), HANG_SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(list(arguments))
    except SystemExit as exit_:  # tyro's refusals
        code = exit_.code if isinstance(exit_.code, int) else 1
    except BaseException:
        fault = "traceback: " + traceback.format_exc()[-1500:]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if is_hung:  # also if the command took that for an error of a classifier
        code, fault = None, "hang"
    if not fault and "Traceback (most recent call last)" in err.getvalue():
        code, fault = None, "traceback: " + err.getvalue()[-1500:]
    return Answer(code, out.getvalue(), err.getvalue(), fault)


class Attempts:
    """Counts attempts until the time of one family is over, and collects what went wrong."""

    def __init__(self, test: pytest.Item, seed: int, seconds: float):
        self.name, self.seed, self.seconds = test.name, seed, seconds
        self.least = 3
        self.test = test
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def __iter__(self) -> Iterator[random.Random]:
        end = time.monotonic() + self.seconds
        number = 0
        while time.monotonic() < end or number < self.least:
            self.attempt = f"{self.seed} {self.name} {number}"
            yield random.Random(self.attempt)
            self.counts["attempts"] += 1
            number += 1

    def fault(self, what: str, text: str) -> None:
        """Books something that must not happen."""
        self.counts[what.split(":")[0]] += 1
        self.faults.append(f"[attempt {self.attempt!r}] {text}: {what}")

    def finish(self) -> None:
        """Reports the counts; fails if anything went wrong."""
        self.test.user_properties.append((COUNTS, f"{self.name}: {dict(self.counts)}"))
        assert not self.faults, f"{len(self.faults)} faults, the first:\n" + "\n".join(
            self.faults[:8]
        )


@pytest.fixture
def attempts(request: pytest.FixtureRequest) -> Attempts:
    options = request.config.option
    return Attempts(request.node, options.fuzz_seed, options.fuzz_seconds / FAMILIES)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with three checkpoints."""
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    evofool.evolve(
        "mock:5:8x8x1", generations=15, batch_size=10, checkpoint_every=5, out=folder, seed=3
    )
    return folder


@pytest.fixture(scope="session")
def bred(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A breeding session of one generation."""
    session = tmp_path_factory.mktemp("fuzz") / "session"
    return evofool.breed(whole, classes=["0", "1"], children=3, out=session).run.folder


@pytest.fixture
def copied(whole: Path, tmp_path: Path):
    """Makes a fresh copy of the run, in the same place each time."""

    def copy() -> Path:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return Path(shutil.copytree(whole, tmp_path / "run"))

    return copy


@pytest.fixture
def folder(whole: Path, bred: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, deep enough that ../.. of it is still watched."""
    work = tmp_path / "home" / "deep" / "work"
    shutil.copytree(whole, work / "run")
    shutil.copytree(whole, work / "stranger")
    shutil.copytree(bred, work / "session")
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
