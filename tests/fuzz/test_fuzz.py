"""Damaged, hostile and mistyped input, drawn at random: no traceback, no hang, no silent change."""

import contextlib
import json
import os
import random
import shutil
import string
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from evofool import cli
from evofool.evolution import checkpoint
from evofool.evolution.checkpoint import CheckpointWriter
from evofool.evolution.manifest import History
from evofool.support import remove
from tests.fuzz.conftest import NASTY, Answer, Attempts, ask

pytestmark = pytest.mark.fuzz

ROOT = Path(__file__).parents[2]
READERS = (
    ("inspect",),
    ("inspect", "--json"),
    ("inspect", "--class", "2"),
    ("verify",),
    ("compare", "--json"),
    ("descent", "--class", "1", "--out", "OUT/d.png"),
    ("gallery", "--out", "OUT/g.png"),
    ("export", "--out", "OUT/e"),
    ("render", "--class", "0", "--size", "32", "--out", "OUT/r.png"),
    ("resume",),
)


def command(words: tuple[str, ...], run: Path, out: Path) -> list[str]:
    """A reading command about a run, with its output in `out`."""
    return [words[0], str(run), *(word.replace("OUT", str(out)) for word in words[1:])]


def files_of(run: Path) -> list[Path]:
    return sorted(path for path in run.rglob("*") if path.is_file())


def state_of(run: Path) -> str:
    """What a finished run says of itself: its elites and who they descend from."""
    answer = ask("inspect", str(run), "--json")
    said = answer.out if answer.code == 0 else f"exit {answer.code}"
    return said.replace(str(run), "RUN")


class Result(NamedTuple):
    """What came of a reading command about a run.

    Attributes:
        answer: of the command line.
        files: that it wrote, by name.
    """

    answer: Answer
    files: dict[str, bytes]

    @property
    def is_told(self) -> bool:
        """Whether it was refused, or damage was said."""
        return self.answer.code != 0 or "damaged" in self.answer.err

    def differs_from(self, other: "Result") -> bool:
        return (self.answer.out, self.files) != (other.answer.out, other.files)


