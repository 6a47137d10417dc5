"""Runs the commands on models that others made, and writes a table of what worked.

    python scripts/models_table.py FOLDER --out docs/results/models.md

A place is a folder, a file, or an address with a colon; `--options FILE=QUERY` says what a file
does not tell, and `--audits FILE=ARGUMENTS` with what it is audited. Files hold models of others
(.onnx, .tflite, .h5, .hdf5, .keras, .pt2, .jaxexport), or weights in evofool's own format. A cell
is the seconds that a command took, or the error with which it ended.
"""

import argparse
import contextlib
import io
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from evofool import load_classifier
from evofool.cli import main
from evofool.support import UserError

SCHEMES = {
    **{".onnx": "onnx", ".tflite": "tflite", ".pt2": "torch", ".jaxexport": "jaxexport"},
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "keras"),
}
COMMANDS = ("card", "classify", "evolve", "verify", "attack", "audit")
SMALL = ["--generations", "2", "--batch-size", "16", "--quiet"]
NEEDED = {"verify": "evolve"}  # what a command works on


def models(places: list[str], options: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yields what a classifier is called, and the arguments that load it."""
    for place in places:
        if ":" in place:
            yield place.partition("?")[0], [place]
            continue
        for path in sorted(Path(place).iterdir()) if Path(place).is_dir() else [Path(place)]:
            query = f"?{options[path.name]}" if path.name in options else ""
            if path.suffix in SCHEMES:
                yield path.name + query, [f"{SCHEMES[path.suffix]}:{path}{query}"]
            elif path.suffix == ".safetensors":
                yield path.name, [path.stem, "--weights", str(path.parent)]


def arguments(command: str, model: list[str], place: Path, *, has_gradients: bool) -> list[str]:
    """Returns the arguments of a command, on a small scale."""
    name = ["--classifier", *model]
    image, attack = str(place / "noise.png"), "fgsm" if has_gradients else "boundary"
    few = [] if has_gradients else ["--steps", "20"]
    return {
        "card": ["card", *model],
        "classify": ["classify", image, *name],
        "evolve": ["evolve", *name, "--out", str(place / "run"), *SMALL],
        "verify": ["verify", str(place / "run")],
        "attack": ["attack", attack, image, *name, *few],
        "audit": ["audit", *model, "--quiet", "--out", str(place / "audit")],
    }[command]


def timed(words: list[str]) -> str:
    """Runs a command in this process; returns its seconds, or what it said when it failed."""
    began, said = time.perf_counter(), io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = main(words)
    if code:
        last = (said.getvalue().strip().splitlines() or [""])[-1]
        return f"exit code {code}: {last[:120]}".replace("|", "/")
    return f"{time.perf_counter() - began:.1f} s"


def row(model: list[str], commands: list[str], audited: list[str]) -> list[str]:
    """Runs all commands on a model."""
    weights = Path(model[2]) if len(model) > 1 else None
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            classifier = load_classifier(model[0], weights=weights)
        except UserError as error:
            return [f"refused: {str(error)[:120]}", *[""] * len(commands)]
        height, width, channels = classifier.card.input_shape
        noise = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
        Image.fromarray(noise[..., 0] if channels == 1 else noise).save(place / "noise.png")
        cells: dict[str, str] = {}
        for command in commands:
            needed = NEEDED.get(command)
            is_idle = needed is not None and not cells.get(needed, "").endswith(" s")
            if is_idle or (command == "card" and weights):
                cells[command] = ""
                continue
            words = arguments(command, model, place, has_gradients=classifier.is_jax)
            cells[command] = timed(words + audited * (command == "audit"))
    runs_in = "JAX" if classifier.is_jax else "host"
    return [f"{height}x{width}x{channels}, {classifier.card.classes} classes, {runs_in}"] + [
        cells[command] for command in commands
    ]


def write_table() -> None:
    """Runs everything and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--options", nargs="+", default=[], metavar="FILE=QUERY")
    parser.add_argument("--audits", nargs="+", default=[], metavar="FILE=ARGUMENTS")
    given = parser.parse_args()
    began = time.perf_counter()
    lines = ["| model | what it is | " + " | ".join(given.commands) + " |"]
    lines += ["|---" * (len(given.commands) + 2) + "|"]
    options = dict(option.split("=", 1) for option in given.options)
    audits = dict(audit.split("=", 1) for audit in given.audits)
    for name, model in models(given.places, options):
        audited = shlex.split(audits.get(name.partition("?")[0], ""))
        lines += ["| " + " | ".join([f"`{name}`", *row(model, given.commands, audited)]) + " |"]
        print(lines[-1], flush=True)
    seconds = time.perf_counter() - began
    facts = (
        f"`python {shlex.join(sys.argv)}`, {date.today()}, {seconds:.0f} s in all, compiling "
        f"included, in one process: {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, JAX {jax.__version__}. `evolve` has 2 generations of 16 "
        "images; `attack` is `fgsm`, or `boundary` for models outside JAX."
    )
    title = "# Models that others made, and the commands"
    given.out.write_text("\n".join([title, "", facts, "", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    write_table()
