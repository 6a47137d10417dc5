"""Commands that are killed: `python -m tests.fuzz.ending`, which reads one per line.

A line is JSON: NUMBER, FOLDER, WORD... The command runs in that folder, in a fork of this process,
which has imported all it needs. It ends, as if killed, when it is about to write, rename or remove
its NUMBER-th file. The answer is its exit code, the number of such operations that there were, and
what it said on standard error.
"""

import json
import os
import sys
import tempfile
import traceback
from importlib import import_module

import numpy as np

from evofool import cli, data
from evofool.training import recipes

KILLED = 9
ENDINGS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
ROOMS = ("attacks", "audits", "experiments", "pages", "runs", "training", "classifiers", "measures")


def small_mnist() -> data.Dataset:
    """Noise in the shape of digits: MNIST need not be there."""
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), np.uint8)
    labels = np.arange(64, dtype=np.uint8) % 10
    return data.Dataset(images, labels, images, labels)


def _run(number: int, folder: str, words: list[str], counted: int) -> int:
    """Runs a command in the working folder, and tells a pipe of every operation."""
    os.chdir(folder)
    left = number

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in ENDINGS or (event == "open" and _writes(arguments)):
            os.write(counted, b".")
            left -= 1
            if left == 0:
                os._exit(KILLED)

    sys.addaudithook(hook)
    try:
        return cli.main(words)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1


def _writes(arguments: tuple[object, ...]) -> bool:
    """Says whether a file is opened to be written; devices and pipes are none."""
    path, _, flags = arguments
    is_file = isinstance(path, str | bytes) and not os.fsdecode(path).startswith("/dev/")
    return is_file and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _answer(number: int, folder: str, *words: str) -> tuple[int, int, str]:
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(said.fileno(), 2)
            code = _run(number, folder, list(words), writing)
            sys.stderr.flush()
            os._exit(code)
        os.close(writing)
        with open(reading, "rb") as pipe:
            count = len(pipe.read())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return code, count, said.read().decode(errors="replace")


if __name__ == "__main__":
    for room in ROOMS:
        import_module(f"evofool.{room}")
    setattr(recipes, "load_mnist", lambda folder: small_mnist())  # noqa: B010
    for line in sys.stdin:
        print(json.dumps(_answer(*json.loads(line))), flush=True)
