from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from evofool import (
    Classifier,
    UserError,
    add_patch,
    attack,
    fgsm,
    gradient_ascent,
    load_classifier,
    recognize,
)
from evofool.attacks import on_files
from evofool.attacks.by_name import ATTACKS
from evofool.attacks.gradient_ascent import noise_images
from evofool.data.photographs import read_photographs
from tests.tiers import few_quick

MOCK = "mock:4:12x12x3"
# what makes each attack quick on images of 12x12
QUICK = {
    "pgd": {"steps": 3},
    "apgd": {"steps": 3},
    "patch": {"target": "2", "steps": 3, "size": (0.3, 0.5)},
    "lbfgs": {"target": "2", "steps": 5},
    "one-pixel": {"pixels": 2},
    "boundary": {"steps": 20},
    "hop-skip-jump": {"steps": 2},
    "carlini-wagner": {"steps": 5, "searches": 2},
}


@pytest.fixture
def images(in_tmp_path: Path) -> list[str]:
    """Two images that the mock takes for its class 1, the second in another size."""
    levels = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3)).astype(np.uint8)
    first, second = levels[recognize(load_classifier(MOCK), levels).classes == 1][:2]
    Image.fromarray(first).save("a.png")
    Image.fromarray(second.repeat(2, axis=0).repeat(2, axis=1)).save("b.png")
    return ["a.png", "b.png"]


@pytest.mark.parametrize(
    "name",
    few_quick(
        (name for name in ATTACKS if name != "gradient-ascent"),
        *("fgsm", "deepfool", "one-pixel", "universal", "hop-skip-jump"),
    ),
)
def test_every_attack_works_on_files(name: str, images: list[str]):
    found = attack(name, images, MOCK, out="made", **QUICK.get(name, {}))
    amounts = {(line.epsilon, line.size) for line in found}
    tried = {"epsilon": (0.01, 0.02, 0.05), "size": (0.3, 0.5), None: (None,)}[ATTACKS[name].axis]
    assert {epsilon or size for epsilon, size in amounts} == set(tried)
    assert [line.image for line in found] == [p for p in images for _ in amounts]
    assert {line.label for line in found} == {"class 1"}
    for line in found:
        is_fooled = line.found == line.target if line.target else line.found != line.label
        assert line.success == is_fooled
        assert 0 <= line.of_label <= line.confidence <= 1
        assert line.epsilon is None or line.linf <= line.epsilon
    made = {path.name for path in Path("made").iterdir()}
    assert {"01-a-strip.png", "02-b-strip.png"} <= made
    curves = {"01-a-curve.png", "02-b-curve.png"}
    assert (curves <= made) == (len(amounts) > 1)
    assert ("patch.png" in made) == (name == "patch")
    assert len(made) == len(found) + 2 + 2 * (len(amounts) > 1) + (name == "patch")


def test_the_files_hold_what_the_attack_on_arrays_gives(images: list[str]):
    (line,) = attack("fgsm", "a.png", MOCK, target="3", epsilon=0.1, out="made")
    original = np.asarray(Image.open("a.png"))[None]
    expected = fgsm(load_classifier(MOCK), original, 1, target=3, epsilon=0.1)
    np.testing.assert_array_equal(np.asarray(Image.open("made/01-a-0.1.png")), expected.images[0])
    assert line.target == "class 3"
    assert line.l2 == expected.l2[0]
    assert line.actions == ()


def test_images_of_other_sizes_are_prepared(images: list[str]):
    assert [len(line.actions) for line in attack("fgsm", images, MOCK, epsilon=0.1)] == [0, 1]


def test_the_label_may_be_given(images: list[str]):
    (line,) = attack("fgsm", "a.png", MOCK, label="2", epsilon=[0.01])
    assert line.label == "class 2"
    assert line.before < 0.5 < line.seen_confidence
    assert (line.seen, line.success, line.already) == ("class 1", True, True)


def test_a_target_is_shown_before_and_after(images: list[str]):
    (line,) = attack("fgsm", "a.png", MOCK, target="3", epsilon=0.02)
    original = read_photographs(["a.png"], load_classifier(MOCK).card)[0].levels[None]
    expected = recognize(load_classifier(MOCK), original).confidence_in(np.array([3]))
    assert line.target_before == pytest.approx(expected[0])
    assert line.target_before is not None
    assert line.of_target is not None
    assert line.target_before < line.of_target <= line.confidence
    assert not line.already
    (free,) = attack("fgsm", "a.png", MOCK, epsilon=0.02)
    assert (free.target, free.target_before, free.of_target) == (None, None, None)


def test_the_curve_begins_with_what_was_seen(images: list[str], monkeypatch: pytest.MonkeyPatch):
    drawn = {}

    def keep(path, epsilons, **values):
        drawn[path.name] = values

    monkeypatch.setattr(on_files, "write_curve", keep)
    options = {"label": "2", "target": "3", "epsilon": [0.1, 0.2], "out": "made"}
    lines = attack("fgsm", "a.png", MOCK, **options)
    (curve,) = drawn.values()
    assert curve["names"] == ["class 1", *(line.found for line in lines)]
    assert curve["best"] == [lines[0].seen_confidence, *(line.confidence for line in lines)]
    assert curve["of"] == {
        "class 2": [lines[0].before, *(line.of_label for line in lines)],
        "class 3": [lines[0].target_before, *(line.of_target for line in lines)],
    }


def test_gradient_ascent_needs_no_image(in_tmp_path: Path):
    (line,) = attack("gradient-ascent", [], MOCK, target="2", seed=3, out="made")
    assert line.image == "noise"
    assert line.found == "class 2"
    assert line.confidence > 0.9
    (expected,) = gradient_ascent(load_classifier(MOCK), 2, seed=3).attack.images
    made = np.asarray(Image.open("made/01-noise.png"))
    np.testing.assert_array_equal(made, expected)
    change = (made.astype(float) - noise_images(load_classifier(MOCK), 1, seed=3)[0]) / 255
    assert line.l2 == pytest.approx(np.linalg.norm(change))


