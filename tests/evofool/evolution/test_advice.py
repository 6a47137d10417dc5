from pathlib import Path

import pytest

from evofool.evolution import resume_command


@pytest.mark.parametrize(
    ("folder", "classifier", "command"),
    [
        ("my run", "lenet", "evofool resume 'my run'"),
        ("-1", "onnx:model.onnx", "evofool resume ./-1"),
        ("r", "/nets/mine.py:make", "evofool resume r --trust-code"),
        ("r", "http://127.0.0.1/p#input=8x8x1", "evofool resume r --trust-code"),
    ],
)
def test_what_is_advised_can_be_typed(folder: str, classifier: str, command: str):
    assert resume_command(Path(folder), classifier=classifier) == command
