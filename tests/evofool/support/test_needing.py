"""Packages that models of others need."""

import sys
from pathlib import Path

import pytest

from evofool.classifiers import load_classifier
from evofool.support.errors import MissingPackageError


@pytest.mark.parametrize(
    ("scheme", "package"), [("onnx", "onnx"), ("keras", "keras"), ("tflite", "ai-edge-litert")]
)
def test_a_package_that_is_missing_is_named_with_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, package: str
):
    for module in ("onnx", "keras", "ai_edge_litert"):
        monkeypatch.setitem(sys.modules, module, None)
    model = tmp_path / "model"
    model.write_bytes(b"of no kind")
    address = f"{scheme}:{model}"
    with pytest.raises(MissingPackageError, match=rf"^{address}: .*pip install .*{package}"):
        load_classifier(address)
