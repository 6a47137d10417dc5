import dataclasses
import gc
import weakref

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evofool import (
    UserError,
    deepfool,
    fgsm,
    finite_differences,
    gradient_ascent,
    lbfgs,
    one_pixel,
    patch,
    pgd,
    recognize,
    universal,
)
from evofool.attacks import Ascent
from evofool.attacks.inputs import (
    check_counts,
    check_epsilon,
    check_seed,
    one_after_another,
    prepare,
)
from evofool.attacks.results import judge, quantize_towards
from tests.evofool.attacks.networks import WEIGHTS, classes_of, levels, linear
from tests.tiers import few_quick


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": levels() / np.float32(255)}, "images are float32; expected 8-bit levels"),
        ({"images": levels()[..., :1]}, r"shape \(5, 6, 5, 1\); expected .* in colour"),
        ({"images": levels()[0]}, "one or more images"),
        ({"images": levels()[:0]}, "one or more images"),
        ({"labels": 4}, "labels has 4; expected 0..3"),
        ({"labels": [0, 1]}, r"labels has shape \(2,\)"),
        ({"labels": np.array([0.5])}, "expected indices of classes"),
        ({"target": -1}, "target has -1"),
        ({"target": 1}, r"target of image 1 is its own class, 1 \(b\)"),
    ],
)
def test_mistakes_are_explained(changes, message):
    given = {"images": levels(), "labels": [0, 1, 2, 3, 0], "target": None} | changes
    with pytest.raises(UserError, match=message):
        prepare(linear(), given["images"], given["labels"], given["target"])


@pytest.mark.parametrize("epsilon", [0.0, -0.1, 1.5, [0.1, 0.0], float("nan"), []])
def test_epsilon_is_a_share_of_the_range(epsilon):
    with pytest.raises(UserError, match="epsilon is"):
        check_epsilon(epsilon)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_less_than_a_level_is_refused(norm):
    for epsilon in (0.001, [0.1, 0.0039]):
        with pytest.raises(UserError, match="less than one level of 8 bits changes nothing"):
            check_epsilon(epsilon, norm=norm)
    assert check_epsilon([1 / 255, 0.003922], norm=norm) == [1 / 255, 0.003922]
    image = np.full((1, 1, 1), 100, np.uint8)
    for epsilon in (1 / 255, 0.003922):
        assert quantize_towards(image, image + 255 * epsilon).item() == 101


def test_a_radius_in_l2_may_exceed_the_range_of_a_value():
    assert check_epsilon(8.0, norm="l2") == [8.0]
    with pytest.raises(UserError, match="epsilon is inf"):
        check_epsilon(float("inf"))


def test_seeds_are_not_negative():
    with pytest.raises(UserError, match="seed is -1; expected 0 or more"):
        check_seed(-1)


def test_aim_is_the_target_or_else_the_label():
    free = prepare(linear(), levels(), 2)
    aimed = prepare(linear(), levels(), 2, [0, 1, 3, 0, 1])
    assert (free.aim.tolist(), free.direction) == ([2] * 5, -1)
    assert (aimed.aim.tolist(), aimed.direction) == ([0, 1, 3, 0, 1], 1)
    assert aimed.of(np.array([2])).aim.tolist() == [3]


@given(
    original=arrays.arrays(np.uint8, (2, 2, 3)),
    change=arrays.arrays(np.float32, (2, 2, 3), elements=st.floats(-300, 300, width=32)),
)
def test_rounding_never_enlarges_a_change_and_stays_in_range(original, change):
    found = quantize_towards(original, original + change)
    moved = found.astype(np.float32) - original
    assert (np.abs(moved) <= np.abs(change) + 1e-4).all()
    assert (moved * change >= 0).all()


def test_whole_levels_are_kept():
    moved = 200 + 255 * np.array([[[8, -8, 0]]]) / 255
    found = quantize_towards(np.full((1, 1, 3), 200, np.uint8), moved)
    assert found.flatten().tolist() == [208, 192, 200]