def test_a_universal_change_is_the_same_for_all_images(images: list[str]):
    attack("universal", images, MOCK, epsilon=[0.05, 0.1], out="made", save="state.npz")
    assert {path.name for path in Path().glob("*.npz")} == {"state-0.05.npz", "state-0.1.npz"}
    prepared = read_photographs(images, load_classifier(MOCK).card)
    made = [np.asarray(Image.open(f"made/{name}-0.1.png"), int) for name in ("01-a", "02-b")]
    first, second = (found - one.levels for found, one in zip(made, prepared, strict=True))
    is_inside = np.all([(found > 0) & (found < 255) for found in made], axis=0)
    assert np.any(first[is_inside])
    np.testing.assert_array_equal(first[is_inside], second[is_inside])


def test_a_patch_is_written_and_is_what_lies_in_the_images(images: list[str]):
    options = {"target": "3", "size": [0.25, 0.5], "steps": 3, "seed": 4}
    lines = attack("patch", images, MOCK, out="made", **options)
    assert [(line.size, line.held_out) for line in lines] == [
        *((0.25, False), (0.5, False)),
        *((0.25, True), (0.5, True)),
    ]
    prepared = read_photographs(images, load_classifier(MOCK).card)
    levels = np.stack([image.levels for image in prepared])
    square = np.asarray(Image.open("made/patch.png"))
    assert square.shape == (6, 6, 3)
    expected = add_patch(load_classifier(MOCK), levels, 1, square, size=0.5, target=3, seed=4)
    for row, name in enumerate(("01-a", "02-b")):
        made = np.asarray(Image.open(f"made/{name}-0.5.png"))
        np.testing.assert_array_equal(made, expected.images[row])
    assert [line.found for line in lines[1::2]] == [f"class {i}" for i in expected.label]


def test_one_change_with_a_target_is_made_of_files(images: list[str]):
    found = attack("universal", images, MOCK, target="3", epsilon=[0.02, 0.2])
    assert {line.target for line in found} == {"class 3"}
    assert [line.success for line in found] == [line.found == "class 3" for line in found]
    assert [line.success for line in found if line.epsilon == 0.2] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "fsgm"}, "did you mean 'fgsm'"),
        ({"epsilon": 0.0039}, "less than one level of 8 bits"),
        ({"name": "universal", "norm": "l2"}, "with norm l2 needs an epsilon"),
        ({"epsilon": 0.0}, "epsilon is 0"),
        ({"epsilon": [0.1, 3.0]}, "divide by 255"),
        ({"epsilon": []}, "epsilon is empty"),
        ({"target": "class 1"}, r"target, 1 \(class 1\), is the class of a.png, b.png already"),
        ({"target": "class 9"}, "unknown class 'class 9'"),
        ({"label": "0", "target": "0"}, "is the class of a.png, b.png already; leave these out"),
        ({"images": []}, "no images to attack"),
        ({"images": "c.png"}, "there is no image c.png"),
        ({"name": "lbfgs"}, "lbfgs looks for a class that you choose; give a target"),
        ({"name": "gradient-ascent", "images": []}, "give a target"),
        ({"name": "gradient-ascent", "target": "2"}, "starts from noise; give no images"),
        ({"name": "patch"}, "patch looks for a class that you choose; give a target"),
        ({"name": "patch", "target": "2", "size": [0.5, 2.0]}, "size is 2; expected a share"),
        ({"name": "pgd", "size": 0.3}, "pgd takes no size; those that do: patch"),
        ({"name": "deepfool", "target": "2"}, "takes no target; those that do: fgsm, pgd"),
        ({"name": "one-pixel", "epsilon": 0.1}, "takes no epsilon; those that do: fgsm, pgd"),
        ({"steps": 3}, "fgsm takes no steps; those that do: pgd, apgd, patch, deepfool"),
        ({"colour": "red"}, "fgsm takes no colour$"),
    ],
)
def test_mistakes_are_explained(arguments: dict, message: str, images: list[str]):
    given = {"name": "fgsm", "images": images, "classifier": MOCK} | arguments
    with pytest.raises(UserError, match=message):
        attack(**given)


def test_a_folder_that_cannot_be_written_is_refused_before_the_attack(images: list[str]):
    def reached(done: int, whole: int) -> None:
        raise AssertionError("the attack has begun")

    Path("taken").touch()
    with pytest.raises(UserError, match="cannot write taken"):
        attack("pgd", "a.png", MOCK, epsilon=0.1, out="taken", report=reached)
    with pytest.raises(AssertionError, match="has begun"):
        attack("pgd", "a.png", MOCK, epsilon=0.1, out="new/folder", report=reached)
    assert not Path("new/folder").exists()


def test_a_classifier_outside_jax_can_be_attacked_through_its_outputs(images: list[str]):
    mock = load_classifier(MOCK)

    def apply(params, images):
        odds = np.exp(np.asarray(mock.apply(params, jnp.asarray(images))))
        return odds / odds.sum(axis=1, keepdims=True)

    outside = Classifier(card=mock.card, params=mock.params, apply=apply, kind="probabilities")
    with pytest.raises(UserError, match="only its outputs: finite-differences, one-pixel"):
        attack("fgsm", "a.png", outside)
    (line,) = attack("finite_differences", "a.png", outside, epsilon=0.1)
    (inside,) = attack("finite-differences", "a.png", mock, epsilon=0.1)
    assert line.confidence == pytest.approx(inside.confidence, abs=1e-5)
