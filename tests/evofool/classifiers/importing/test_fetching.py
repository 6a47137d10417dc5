"""What fetching weights says before it downloads; the rest, with PyTorch, is in tests/compare."""

import pytest

from evofool.classifiers.importing import fetching
from evofool.classifiers.importing.fetching import fetch_weights
from evofool.support.errors import UserError


def test_unknown_names_offer_the_published(tmp_path):
    with pytest.raises(UserError, match="unknown published weights 'resnet81'; did you mean"):
        fetch_weights("resnet81", out=tmp_path)


def test_without_pytorch_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "has_torch", lambda: False)
    lines = []
    with pytest.raises(UserError, match=r"needs PyTorch.*pip install torch"):
        fetch_weights("resnet18", out=tmp_path, url="http://127.0.0.1:9", report=lines.append)
    assert lines == []
    assert list(tmp_path.iterdir()) == []
