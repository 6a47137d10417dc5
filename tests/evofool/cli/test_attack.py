"""attack as a command; what it does is tested beside its functions."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import attack
from evofool.attacks import ATTACKS
from evofool.cli import attack as command
from evofool.cli import main

MOCK = "mock:4:12x12x3"


@pytest.fixture
def images(in_tmp_path: Path) -> list[str]:
    levels = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)).astype(np.uint8)
    Image.fromarray(levels[0]).save("a.png")
    Image.fromarray(levels[1]).resize((30, 24)).save("b.png")
    return ["a.png", "b.png"]


def test_a_line_for_each_image_and_epsilon(images: list[str], capsys: pytest.CaptureFixture[str]):
    flags = ["--classifier", MOCK, "--epsilon", "0.02", "0.3", "--out", "made"]
    assert main(["attack", "fgsm", *images, *flags]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:6] == ["image", "epsilon", "class", "before", "taken", "for"]
    assert [line[:2] for line in lines[1:5]] == [
        [image, epsilon] for image in images for epsilon in ("0.02", "0.3")
    ]
    expected = attack("fgsm", images, MOCK, epsilon=[0.02, 0.3])
    assert [("yes" in line) for line in lines[1:5]] == [one.success for one in expected]
    assert " ".join(lines[5]) == "1 image resized 30x24 -> 12x12 (crop 24, bicubic)"
    assert " ".join(lines[6]) == "images: made"
    assert {"01-a-0.02.png", "01-a-strip.png", "02-b-curve.png"} <= {
        path.name for path in Path("made").iterdir()
    }


def test_what_was_mistaken_before_is_no_success_of_the_attack(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    (as_it_is,) = attack("fgsm", "a.png", MOCK, epsilon=0.004)
    others = [name for name in ("class 0", "class 1", "class 2") if name != as_it_is.label]
    flags = ["--classifier", MOCK, "--label", others[0], "--target", others[1]]
    assert main(["attack", "fgsm", "a.png", *flags, "--epsilon", "0.004"]) == 0
    header, line, *rest = capsys.readouterr().out.splitlines()
    assert "was taken for" in header
    assert "target before target after" in header
    assert as_it_is.label in line
    assert not rest
    assert main(["attack", "fgsm", "a.png", *flags[:4], "--epsilon", "0.004"]) == 0
    header, line, *rest = capsys.readouterr().out.splitlines()
    assert "target" not in header
    assert " already " in line
    assert rest == ["already: the original was misclassified before the attack"]


def test_json_has_all_figures(images: list[str], capsys: pytest.CaptureFixture[str]):
    flags = ["--classifier", MOCK, "--pixels", "3", "--seed", "4", "--save", "state.npz", "--json"]
    assert main(["attack", "one-pixel", "a.png", *flags]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    (expected,) = attack("one-pixel", "a.png", MOCK, pixels=3, seed=4)
    assert found == {**vars(expected), "actions": []}
    assert found["l0"] <= 3
    assert Path("state.npz").exists() == (found["queries"] > 5 * 400)


def test_a_patch_is_made_of_every_second_image_and_judged_on_the_others(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    flags = ["--classifier", MOCK, "--label", "0", "--target", "1", "--steps", "2"]
    assert main(["attack", "patch", *images, *flags, "--size", "0.3", "1"]) == 0
    header, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header[:4] == ["image", "size", "held", "out"]
    assert [line[:3] for line in lines[:4]] == [
        [image, size, held_out]
        for image, held_out in (("a.png", "no"), ("b.png", "yes"))
        for size in ("0.3", "1")
    ]
    expected = attack("patch", images, MOCK, label="0", target="1", steps=2, size=[0.3, 1])
    small, large = (int(line.success) for line in expected[2:])
    summary = f"success on images held out: {small} of 1 at size 0.3, {large} of 1 at size 1"
    assert " ".join(lines[4]) == summary


@pytest.mark.slow
def test_several_classifiers_are_attacked_at_once(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    Image.new("L", (28, 28), 90).save("grey.png")
    flags = ["--classifier", "mock:10+lenet", "--combine", "min", "--epsilon", "0.3", "--json"]
    assert main(["attack", "fgsm", "grey.png", *flags]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["linf"] == pytest.approx(76 / 255, abs=1e-6)


def test_an_image_without_a_known_range_is_refused(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    Image.new("F", (12, 12)).save("floating.tiff")
    assert main(["attack", "fgsm", "floating.tiff", "--classifier", MOCK]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "floating.tiff" in captured.err


def test_a_classifier_without_gradients_names_the_attacks_that_work(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    Path("outside.py").write_text(
        "import numpy as np\n"
        "from evofool import Card, Classifier\n"
        "def apply(weights, images):\n"
        "    odds = np.exp(images.reshape(len(images), -1) @ weights)\n"
        "    return odds / odds.sum(axis=1, keepdims=True)\n"
        "def make():\n"
        "    labels = tuple('abc')\n"
        "    card = Card(name='outside', input_shape=(12, 12, 3), outputs=3, labels=labels)\n"
        "    weights = np.random.default_rng(0).normal(size=(432, 3)) / 9\n"
        "    return Classifier(card=card, params=weights, apply=apply, kind='probabilities')\n",
        encoding="utf-8",
    )
    assert main(["attack", "pgd", "a.png", "--classifier", "outside:make"]) == 2
    assert "only its outputs: finite-differences, one-pixel" in capsys.readouterr().err
    assert main(["attack", "finite-differences", "a.png", "--classifier", "outside:make"]) == 0
    assert "a.png" in capsys.readouterr().out


def test_the_help_names_every_attack(capsys: pytest.CaptureFixture[str]):
    assert ATTACKS.keys() == set(command.NAMES)
    with pytest.raises(SystemExit):
        main(["attack", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.strip().startswith(f"{name} ") for line in lines) for name in ATTACKS)


OF_EVERY_ATTACK = {
    *("--classifier", "--weights", "--combine", "--invert", "--label", "--out", "--json"),
    "--help",
}
# flags that existed before options were read from signatures keep working
OPTIONS = {
    "fgsm": {"--target", "--epsilon"},
    "pgd": {"--target", "--epsilon", "--steps"},
    "apgd": {"--target", "--epsilon", "--loss", "--steps"},
    "finite-differences": {"--target", "--epsilon", "--step", "--save"},
    "universal": {"--target", "--epsilon", "--norm", "--seed", "--save"},
    "patch": {"--target", "--size", "--steps", "--rate", "--hold-out", "--seed", "--save"},
    "deepfool": {"--steps", "--norm"},
    "lbfgs": {"--target", "--steps", "--save"},
    "carlini-wagner": {"--target", "--searches", "--steps", "--rate", "--margin"},
    "hop-skip-jump": {"--norm", "--steps", "--directions", "--probe", "--seed", "--save"},
    "boundary": {"--steps", "--seed", "--save"},
    "one-pixel": {"--target", "--pixels", "--seed", "--save"},
    "gradient-ascent": {"--target", "--settings", "--seed", "--save"},
}


@pytest.mark.parametrize("name", ATTACKS)
def test_the_help_of_an_attack_shows_its_options_and_no_others(
    name: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as exit_:
        main(["attack", name, "--help"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    flags = set(re.findall(r"^\W*(?:-h, )?(--[a-z][a-z0-9-]+)", shown, flags=re.MULTILINE))
    flags = {flag.replace("--no-", "--") for flag in flags}  # of what is done by default
    options = {f"--{option.replace('_', '-')}" for option in ATTACKS[name].options}
    from_noise = ATTACKS[name].starts_from_noise
    assert flags == (OF_EVERY_ATTACK - ({"--invert"} if from_noise else set())) | options
    assert options >= OPTIONS[name]
    assert ("[IMAGES]" in shown) != from_noise
    assert f"  evofool attack {name}" in shown
    sentence = inspect.cleandoc(ATTACKS[name].described.__doc__ or "").split(".")[0]
    assert " ".join(sentence.split()) in " ".join(shown.split())


def test_the_name_may_follow_flags_and_have_underscores(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    flags = ["--classifier", MOCK, "--json", "one_pixel", "a.png", "--population", "8"]
    assert main(["attack", *flags, "--generations", "1"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    (expected,) = attack("one-pixel", "a.png", MOCK, population=8, generations=1)
    assert result["queries"] == expected.queries <= 17


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ("fgsm a.png", 0),
        ("--invert fgsm a.png", 1),
        ("--classifier=lenet pgd a.png", 1),
        ("--no-hold-out --label patch patch a.png", 3),
        ("--label patch a.png", None),
    ],
)
def test_the_name_is_told_from_the_values_of_flags(arguments: str, place: int | None):
    assert command._place_of_name(arguments.split()) == place


def test_a_flag_of_other_attacks_is_refused_with_their_names(
    images: list[str], capsys: pytest.CaptureFixture[str]
):
    for flag in (["--steps", "3"], ["--steps=3"]):
        assert main(["attack", "fgsm", "a.png", "--classifier", MOCK, *flag]) == 2
        message = capsys.readouterr().err
        assert "fgsm takes no steps; those that do: pgd, apgd, patch, deepfool" in message


def test_an_attack_is_required(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_:
        main(["attack", "--classifier", MOCK])
    assert exit_.value.code == 2
    assert "NAME" in capsys.readouterr().err
    assert main(["attack", "pgdd", "--classifier", MOCK]) == 2
    assert "did you mean 'pgd'" in capsys.readouterr().err
