"""corrupt as a command; what it does is tested beside its functions."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import classify
from evofool.cli import main
from tests.evofool.real_data import data_folder

FLAGS = ["--classifier", "mock:10", "--images", ".", "--labels", "labels.csv"]


@pytest.fixture
def images(in_tmp_path: Path) -> None:
    """Twelve images, all but the last of the class that the mock sees in them."""
    levels = np.random.default_rng(0).integers(0, 256, (12, 28, 28)).astype(np.uint8)
    names = [f"{number}.png" for number in range(12)]
    for name, image in zip(names, levels, strict=True):
        Image.fromarray(image).save(name)
    classes = [one.guesses[0].index for one in classify(names, "mock:10")]
    classes[-1] = (classes[-1] + 1) % 10
    rows = [f"{name},{index}" for name, index in zip(names, classes, strict=True)]
    Path("labels.csv").write_text("\n".join(["file,index", *rows]), encoding="utf-8")


@pytest.mark.parametrize(
    ("corruption", "name"),
    [
        ("--shuffle 7", "pixels shuffled in 7x7 windows"),
        ("--shuffle 14 --rows", "rows shuffled in 14x14 windows"),
        ("--tiles 7", "7x7 tiles exchanged"),
        ("--blur 1.5", "blurred, sigma 1.5"),
        ("--recolor invert", "recoloured: invert"),
    ],
)
def test_every_corruption_is_named_and_shown(
    corruption: str, name: str, images: None, capsys: pytest.CaptureFixture[str]
):
    assert main(["corrupt", *FLAGS, *corruption.split(), "--out", "shown"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].split() == [
        "images",
        "accuracy",
        *["median", "confidence", "in", "the", "right", "class"],
    ]
    assert lines[1].startswith("original")
    assert "91.67 %" in lines[1]
    assert lines[2].startswith(name)
    assert lines[3].startswith("mock:10: 12 images; ")
    with Image.open("shown/strip.png") as strip:
        assert strip.width > 10 * 112


def test_json_has_all_figures(images: None, capsys: pytest.CaptureFixture[str]):
    assert main(["corrupt", *FLAGS, "--recolor", "blondes", "--limit", "11", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classifier"] == "mock:10"
    assert found["corruption"] == "recoloured: blondes"
    assert (found["n"], found["before"]["accuracy"]) == (11, 1.0)
    assert 0 <= found["unchanged"] == found["after"]["accuracy"] < 1
    assert sum(found["after"]["counts"]) == 11
    assert found["after"].keys() == {"accuracy", "confidence", "label_confidence", "counts"}


def test_the_seed_decides(images: None, capsys: pytest.CaptureFixture[str]):
    def shuffled(seed: int) -> str:
        flags = [*FLAGS, "--shuffle", "28", "--seed", str(seed), "--json"]
        assert main(["corrupt", *flags]) == 0
        return capsys.readouterr().out

    assert shuffled(0) == shuffled(0)
    assert shuffled(0) != shuffled(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "give one corruption: --shuffle, --tiles, --blur or --recolor"),
        ("--shuffle 7 --blur 1", "give one corruption"),
        ("--rows --blur 1", "--rows needs --shuffle"),
        ("--shuffle 29", "window is 29; expected 1..28 pixels"),
        ("--recolor blonds", "did you mean 'blondes'"),
        ("--recolor labels.csv", "labels.csv holds 'file'; expected 256 whole numbers"),
        ("--tiles 7 --dataset mnist", "either --dataset, or --images with --labels"),
    ],
)
def test_mistakes_are_explained(
    arguments: str, message: str, images: None, capsys: pytest.CaptureFixture[str]
):
    assert main(["corrupt", *FLAGS, *arguments.split()]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


@pytest.mark.slow
@pytest.mark.data
def test_the_shipped_network_stumbles_over_recoloured_digits(capsys: pytest.CaptureFixture[str]):
    flags = ["--classifier", "lenet", "--dataset", "mnist", "--data", str(data_folder())]
    found = {}
    for corruption in ("--shuffle 7 --rows", "--shuffle 7", "--recolor blondes"):
        assert main(["corrupt", *flags, *corruption.split(), "--limit", "1000", "--json"]) == 0
        found[corruption] = json.loads(capsys.readouterr().out)
    before = found["--shuffle 7"]["before"]["accuracy"]
    rows, pixels, blondes = (found[corruption]["after"]["accuracy"] for corruption in found)
    assert before > 0.97 > rows > 0.5 > pixels
    assert blondes < 0.35
