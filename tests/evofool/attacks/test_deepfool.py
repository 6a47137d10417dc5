import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.deepfool import NUDGE, deepfool, deepfool_steps
from evofool.attacks.inputs import prepare
from tests.evofool.attacks.networks import WEIGHTS, classes_of, curved, levels, linear

OPTIONS = {"steps": 20, "overshoot": 0.0, "candidates": 4}


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_linear_border_is_reached_in_one_round_by_the_shortest_way(norm):
    # mid-grey, so that the box is far
    images = np.clip(levels(), 110, 145)
    labels = classes_of(linear(), images)
    task = prepare(linear(), images, labels)
    change, rounds = deepfool_steps(task, norm=norm, **OPTIONS)
    outputs = (images / 255 - 0.5).reshape(5, -1) @ WEIGHTS
    for row, label in enumerate(labels):
        others = [k for k in range(4) if k != label]
        slopes = [(WEIGHTS[:, k] - WEIGHTS[:, label]) / 255 for k in others]
        gaps = np.array([outputs[row, label] - outputs[row, k] for k in others])
        power = 2 if norm == "l2" else 1
        distances = gaps / [np.linalg.norm(slope, power) for slope in slopes]
        moved = change[row].reshape(-1)
        size = np.linalg.norm(moved) if norm == "l2" else np.abs(moved).max()
        assert size == pytest.approx(distances.min() + NUDGE, rel=0.001)
    assert rounds.max() == 1


def test_images_cross_the_border_and_stay_across_when_rounded():
    images = levels(8)
    labels = classes_of(curved(), images)
    found = deepfool(curved(), images, labels)
    assert found.success.all()
    assert found.l2.max() < 3
    # a round looks at all four classes; then the rounded image is shown, at least once
    assert (found.gradients % 4 == 0).all()
    assert (found.gradients // 4 + 2 <= found.queries).all()


def test_an_image_of_another_class_is_left_alone():
    images = levels(2)
    labels = (classes_of(curved(), images) + 1) % 4
    found = deepfool(curved(), images, labels)
    np.testing.assert_array_equal(found.images, images)
    assert found.success.all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l3"}, "unknown norm 'l3'"),
        ({"steps": 0}, "steps is 0"),
        ({"overshoot": -0.1}, "overshoot -0.1"),
        ({"candidates": 1}, "2 or more classes"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        deepfool(linear(), levels(), 0, **options)
