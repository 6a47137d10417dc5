"""The classifier of a run: only trusted code is loaded, and another one is refused."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evofool
from evofool import UserError
from evofool.cli import main
from evofool.evolution import Quiet

MODULE = """
import numpy as np
from evofool import Card, Classifier

open("ran", "a").close()
NOISE = {noise}

def make():
    draw = np.random.default_rng(0)
    weights = draw.standard_normal((64, 3)) * {factor}

    def ask(_, images):
        scores = images.reshape(len(images), -1) @ weights + NOISE * draw.random((len(images), 3))
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    card = Card(name="mine", input_shape=(8, 8, 1), outputs=3, labels={labels})
    return Classifier(card=card, params=None, apply=ask, kind="probabilities")

def stop():
    raise SystemExit(0)
"""
LABELS = ("a", "b", "c")
Write = Callable[..., str]


@pytest.fixture
def write(in_tmp_path: Path) -> Write:
    """Writes a module with a classifier; returns the classifier's name."""

    def write(file: str, *, factor: float = 1.0, noise: float = 0.0, labels=LABELS) -> str:
        path = in_tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MODULE.format(factor=factor, noise=noise, labels=labels))
        (in_tmp_path / "ran").unlink(missing_ok=True)
        return f"{file}:make"

    return write


def evolved(name: str, *, encoding: str = "direct", folder: str = "run") -> Path:
    evofool.evolve(name, encoding=encoding, generations=2, batch_size=10, out=folder)
    return Path(folder)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("friend.notes:make", "direct"),
        pytest.param("friend/notes.py:make", "cppn", marks=pytest.mark.slow),  # `render` as well
    ],
)
def test_no_command_runs_code_that_only_a_run_directory_names(
    name: str, encoding: str, write: Write, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write("friend/notes.py")
    modules = set(sys.modules)
    evolved(name, encoding=encoding)
    for module in set(sys.modules) - modules:  # as in a process that has not evolved it
        if "friend" in module:
            del sys.modules[module]
    (in_tmp_path / "ran").unlink()
    for command in (
        *("inspect run", "compare run", "export run --out e", "gallery run --out g.png"),
        "descent run --class a --out d.png",
        *(["render run --class a --out r.png --size 20"] if encoding == "cppn" else []),
    ):
        assert main(command.split()) == 0, command
    for command in ("verify run", "resume run --generations 5"):
        capsys.readouterr()
        assert main(command.split()) == 2
        told = capsys.readouterr().err
        assert str(in_tmp_path / "friend" / "notes.py") in told
        assert "--trust-code" in told
    assert not (in_tmp_path / "ran").exists()
    assert not any("friend" in module for module in sys.modules)


@pytest.mark.parametrize("command", ["evolve --out new", "doctor"])
def test_a_settings_file_runs_nothing(
    command: str, write: Write, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (in_tmp_path / "mine.toml").write_text(f'classifier = "{write("settings_code.py")}"\n')
    assert main([*command.split(), "--config", "mine.toml"]) == 2
    assert "mine.toml names the classifier" in capsys.readouterr().err
    assert not (in_tmp_path / "ran").exists()


def test_a_settings_file_is_taken_at_the_users_word(write: Write, in_tmp_path: Path):
    (in_tmp_path / "mine.toml").write_text(f'classifier = "{write("trusted.py")}"\n')
    run = evofool.evolve(
        config_file="mine.toml",
        trust_code=True,
        encoding="direct",
        generations=1,
        batch_size=4,
        out="run",
    )
    assert run.card.name == "mine"
    with pytest.raises(UserError, match="trust_code=True"):
        evofool.make_config(file="mine.toml")
    assert evofool.make_config(file="mine.toml", classifier="lenet").classifier == "lenet"


def test_a_run_of_ones_own_goes_on_from_another_folder(
    write: Write, in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = evolved(write("own.py")).absolute()
    (in_tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(in_tmp_path / "elsewhere")
    assert evofool.verify(folder, trust_code=True).passed
    run = evofool.resume(folder, classifier="../own.py:make", generations=3)
    assert run.generation == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": 2.0}, "it answers test images otherwise, by up to"),
        ({"labels": ("b", "a", "c")}, "labels of 2 classes are others: class 0 is 'b', not 'a'"),
    ],
)
def test_another_classifier_behind_the_name_is_refused(
    change: dict[str, Any], message: str, write: Write
):
    folder = evolved(write("first.py"))
    other = write("second.py", **change)
    with pytest.raises(UserError, match=message):
        evofool.verify(folder, classifier=other)
    with pytest.raises(UserError, match=message):
        evofool.resume(folder, classifier=other, generations=4)
    with pytest.raises(UserError, match=message):
        evofool.resume(folder, classifier=other)  # though nothing is left to do


def test_a_classifier_that_is_not_deterministic_is_called_so(
    write: Write, capsys: pytest.CaptureFixture[str]
):
    name = write("noisy.py", noise=0.05)
    heard = []

    class Listener(Quiet):
        def message(self, text: str) -> None:
            heard.append(text)

    settings = {"encoding": "direct", "generations": 1, "batch_size": 4}
    evofool.evolve(name, out="run", reporter=Listener(), **settings)
    assert any("not deterministic" in text for text in heard)
    assert evofool.verify("run", classifier=name).spread > 0
    main(["verify", "run", "--trust-code"])
    assert "not deterministic" in capsys.readouterr().out
    checks = evofool.doctor(evofool.make_config(classifier=name)).checks
    assert not next(check for check in checks if check.name == "same answer twice").passed


def test_a_factory_that_exits_is_an_error(write: Write, capsys: pytest.CaptureFixture[str]):
    file = write("leaving.py").split(":")[0]
    assert main(["evolve", "--classifier", f"{file}:stop", "--out", "run"]) == 2
    assert "leaving.py:stop failed: SystemExit: 0" in capsys.readouterr().err


@pytest.fixture
def nets(in_tmp_path: Path) -> Path:
    shipped = Path(evofool.__file__).parent / "classifiers" / "weights"
    (in_tmp_path / "nets").mkdir()
    for ending in ("safetensors", "json"):
        (in_tmp_path / "nets" / f"lenet.{ending}").write_bytes(
            (shipped / f"lenet.{ending}").read_bytes()
        )
    return in_tmp_path / "nets"


def test_weights_are_found_from_any_folder(
    nets: Path, in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = {"encoding": "direct", "generations": 1, "batch_size": 4}
    evofool.evolve("lenet", weights="nets", out="run", **settings)
    (in_tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(in_tmp_path / "elsewhere")
    assert evofool.verify("../run").passed
    nets.rename(in_tmp_path / "moved")
    with pytest.raises(UserError, match="where nothing is; say where they are with --weights"):
        evofool.verify("../run")
    assert main(["verify", "../run", "--weights", "../moved"]) == 0