def test_norms_are_shares_of_the_range():
    images = levels(2)
    changed = images.copy()
    changed[0, 0, 0] = 255 - images[0, 0, 0]
    changed[0, 1, 2, 1] ^= 1
    task = prepare(linear(), images, [0, 1])
    found = judge(task, changed, queries=3)
    change = changed[0].astype(float) - images[0]
    assert found.l0.tolist() == [2, 0]
    assert found.linf[0] == pytest.approx(np.abs(change).max() / 255)
    assert found.l2.tolist() == pytest.approx([np.linalg.norm(change) / 255, 0])
    assert found.queries.tolist() == [4, 4]
    assert found.label.tolist() == classes_of(linear(), changed).tolist()
    assert found.success.tolist() == (found.label != [0, 1]).tolist()


def test_background_is_no_class():
    card = {"class_offset": 1, "labels": tuple("bcd")}
    found = judge(prepare(linear(**card), levels(), 0), levels())
    outputs = (levels() / 255 - 0.5).reshape(5, -1) @ np.asarray(linear().params)
    assert found.label.tolist() == outputs[:, 1:].argmax(axis=1).tolist()


def test_a_result_is_what_the_classifier_recognises():
    task = prepare(linear(), levels(), [0, 1, 2, 3, 0])
    judged, recognized = judge(task, levels()), recognize(linear(), levels())
    np.testing.assert_array_equal(judged.log_odds, recognized.log_odds)
    np.testing.assert_array_equal(judged.label, recognized.classes)


def test_counts_have_a_least_value():
    check_counts(pixels=(1, 1), population=(4, 4))
    with pytest.raises(UserError, match=r"^population is 3; expected 4 or more$"):
        check_counts(pixels=(1, 1), population=(3, 4))


def test_images_are_computed_one_after_another_and_only_once(tmp_path):
    task, file = prepare(linear(), levels(4), 0), tmp_path / "squares.npz"
    computed, reports = [], []

    def compute(index):
        if index == 2 and len(computed) == 2:
            raise KeyboardInterrupt
        computed.append(index)
        return {"square": np.array(index**2), "pair": np.array([index, -index])}

    def run():
        return one_after_another(
            4, compute, progress=task.progress(file), report=lambda *done: reports.append(done)
        )

    with pytest.raises(KeyboardInterrupt):
        run()
    computed.append("resumed")
    arrays = run()
    assert computed == [0, 1, "resumed", 2, 3]
    assert reports == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert arrays["square"].tolist() == [0, 1, 4, 9]
    assert arrays["pair"].tolist() == [[0, 0], [1, -1], [2, -2], [3, -3]]
    assert run()["square"].tolist() == [0, 1, 4, 9]
    assert len(computed) == 5


ATTACKS_ON_ARRAYS = {
    "fgsm": lambda c, x, y: fgsm(c, x, y),
    "pgd": lambda c, x, y: pgd(c, x, y, steps=2),
    "finite differences": lambda c, x, y: finite_differences(c, x, y),
    "deepfool": lambda c, x, y: deepfool(c, x, y, steps=2),
    "lbfgs": lambda c, x, y: lbfgs(c, x, y, target=(y + 1) % 4, searches=1, steps=2),
    "one pixel": lambda c, x, y: one_pixel(c, x, y, population=4, generations=1),
    "universal": lambda c, x, y: universal(c, x, y, passes=1),
    "universal to a class": lambda c, x, y: universal(c, x, y, target=(y + 1) % 4, passes=1),
    "patch": lambda c, x, y: patch(c, x, y, target=(y + 1) % 4, steps=1),
    "gradient ascent": lambda c, x, y: gradient_ascent(c, 1, settings=Ascent(steps=2)),
}


class Weights:
    """A linear classifier that closes over its weights."""

    def __init__(self):
        self.values = jnp.asarray(WEIGHTS)

    def classifier(self):
        def apply(params, images):
            return (images - 0.5).reshape(len(images), -1) @ self.values

        return dataclasses.replace(linear(), params=(), apply=apply)


@pytest.mark.parametrize("name", few_quick(ATTACKS_ON_ARRAYS, "fgsm", "deepfool", "one pixel"))
def test_an_attacked_classifier_is_not_kept_alive(name):
    weights = Weights()
    watched, array = weakref.ref(weights), weakref.ref(weights.values)
    images = levels(2)
    classes = recognize(weights.classifier(), images).classes
    ATTACKS_ON_ARRAYS[name](weights.classifier(), images, classes)
    del weights
    gc.collect()
    assert watched() is None
    assert array() is None
