import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.carlini_wagner import carlini_wagner
from evofool.attacks.deepfool import deepfool
from tests.evofool.attacks.networks import classes_of, curved, levels, outside

IMAGES = np.clip(levels(3), 100, 155)
LABELS = classes_of(curved(), IMAGES)


def test_the_change_is_about_as_small_as_that_of_deepfool():
    found, other = carlini_wagner(curved(), IMAGES, LABELS), deepfool(curved(), IMAGES, LABELS)
    assert found.success.all()
    assert (found.l2 < 1.05 * other.l2).all()
    assert (found.gradients > 1000).all()


def test_a_target_is_reached_and_further_than_any_class():
    target = (LABELS + 2) % 4
    found = carlini_wagner(curved(), IMAGES, LABELS, target=target)
    np.testing.assert_array_equal(found.label, target)
    nearest = carlini_wagner(curved(), IMAGES, LABELS)
    assert (found.l2 >= 0.95 * nearest.l2).all()


def test_what_cannot_be_used_is_refused():
    with pytest.raises(UserError, match="carlini-wagner needs gradients"):
        carlini_wagner(outside(), IMAGES, LABELS)
    with pytest.raises(UserError, match="rate is 0"):
        carlini_wagner(curved(), IMAGES, LABELS, rate=0.0)
