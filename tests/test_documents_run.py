"""The commands and snippets of the README and of the site run, as they stand there.

Each page runs in a folder of its own, that has what the page names: runs, small random networks
under the names of large ones, pictures, data.
"""

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest
from filelock import FileLock

from evofool.audits import BUDGETS
from evofool.cli import main
from evofool.support import kept_programs
from tests.documents import DOCUMENTS, blocks_of, commands_in
from tests.doors import ROOT
from tests.evofool.audits.conftest import TINY
from tests.evofool.real_data import data_folder
from tests.named_in_documents import DIGITS, THOUSAND, prepare, scoring

# What stands for something in pages, and what it stands for here.
MEANT = {
    "RUN": THOUSAND,
    "NAME": "squeezenet_v1.1",
    "DIR": "nets",
    "FILE": "skull.xml",
    "...": "--weights nets --images val --labels val.csv",
}
MEANT_IN = {"artists": {"RUN": DIGITS}, "hooks": {"NAME": "digits"}, "audit": {"NAME": "digits"}}

# What these show takes seconds, as it stands. The others do less, where LESS says so.
AS_LONG = ("README", "index", "reproducibility", "artists", "hooks", "own-classifier")
READ_DATA = ("attacks", "audit", "reproduce", "results/patches")

# What is added to a command that has the word.
LESS = {
    "evolve": "--generations 2 --batch-size 8",
    "imagenet-polished": "--polish.steps 2 --polish.rounds 1 --polish.classes 0 1",
    "--polish": "--polish 2 --polish.classes 0 1",
    "polish": "--steps 2 --classes 0 1",
    "reproduce": "--scale small",
    "train": "--epochs 1 --examples 500",
    "fine-tune": "--epochs 1",
    "patch": "--steps 2",
    "carlini-wagner": "--searches 1 --steps 5",
    "hop-skip-jump": "--steps 2",
}
# What a program or a plan has fewer of.
FEWER = re.compile(r"\b((?:seeds|generations|steps) ?= ?)\d+")

# What a command has that does not run here: what it needs, and the tests of that.
NOT_RUN = {
    "timm:": "a hub; tests/compare/test_hub_models.py",
    "hf:": "a hub; tests/compare/test_hub_models.py",
    "weights fetch": "a download; tests/compare/test_fetching.py",
    "pets.pth": "PyTorch; tests/compare/test_state_dicts.py",
    "torch:": "PyTorch; tests/compare/test_torch_models.py",
    "onnx:": "ONNX; tests/compare/test_onnx_graphs.py",
    "gs://": "a store; tests/compare/test_object_stores.py",
    "s3://": "a store; tests/compare/test_object_stores.py",
    "--distributed": "several processes; tests/evofool/support/test_multihost.py",
    "reproduce all": "many minutes; .ci/run",
}


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT).with_suffix("")).removeprefix("docs/")


def why_not(words: list[str]) -> str:
    """Why a command does not run here; empty if it does."""
    line = " ".join(words)
    return next((reason for part, reason in NOT_RUN.items() if part in line), "")


def has_what_runs(document: Path) -> bool:
    blocks = blocks_of(document.read_text(encoding="utf-8"))
    return any(
        language == "python" or not all(map(why_not, commands_in(block)))
        for language, block in blocks
    )


PAGES_THAT_RUN = [
    pytest.param(document, id=name_of(document), marks=[pytest.mark.data] * reads_data)
    for document in DOCUMENTS
    for reads_data in [name_of(document) in READ_DATA]
    if has_what_runs(document)
]


def filled_in(words: list[str], meant: dict[str, str], service: str) -> list[str]:
    """The words of a command with what they stand for, and the files that a shell would find."""
    filled = []
    for word in words:
        word = re.sub(r"127\.0\.0\.1:8000|HOST", service, word)
        found = [] if ":" in word else sorted(glob(word))
        filled += shlex.split(meant.get(word, "")) or found or [word]
    return filled


def carry_out(words: list[str]) -> None:
    """Runs a command as the page has it; one that serves pages is asked for them, and ended."""
    if words[0] != "serve" and "--live" not in words:
        assert main(words) in ((0, 1) if "--fail-if" in words else (0,)), words
        return
    command = [sys.executable, "-m", "evofool", *words, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            said = iter(process.stderr)
            address = next(line for line in said if line.startswith("open ")).split()[1]
            assert b"<html" in urllib.request.urlopen(address, timeout=60).read()
        finally:
            process.terminate()  # SIGINT is ignored where tests run in the background
            process.communicate(timeout=60)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages name: the worker that comes first prepares it for all."""
    of_worker = tmp_path_factory.getbasetemp()
    of_session = of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker
    folder, is_done = of_session / "prepared", of_session / "is-prepared"
    with FileLock(of_session / "preparing"):
        if not is_done.exists():
            folder.mkdir()
            prepare(folder)
            is_done.touch()
    return folder


@pytest.fixture
def service(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a service, in a working directory that has what pages name."""
    folder = tmp_path / "here"
    shutil.copytree(prepared, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    # The small networks differ in name, by which programs are kept; to JAX's cache they are alike.
    monkeypatch.setattr(kept_programs, "_path", lambda *_: None)
    with scoring() as address:
        yield address


def test_what_does_not_run_is_in_pages():
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    lines = [" ".join(w) for text in texts for _, b in blocks_of(text) for w in commands_in(b)]
    assert [part for part in NOT_RUN if not any(part in line for line in lines)] == []


@pytest.mark.slow
@pytest.mark.parametrize("document", PAGES_THAT_RUN)
def test_what_a_page_shows_runs(document: Path, service: str, monkeypatch: pytest.MonkeyPatch):
    page = name_of(document)
    if page in READ_DATA:
        monkeypatch.setenv("EVOFOOL_DATA", str(data_folder()))
    for budget in ("quick", "standard"):
        monkeypatch.setitem(BUDGETS, budget, dataclasses.replace(TINY, name=budget))
    meant = MEANT | MEANT_IN.get(page, {})
    does_less = page not in AS_LONG
    text = document.read_text(encoding="utf-8").replace('"DIR"', f'"{meant["DIR"]}"')
    program = {"__name__": page}
    for language, block in blocks_of(FEWER.sub(r"\g<1>2", text) if does_less else text):
        if language == "python":
            exec(compile(block, page, "exec"), program)
        if language == "toml":
            Path(block.split()[1]).write_text(block, encoding="utf-8")
        for name, value in re.findall(r"^export (\w+)=(.*)$", block, flags=re.MULTILINE):
            monkeypatch.setenv(name, value)
        for command in commands_in(block):
            if not why_not(command):
                less = [flag for word in command for flag in LESS.get(word, "").split()]
                carry_out(filled_in(command, meant, service) + less * does_less)
