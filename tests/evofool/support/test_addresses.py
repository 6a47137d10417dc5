"""Addresses of models: read, written, and the same from every folder."""

from pathlib import Path

import pytest

from evofool.classifiers.services.options import read_options
from evofool.support.addresses import Address, parse_address
from evofool.support.errors import UserError
from evofool.support.trust import with_full_path


@pytest.mark.parametrize(
    ("name", "place", "options"),
    [
        ("onnx:model.onnx", "model.onnx", {}),
        ("onnx:nets/a b.onnx?bgr&range=255", "nets/a b.onnx", {"bgr": "", "range": "255"}),
        ("onnx:odd%3F%2B.onnx?labels=a%26b.txt", "odd?+.onnx", {"labels": "a&b.txt"}),
        ("torch:mine:make?input=32x32", "mine:make", {"input": "32x32"}),
    ],
)
def test_an_address_survives_reading_and_writing(name, place, options):
    address = parse_address(name)
    assert address is not None
    assert (address.place, address.options) == (place, options)
    assert parse_address(str(address)) == address
    assert "+" not in str(address)  # which would join it with another


@pytest.mark.parametrize("name", ["lenet", "mock:10", "mine:make", "mine.py:make", "http:x"])
def test_other_names_are_no_addresses(name):
    assert parse_address(name) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onnx:", "names no model; expected onnx:FILE"),
        ("timm:?bgr", "names no model; expected timm:NAME"),
        ("onnx:a?bgr&bgr", "option bgr twice"),
    ],
)
def test_what_is_no_use_is_refused(name, message):
    with pytest.raises(UserError, match=message):
        parse_address(name)


def test_files_are_found_from_any_folder(in_tmp_path: Path):
    full = with_full_path("onnx:a.onnx?card=b.json&bgr")
    assert full == f"onnx:{in_tmp_path}/a.onnx?card={in_tmp_path}/b.json&bgr"
    assert with_full_path(full) == full
    assert with_full_path("torch:nets/mine.py:make") == f"torch:{in_tmp_path}/nets/mine.py:make"
    assert with_full_path("torch:mine:make") == "torch:mine:make"


def test_files_of_a_service_are_found_from_any_folder(in_tmp_path: Path):
    address = "http://127.0.0.1/a?b=c.txt#input=8x8x1&queries=5"
    assert with_full_path(address) == address
    full = with_full_path(f"{address}&labels=my%20labels.txt&replies=r%26.jsonl")
    _, options = read_options(with_full_path("cmd:./score x#input=8x8&replies=r%26 r.jsonl"))
    assert (
        full == f"{address}&labels={in_tmp_path}/my%20labels.txt&replies={in_tmp_path}/r%26.jsonl"
    )
    assert with_full_path(full) == full
    assert options.replies == in_tmp_path / "r& r.jsonl"


def test_names_in_a_cache_stay_and_folders_are_found_from_any_other(in_tmp_path: Path):
    (in_tmp_path / "mine").mkdir()
    assert with_full_path("hf:owner/name?bgr") == "hf:owner/name?bgr"
    assert with_full_path("timm:resnet18.a1_in1k") == "timm:resnet18.a1_in1k"
    assert with_full_path("hf:./mine?bgr") == f"hf:{in_tmp_path}/mine?bgr"
    assert with_full_path("timm:mine") == "timm:mine"  # which a run may be called as well


def test_code_is_told_from_files():
    assert Address("torch", "model.pt2").code is None
    assert Address("torch", "mine.py:make").code == ("mine.py", "make")
    assert Address("onnx", "mine:make").code is None
