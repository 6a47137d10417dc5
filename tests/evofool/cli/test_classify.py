"""classify and accuracy as commands; what they do is tested beside their functions."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import classify
from evofool.cli import main


@pytest.fixture
def images(in_tmp_path: Path) -> list[str]:
    """Two images of the size of the mock's, a larger one, and the mock's own labels."""
    levels = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    names = ["a.png", "b.png", "c.png"]
    for name, image in zip(names, levels, strict=True):
        Image.fromarray(image).resize((28, 28) if name != "c.png" else (60, 56)).save(name)
    found = classify(names, "mock:10", top=2)
    rows = [(one.image, guess.index) for one in found for guess in one.guesses]
    # the first image has its likeliest class, the others the second
    table = ["file,index", *(f"{name},{index}" for name, index in (rows[0], rows[3], rows[5]))]
    Path("labels.csv").write_text("\n".join(table), encoding="utf-8")
    return names


def test_classify_prints_the_classes_of_every_image(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(["classify", *images, "--classifier", "mock:10", "--top", "2"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["image", "confidence", "class", "label"]
    assert [line[0] for line in lines[1:7:2]] == images
    first = classify("a.png", "mock:10")[0].guesses[0]
    assert lines[1][3:] == [str(first.index), "class", str(first.index)]
    assert float(lines[1][1]) == pytest.approx(100 * first.confidence, abs=1e-4)
    assert " ".join(lines[7]) == "1 image resized 60x56 -> 28x28 (crop 56, bicubic)"


def test_classify_gives_json(images: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["classify", "c.png", "--classifier", "mock:10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classifier"] == "mock:10"
    (one,) = found["images"]
    assert one["image"] == "c.png"
    assert one["actions"] == ["resized 60x56 -> 28x28 (crop 56, bicubic)"]
    assert one["guesses"][0].keys() == {"index", "label", "id", "confidence"}
    assert len(one["guesses"]) == 5


def test_classify_asks_several_classifiers_at_once(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    shown = []
    for combine in ("mean", "min"):
        flags = ["--classifier", "mock:10+lenet", "--combine", combine, "--json"]
        assert main(["classify", "a.png", *flags]) == 0
        shown.append(json.loads(capsys.readouterr().out)["images"][0]["guesses"][0])
    assert shown[0]["confidence"] > shown[1]["confidence"]


def test_accuracy_prints_a_line_and_json(images: list[str], capsys: pytest.CaptureFixture[str]):
    flags = ["--classifier", "mock:10", "--images", ".", "--labels", "labels.csv"]
    assert main(["accuracy", *flags]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mock:10: top-1 33.33 %, top-5 100.00 % of 3 images",
        "1 image resized 60x56 -> 28x28 (crop 56, bicubic)",
    ]
    assert main(["accuracy", *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "classifier": "mock:10",
        "top1": pytest.approx(1 / 3),
        "top5": 1.0,
        "n": 3,
        "actions": ["1 image resized 60x56 -> 28x28 (crop 56, bicubic)"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("classify c.png --classifier mock:10 --exact", "c.png is 60x56; mock:10 is given 28x28"),
        ("classify --classifier mock:10", "no images to classify"),
        ("classify a.png --classifier lennet", "did you mean 'lenet'"),
        ("classify labels.csv --classifier mock:10", "no image in a known format"),
        ("accuracy --classifier mock:10 --images . --labels a.png", "cannot read the labels a.png"),
        (
            "accuracy --classifier mock:3 --images . --labels labels.csv",
            "expected 0..2, the classes of mock:3",
        ),
    ],
)
def test_mistakes_are_explained(
    arguments: str, message: str, images: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(arguments.split()) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
