"""Runs that are killed at random moments, resumed, and in the end equal those that were not.

They are resumed on one and on two devices in turn.

Moments are counted in generations, drawn from a seed, and a little time, so that they fall
everywhere whatever the speed of the machine. What a process was doing when it was killed is known
from the letter of `tests.evofool.traced`, and from the half-written checkpoint that it left.
"""

import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.evofool.loop import lines_of, records_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PATIENCE = 120  # seconds to wait for a process


class Story(NamedTuple):
    """A run, how it is cut short, and how long it is in the end.

    Attributes:
        flags: of `evofool evolve`, without the number of generations.
        kills: for each length the run is extended to, how often it is killed on the way.
        lengths: number of generations, the last one final.
    """

    flags: tuple[str, ...]
    kills: tuple[int, ...]
    lengths: tuple[int, ...]


COMMON = ("--classifier", "mock:10:32x32x3", "--keep-checkpoints", "2", "--quiet")
DIRECT = (*COMMON, "--encoding", "direct", "--batch-size", "200")
STORIES = {
    "one run": Story((*DIRECT, "--checkpoint-every", "4"), (5,), (60,)),
    "three runs": Story((*DIRECT, "--checkpoint-every", "5", "--runs", "3"), (4,), (60,)),
    "extended": Story(
        (*COMMON, "--encoding", "cppn", "--batch-size", "300", "--checkpoint-every", "3"),
        (1, 2),
        (40, 80),
    ),
}


class Kill(NamedTuple):
    """What a killed process left behind."""

    was_writing: bool


class Ending(NamedTuple):
    """How a story ended, beside the same run without a kill."""

    kills: list[Kill]
    killed: Path
    whole: Path
    complaints: str


def start(note: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.evofool.traced", str(note), *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Waits for a process that should succeed; returns what it complained about."""
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints
    return complaints


def half_written(folder: Path) -> set[Path]:
    return set((folder / "checkpoints").glob("*tmp*"))


def kill_in_time(
    process: subprocess.Popen[str],
    folder: Path,
    note: Path,
    moment: random.Random,
    *,
    while_writing: bool,
) -> Kill:
    """Kills a process at a random moment; returns what it was doing.

    The first process of a run is killed while it compiles, before there is a checkpoint. Later
    ones compute generations, and are waited for until they write a checkpoint if that is wanted.
    """
    letter = "G" if (folder / "checkpoints").exists() else "C"
    generations = moment.randint(0, 8) if letter == "G" else 0
    waits_for_checkpoint = letter == "G" and while_writing
    leftover = half_written(folder)
    first, deadline = None, time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        text = note.read_text(encoding="utf-8")
        if text.startswith(letter):
            first = int(text[1:]) if first is None else first
            is_writing = not half_written(folder) <= leftover
            if int(text[1:]) >= first + generations and (is_writing or not waits_for_checkpoint):
                break
        time.sleep(0.0005)
    time.sleep(moment.uniform(0, 0.005))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was over before its moment: make it longer"
    return Kill(was_writing=not half_written(folder) <= leftover)


def tell(story: Story, seed: int, folder: Path) -> Ending:
    """Carries a story out, with kills and without."""
    killed, whole, note = folder / "killed", folder / "whole", folder / "note"
    moment = random.Random(seed)
    kills: list[Kill] = []
    complaints = ""
    arguments = ("evolve", *story.flags, "--out", str(killed))
    for num_kills, length in zip(story.kills, story.lengths, strict=True):
        for _ in range(num_kills):
            note.write_text("")
            process = start(note, *arguments, "--generations", str(length))
            every_other = len(kills) % 2 == 1
            kills.append(kill_in_time(process, killed, note, moment, while_writing=every_other))
            devices = str(1 + len(kills) % 2)  # which must not matter either
            arguments = ("resume", str(killed), "--quiet", "--devices", devices)
        complaints += finish(start(note, *arguments, "--generations", str(length)))
    last = str(story.lengths[-1])
    complaints += finish(
        start(note, "evolve", *story.flags, "--out", str(whole), "--generations", last)
    )
    return Ending(kills, killed, whole, complaints)


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ending]:
    folder = tmp_path_factory.mktemp("kill")
    with ThreadPoolExecutor(len(STORIES)) as threads:
        told = {}
        for seed, (name, story) in enumerate(STORIES.items()):
            (folder / str(seed)).mkdir()
            told[name] = threads.submit(tell, story, seed, folder / str(seed))
        return {name: future.result() for name, future in told.items()}


def summary_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.parametrize("name", STORIES)
def test_a_run_that_was_killed_ends_with_the_same_archive(endings, name):
    killed, whole = summary_of(endings[name].killed), summary_of(endings[name].whole)
    assert killed["archive_sha256"] == whole["archive_sha256"]
    assert killed["per_run"] == whole["per_run"]
    assert killed["generations"] == whole["generations"] == STORIES[name].lengths[-1]
    assert killed["evaluations"] == whole["evaluations"]


@pytest.mark.parametrize("name", STORIES)
def test_a_run_that_was_killed_ends_with_the_same_metrics_and_lineage(endings, name):
    ending = endings[name]
    assert lines_of(ending.killed) == lines_of(ending.whole)
    assert records_of(ending.killed) == records_of(ending.whole)


@pytest.mark.parametrize("name", STORIES)
def test_resuming_after_a_kill_is_silent_and_cleans_up(endings, name):
    assert endings[name].complaints == ""
    assert half_written(endings[name].killed) == set()


def test_some_kills_cut_a_checkpoint_short_and_some_do_not(endings):
    """Else the tests above would show less than they say."""
    were_writing = [kill.was_writing for ending in endings.values() for kill in ending.kills]
    assert were_writing.count(True) >= 3
    assert were_writing.count(False) >= 3