def read(words: tuple[str, ...], run: Path, out: Path) -> Result:
    """Runs a reading command about a run, with its output in an empty folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    answer = ask(*command(words, run, out))
    found = {p.relative_to(out).as_posix(): p.read_bytes() for p in files_of(out)}
    return Result(answer, {name: content for name, content in found.items() if name[0] != "."})


def is_vouched_for(path: Path) -> bool:
    """Whether every bit of a file is covered by a checksum, so that `verify` must notice."""
    return path.parent.name == "lineage" or path.name in ("metrics.jsonl", "summary.json")


def test_bit_flips_in_run_directories(attempts: Attempts, copied, tmp_path):
    """A bit in any file of a run directory changes: said, or without consequence.

    Silent is what exits with 0, says nothing of damage, and has other results (output, files) than
    the same command about the undamaged run; a `verify` that finds a damaged file whole; and a
    `resume` that exits with 0 and leaves another run.
    """
    out = tmp_path / "out"
    whole = {words: read(words, copied(), out) for words in READERS}
    expected = state_of(copied())
    for rng in attempts:
        run = copied()
        path = rng.choice([p for p in files_of(run) if p.suffix != ".png" and p.stat().st_size])
        content = bytearray(path.read_bytes())
        for _ in range(rng.choice([1, 1, 1, 8])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        words = rng.choice(READERS)
        result = read(words, run, out)
        answer, text = result.answer, f"{path.relative_to(run)}, {' '.join(words)}"
        attempts.counts[f"exit {answer.code}"] += 1
        if answer.fault:
            attempts.fault(answer.fault, text)
        elif answer.code == 0 and words[0] == "resume":
            if state_of(run) != expected:
                attempts.fault("silent: resume left another result", text)
        elif not result.is_told and result.differs_from(whole[words]):
            attempts.fault("silent: another result", text)
        elif not result.is_told and words[0] == "verify" and is_vouched_for(path):
            attempts.fault("silent: verify said that a damaged run is whole", text)
    attempts.finish()


def test_edited_json(attempts: Attempts, copied, tmp_path):
    """A value in a JSON file of a run directory is replaced by something else."""
    for rng in attempts:
        run, out = copied(), tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        path = rng.choice([p for p in files_of(run) if p.suffix in (".json", ".jsonl")])
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        where = rng.randrange(len(lines))
        values = json.loads(lines[where])
        lines[where] = json.dumps(edit(values, rng))
        path.write_text("\n".join(lines) + "\n")
        words = rng.choice(READERS)
        answer = ask(*command(words, run, out))
        attempts.counts[f"exit {answer.code}"] += 1
        if answer.fault:
            attempts.fault(answer.fault, f"{path.relative_to(run)}, {' '.join(words)}")
    attempts.finish()


def edit(values: object, rng: random.Random) -> object:
    """Replaces, removes or adds one value somewhere in nested JSON."""
    places = list(_places(values))
    if not places:
        return rng.choice(NASTY)
    holder, key = rng.choice(places)
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(NASTY)
    return values


def _places(values):
    if isinstance(values, dict | list):
        for key in values if isinstance(values, dict) else range(len(values)):
            yield values, key
            yield from _places(values[key])


def test_other_things_in_place_of_files(attempts: Attempts, copied, tmp_path):
    """A file or folder of a run directory is replaced by something of another kind."""
    out = tmp_path / "out"
    for rng in attempts:
        run = copied()
        path = rng.choice(sorted(run.rglob("*")))
        remove(path)
        kind = rng.choice(sorted(KINDS))
        KINDS[kind](path)
        words = rng.choice(READERS)
        answer = read(words, run, out).answer
        attempts.counts[f"exit {answer.code}"] += 1
        if answer.fault:
            attempts.fault(answer.fault, f"{path.relative_to(run)} is {kind}, {' '.join(words)}")
    attempts.finish()


KINDS = {
    "a folder": Path.mkdir,
    "empty": Path.touch,
    "a named pipe": os.mkfifo,
    "a file without an end": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "UTF-16": lambda path: path.write_text("{}\n", encoding="utf-16"),
}


def test_hostile_checkpoints(attempts: Attempts, copied, tmp_path):
    """Arrays and manifests that no run makes, with checksums that are right."""
    out = tmp_path / "out"
    for rng in attempts:
        run = copied()
        newest = checkpoint.load(run / "checkpoints", 15)
        table: Any = {name: leaf.copy() for name, leaf in newest.table.items()}
        name = rng.choice(sorted(table))
        table[name] = spoiled(table[name], rng)
        history: Any = {name: newest.manifest[name] for name in History.__annotations__}
        if rng.random() < 0.3:
            history = edit(history, rng)
        if not table[name].size or table["next_generation"].ndim:  # which nobody could write
            attempts.counts["not written"] += 1
            continue
        shutil.rmtree(run / "checkpoints" / "15")
        with contextlib.closing(CheckpointWriter(run / "checkpoints", keep=3)) as writer:
            writer.save(table, history)
        words = rng.choice(READERS)
        answer = read(words, run, out).answer
        attempts.counts[f"exit {answer.code}"] += 1
        if answer.fault:
            attempts.fault(answer.fault, f"{name}, {' '.join(words)}")
    attempts.finish()


def spoiled(leaf: np.ndarray, rng: random.Random) -> np.ndarray:
    """Changes the values, the type or the shape of an array."""
    kind = rng.randrange(4)
    if kind == 0:
        return leaf.astype(rng.choice([np.float64, np.int64, np.uint8, np.bool_]))
    if kind == 1:
        return leaf[..., :-1] if leaf.ndim else leaf[None]
    if kind == 2 and leaf.ndim:
        return np.concatenate([leaf, leaf], axis=rng.randrange(leaf.ndim))
    extremes = [np.nan, np.inf, -np.inf, 1e30] if leaf.dtype.kind == "f" else [-1, 0, 7, 2**31 - 1]
    spoilt = leaf.copy()
    is_spoilt = np.random.default_rng(rng.randrange(2**32)).random(leaf.shape) < rng.choice(
        [0.1, 1]
    )
    spoilt[is_spoilt] = np.array(rng.choice(extremes)).astype(leaf.dtype)
    return spoilt


def test_hostile_cards_and_labels(attempts: Attempts, tmp_path, monkeypatch):
    """Weights with a card whose values are replaced, and label files of any content."""
    monkeypatch.chdir(tmp_path)
    shipped = Path(cli.__file__).parents[1] / "classifiers" / "weights"
    Image.fromarray(np.zeros((28, 28), np.uint8)).save("a.png")
    for rng in attempts:
        for suffix in (".json", ".safetensors"):
            shutil.copy(shipped / f"lenet{suffix}", tmp_path)
        if rng.random() < 0.7:
            card = json.loads((tmp_path / "lenet.json").read_text())
            (tmp_path / "lenet.json").write_text(json.dumps(edit(card, rng)))
        else:
            flip(tmp_path / rng.choice(["lenet.json", "lenet.safetensors"]), rng)
        (tmp_path / "labels.csv").write_bytes(table(rng))
        arguments = rng.choice(
            [
                ["classify", "a.png"],
                ["accuracy", "--images", ".", "--labels", "labels.csv"],
                ["doctor", "--images", ".", "--labels", "labels.csv"],
            ]
        )
        answer = ask(*arguments, "--classifier", "lenet", "--weights", ".")
        attempts.counts[f"exit {answer.code}"] += 1
        if answer.fault:
            attempts.fault(answer.fault, f"{attempts.attempt}: {' '.join(arguments)}")
    attempts.finish()


def flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(min(len(content), 4000))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def table(rng: random.Random) -> bytes:
    """A file of labels: right, odd, or no table at all."""
    kind = rng.randrange(5)
    if kind == 0:
        return b"file,index\na.png,7\n"
    if kind == 1:
        return b"\xef\xbb\xbffile,index,index\na.png,7,8\n"
    if kind == 2:
        return rng.randbytes(rng.randint(0, 500))
    if kind == 3:
        return ("file,label\n" + f"a.png,{rng.choice(NASTY)!r}\n").encode("utf-8", "replace")
    return ("file,index\n" + "a.png," + "".join(rng.choices(string.printable, k=30))).encode()


def test_hostile_images(attempts: Attempts, tmp_path, monkeypatch):
    """Files that say they are images."""
    monkeypatch.chdir(tmp_path)
    for rng in attempts:
        name = rng.choice(["a.png", "a.jpg", "a.gif", "a.bmp"])
        shape = rng.choice([(1, 1), (28, 28), (3, 900), (2, 2, 3), (5, 5, 4)])
        levels = np.frombuffer(rng.randbytes(int(np.prod(shape))), np.uint8).reshape(shape)
        if shape[-1] == 4 and name == "a.jpg":
            levels = levels[..., :3]
        Image.fromarray(levels).save(name)
        if rng.random() < 0.7:
            content = bytearray(Path(name).read_bytes())
            for _ in range(rng.choice([1, 4, 30])):
                content[rng.randrange(len(content))] = rng.randrange(256)
            Path(name).write_bytes(content[: rng.randint(0, len(content))])
        arguments = rng.choice(
            [
                ["classify", name, "--classifier", "lenet"],
                ["attack", "fgsm", name, "--classifier", "lenet"],
            ]
        )
        answer = ask(*arguments)
        attempts.counts[f"exit {answer.code}"] += 1
        if answer.fault:
            attempts.fault(answer.fault, f"{name}: {' '.join(arguments)}")
    attempts.finish()
