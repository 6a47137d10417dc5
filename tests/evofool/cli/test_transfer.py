"""What the commands that show elites again print of quantised models."""

import re
from pathlib import Path

import numpy as np
import pytest

import evofool
from evofool import Card, Classifier
from tests.evofool.cli.running import output_of

WEIGHTS = np.random.default_rng(0).standard_normal((64, 4))


def in_steps(_, images):
    """Four probabilities, in multiples of 1/256."""
    logits = (np.array(images).reshape(len(images), -1) - 0.5) @ WEIGHTS
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    steps = np.floor(shares / shares.sum(axis=1, keepdims=True) * 256)
    steps[np.arange(len(steps)), steps.argmax(axis=1)] += 256 - steps.sum(axis=1)
    return (steps / 256).astype(np.float32)


def classifier() -> Classifier:
    card = Card(name="stepped", input_shape=(8, 8, 1), outputs=4, labels=tuple("abcd"))
    return Classifier(card=card, params=None, apply=in_steps, kind="probabilities")


def test_no_digits_are_printed_beyond_the_resolution(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "stepped.py").write_text(
        f"from {__name__} import classifier as make\n",
        encoding="utf-8",
    )
    run = tmp_path / "run"
    evofool.evolve("stepped:make", encoding="direct", generations=2, batch_size=4, out=run)
    capsys.readouterr()
    trusted = (run, "--classifier", "stepped:make")
    for words in (
        ("survive", *trusted, "--wear", "blur"),
        ("transfer", run, "stepped:make", "mock:4:8x8x1", "--trust-code"),
    ):
        shown = output_of(capsys, *words)
        decimals = {len(digits) for digits in re.findall(r"\d+\.(\d+) %", shown)}
        assert decimals == ({1} if words[0] == "survive" else {1, 4}), shown
