"""weights convert and weights fetch as commands; what they do is tested beside their functions."""

import dataclasses
import json

import pytest

from evofool import classifiers
from evofool.classifiers.importing import published
from evofool.cli import main, weights


@pytest.fixture
def given(monkeypatch):
    """What the command hands to `convert_weights`, which does nothing here."""
    options = {}

    def convert(path, **named):
        options.update(named, path=str(path))
        return dataclasses.replace(classifiers.lenet_card(), notes="converted from a.pth")

    monkeypatch.setattr(classifiers, "convert_weights", convert)
    return options


def test_the_flags_of_convert_arrive(given, in_tmp_path, capsys):
    (in_tmp_path / "labels.txt").write_text("\ufeffcat\nsmall dog\n\n", encoding="utf-8")
    (in_tmp_path / "card.json").write_text(json.dumps({"interpolation": "bicubic"}))
    flags = ["--family", "resnet18", "--out", "w", "--labels", "labels.txt", "--card", "card.json"]
    assert main(["weights", "convert", "a.pth", *flags]) == 0
    assert given["path"] == "a.pth"
    assert given["labels"] == ["cat", "small dog"]
    assert given["fields"] == {"interpolation": "bicubic"}
    assert (given["family"], given["name"]) == ("resnet18", None)
    assert capsys.readouterr().out.splitlines() == [
        "w/lenet.safetensors: lenet, 10 classes; converted from a.pth",
        "use it with --classifier lenet --weights w",
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--labels", "none.txt"], "cannot read none.txt: No such file"),
        (["--labels", "latin.txt"], "latin.txt is not UTF-8 text"),
        (["--card", "list.json"], "list.json: expected a JSON object, found list"),
    ],
)
def test_files_that_cannot_be_used_are_named(flags, message, given, in_tmp_path, capsys):
    (in_tmp_path / "latin.txt").write_bytes("Löwe".encode("latin-1"))
    (in_tmp_path / "list.json").write_text("[]")
    assert main(["weights", "convert", "a.pth", "--family", "x", "--out", "w", *flags]) == 2
    assert message in capsys.readouterr().err
    assert given == {}


def test_the_help_lists_every_family_and_name():
    """They stand in the docstrings, because the tables load JAX."""
    for function, names in (
        (weights.weights_convert, published.CONVERSIONS),
        (weights.weights_fetch, published.FILES),
    ):
        assert all(name in (function.__doc__ or "") for name in names)
