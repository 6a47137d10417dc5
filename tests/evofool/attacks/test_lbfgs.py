import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.gradient_sign import fgsm
from evofool.attacks.lbfgs import lbfgs
from tests.evofool.attacks.networks import WEIGHTS, classes_of, curved, levels, linear


def test_it_finds_nearly_the_shortest_way_to_a_linear_target():
    images = np.clip(levels(2), 110, 145)
    labels = classes_of(linear(), images)
    target = (labels + 2) % 4
    found = lbfgs(linear(), images, labels, target=target, searches=14)
    assert found.success.all()
    outputs = (images / 255 - 0.5).reshape(2, -1) @ WEIGHTS
    for row in range(2):  # no shorter than to the border with the label alone
        slope = WEIGHTS[:, target[row]] - WEIGHTS[:, labels[row]]
        gap = outputs[row, labels[row]] - outputs[row, target[row]]
        least = gap / np.linalg.norm(slope)
        assert 0.95 * least < found.l2[row] < 1.6 * least


def test_the_change_is_smaller_than_that_of_a_single_step(tmp_path):
    images = levels(3)
    labels = classes_of(curved(), images)
    target, file = (labels + 1) % 4, tmp_path / "search.npz"
    found = lbfgs(curved(), images, labels, target=target, save=file)
    steps = fgsm(curved(), images, labels, target=target, epsilon=[0.02, 0.05, 0.1, 0.2, 0.4])
    assert found.success.all()
    for row in range(3):
        assert (found.l2[row] < steps.l2[steps.success[:, row], row]).all()
    assert (found.queries > 10).all()
    reports = []
    again = lbfgs(
        curved(), images, labels, target=target, save=file, report=lambda *x: reports.append(x)
    )
    np.testing.assert_array_equal(again.images, found.images)
    assert reports == []


def test_searches_are_counted_from_one():
    with pytest.raises(UserError, match="searches is 0"):
        lbfgs(linear(), levels(), 0, target=1, searches=0)
