"""Nothing that only a file names runs."""

import sys
from pathlib import Path

import pytest

from evofool.support import UserError, check_trust, names_code
from evofool.support.trust import locate_module


@pytest.mark.parametrize(
    ("name", "is_code"),
    [
        ("lenet", False),
        ("mock:10", False),
        ("mock:10:32x32x3", False),
        ("lenet+mine", False),
        ("mine:make", True),
        ("nets/mine.py:make", True),
        ("lenet+mine:make", True),
        ("onnx:model.onnx?card=mine.json", False),
        ("torch:model.pt2", False),
        ("torch:mine:make", True),
        ("lenet+torch:nets/mine.py:make?bgr", True),
    ],
)
def test_names_with_a_factory_are_code(name: str, is_code: bool):
    assert names_code(name) == is_code


def test_what_would_run_is_told_without_running_it(in_tmp_path: Path):
    package = in_tmp_path / "runs" / "friend"
    package.mkdir(parents=True)
    (package / "notes.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(UserError) as caught:
        check_trust("runs.friend.notes:make", source="config.json", trust_code=False)
    assert f"the module runs.friend.notes, from {package / 'notes.py'}" in str(caught.value)
    assert "--trust-code" in str(caught.value)
    assert not {"runs", "runs.friend", "runs.friend.notes"} & sys.modules.keys()


def test_modules_are_located_without_importing_them(in_tmp_path: Path):
    (in_tmp_path / "whole").mkdir()
    (in_tmp_path / "whole" / "__init__.py").write_text("raise SystemExit(0)\n")
    (in_tmp_path / "whole" / "part.py").write_text("")
    assert locate_module("whole.part") == str(in_tmp_path / "whole" / "part.py")
    assert locate_module("whole") == str(in_tmp_path / "whole" / "__init__.py")
    assert locate_module("whole.missing") is None
    assert "whole" not in sys.modules


def test_trusted_code_and_names_that_run_nothing_pass():
    check_trust("mine:make", source="config.json", trust_code=True)
    check_trust("lenet+mock:10", source="config.json", trust_code=False)
