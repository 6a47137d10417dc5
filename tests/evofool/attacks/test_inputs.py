import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evofool import UserError
from evofool.attacks.inputs import check_epsilon, check_seed, check_task
from evofool.attacks.results import judge, quantize_towards
from tests.evofool.attacks.networks import classes_of, levels, linear


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
        check_task(linear(), given["images"], given["labels"], given["target"])


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
    free = check_task(linear(), levels(), 2, None)
    aimed = check_task(linear(), levels(), 2, [0, 1, 3, 0, 1])
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
    task = check_task(linear(), images, [0, 1], None)
    found = judge(linear(), task, changed, queries=3)
    change = changed[0].astype(float) - images[0]
    assert found.l0.tolist() == [2, 0]
    assert found.linf[0] == pytest.approx(np.abs(change).max() / 255)
    assert found.l2.tolist() == pytest.approx([np.linalg.norm(change) / 255, 0])
    assert found.queries.tolist() == [4, 4]
    assert found.label.tolist() == classes_of(linear(), changed).tolist()
    assert found.success.tolist() == (found.label != [0, 1]).tolist()


def test_background_is_no_class():
    card = {"class_offset": 1, "labels": tuple("bcd")}
    found = judge(linear(**card), check_task(linear(**card), levels(), 0, None), levels())
    outputs = (levels() / 255 - 0.5).reshape(5, -1) @ np.asarray(linear().params)
    assert found.label.tolist() == outputs[:, 1:].argmax(axis=1).tolist()
