"""classify and accuracy as commands; what they do is tested beside their functions."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import UserError, attack, classify
from evofool.attacks import on_files
from evofool.attacks.strips import draw_strip
from evofool.cli import main
from evofool.evaluation.selftest import drawn_digits


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
    assert lines[7] == ["classifier:", "mock:10"]
    assert " ".join(lines[8]) == "1 image resized 60x56 -> 28x28 (crop 56, bicubic)"


HUNDREDTHS = """
import dataclasses
import numpy as np
import evofool

def make():
    mock = evofool.load_classifier("mock:10")

    def apply(params, images):
        outputs = np.exp(np.asarray(mock.apply(mock.params, images)))
        shares = np.round(100 * outputs / outputs.sum(axis=1, keepdims=True))
        shares[:, 0] += 100 - shares.sum(axis=1)
        return (shares / 100).astype(np.float32)

    return evofool.Classifier(card=mock.card, params=None, apply=apply, kind="probabilities")
"""


def test_digits_that_a_classifier_does_not_have_are_not_printed(
    images: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    Path("hundredths.py").write_text(HUNDREDTHS, encoding="utf-8")
    named = ["--classifier", "hundredths.py:make"]
    attacked = ["attack", "finite-differences", "a.png", "--epsilon", "0.1", "--out", "new"]
    corrupted = ["corrupt", "--images", ".", "--labels", "labels.csv", "--blur", "1"]
    captions = []  # of the strips

    def spy(original, caption, rows):
        captions.extend((*caption, *rows[0].caption))
        return draw_strip(original, caption, rows)

    monkeypatch.setattr(on_files, "draw_strip", spy)
    for words in (["classify", "a.png", "--top", "2"], attacked, corrupted):
        assert main([*words, *named]) == 0
        shown = re.findall(r"[0-9.]+ %", capsys.readouterr().out)
        allowed = r"[0-9]+ %" if words is not corrupted else r"[0-9]+(\.[0-9]{2})? %"  # accuracies
        assert shown
        assert all(re.fullmatch(allowed, one) for one in shown), shown
    shown = re.findall(r"[0-9.]+ %", " ".join(captions))
    assert len(shown) > 1
    assert all(re.fullmatch(r"[0-9]+ %", one) for one in shown), shown


@pytest.mark.slow
def test_digits_that_a_classifier_does_not_have_are_not_printed_of_its_runs(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    Path("hundredths.py").write_text(HUNDREDTHS, encoding="utf-8")
    budget = ["--generations", "1", "--batch-size", "4", "--quiet"]
    assert main(["evolve", "--classifier", "hundredths.py:make", *budget, "--out", "run"]) == 0
    bred = ["breed", "run", "--classes", "0", "1", "--children", "2", "--trust-code"]
    for words in (["compare", "run"], ["compare", "run", "--by", "encoding"], bred):
        capsys.readouterr()
        assert main(words) == 0
        shown = re.findall(r"[0-9.]+ %", capsys.readouterr().out.replace("0.0 %", ""))
        assert shown
        assert all(re.fullmatch(r"[0-9]+ %", one) for one in shown), shown


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
        ("accuracy --classifier mock:10 --images . --labels a.png", "a.png is not UTF-8 text"),
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


PAPER = "20 images dark on a bright ground, and lenet was trained with bright on dark; --invert "


@pytest.fixture
def paper(in_tmp_path: Path) -> None:
    """The drawn digits, twice, as black ink on white paper, and their labels."""
    names = [f"{number}.png" for number in range(20)]
    for name, image in zip(names, [*drawn_digits(), *drawn_digits()], strict=True):
        Image.fromarray(255 - image[..., 0]).save(name)
    rows = [f"{name},{number % 10}" for number, name in enumerate(names)]
    Path("labels.csv").write_text("\n".join(["file,index", *rows]), encoding="utf-8")


LABELLED = ["--images", ".", "--labels", "labels.csv"]


@pytest.mark.parametrize(
    "command",
    [
        ["classify", *(f"{number}.png" for number in range(20))],
        ["accuracy", *LABELLED],
        ["attack", "fgsm", *(f"{number}.png" for number in range(20)), "--epsilon", "0.01"],
        ["corrupt", *LABELLED, "--blur", "1"],
    ],
    ids=lambda command: command[0],
)
def test_digits_on_white_paper_are_noticed_and_inverted_by_the_default_classifier(
    command: list[str],
    paper: None,
    capsys: pytest.CaptureFixture[str],
):
    main(command)
    assert PAPER in capsys.readouterr().out
    assert main([*command, "--invert"]) == 0
    shown = capsys.readouterr().out
    assert "20 images inverted" in shown
    assert "lenet" in shown or command[0] == "attack"
    assert "dark on" not in shown


def test_what_cannot_be_inverted_is_refused(paper: None, capsys: pytest.CaptureFixture[str]):
    for command, said in (
        (["corrupt", "--dataset", "mnist", "--blur", "1"], "use --recolor invert"),
        (["doctor", "--classifier", "mock:10"], "give images and labels"),
    ):
        assert main([*command, "--invert"]) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(UserError, match="nothing to invert"):
        attack("gradient-ascent", [], target="7", invert=True)
