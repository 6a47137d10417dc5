import numpy as np
import pytest

from evofool.evaluation.recognition import recognize
from evofool.experiments.small_perturbations import perturbing
from evofool.experiments.small_perturbations.perturbing import (
    LEVELS,
    examine,
    level_of,
    perturb,
    runners_up,
    share_at,
    smallest_epsilons,
)
from tests.evofool.attacks.networks import WEIGHTS, curved, levels, linear


def test_epsilons_are_rounded_down_to_whole_levels():
    assert [level_of(epsilon) for epsilon in (0.007, 0.01, 0.02, 0.05, 0.1)] == [1, 2, 5, 12, 25]
    assert {level_of(epsilon) for epsilon in (0.007, 0.01, 0.02, 0.05, 0.1)} <= set(LEVELS)


def test_values_move_against_their_signs_and_stay_in_range():
    image = np.array([[[0], [100], [254]]], np.uint8)
    signs = np.array([[[1], [1], [-1]]], np.int8)
    assert perturb(image[None], signs[None], 7).ravel().tolist() == [0, 93, 255]


def test_the_runner_up_is_the_likeliest_class_but_the_label():
    images = levels(4)
    found = recognize(linear(), images)
    order = np.argsort(-found.log_odds, axis=1)
    labels = np.array([order[0, 0], order[1, 1], order[2, 0], order[3, 3]])
    wanted = [order[0, 1], order[1, 0], order[2, 1], order[3, 0]]
    assert runners_up(found, labels).tolist() == wanted


def test_differences_of_a_linear_classifier_are_its_weights():
    network, image = linear(), levels(1)[0]
    label = int(recognize(network, image[None]).classes[0])
    rivals = [index for index in range(4) if index != label]
    found = examine(network, image, label, rivals, step=0.02)
    for signs, rival in zip(found.signs, rivals, strict=True):
        weights = (WEIGHTS[:, label] - WEIGHTS[:, rival]).reshape(image.shape)
        np.testing.assert_array_equal(signs, np.sign(weights))
    np.testing.assert_array_equal(found.agreement, 1.0)
    assert found.flat == 0
    assert found.classes.shape == (len(LEVELS), 3)
    assert found.classes[-1, 0] != label
    np.testing.assert_array_equal(found.written, label)


def test_the_gradient_of_log_odds_points_elsewhere_than_that_of_a_lead():
    network, image = curved(), levels(1)[0]
    label = int(recognize(network, image[None]).classes[0])
    found = examine(network, image, label, [(label + 1) % 4], step=0.002)
    assert found.agreement[0] > 0.95
    assert 0.5 < found.agreement_fgsm < found.agreement[0]


def test_fgsm_is_done_part_by_part(monkeypatch: pytest.MonkeyPatch):
    network, images = curved(), levels(5)
    labels = recognize(network, images).classes
    whole = perturbing.classes_by_fgsm(network, images, labels)
    monkeypatch.setattr(perturbing, "PART", 2)
    np.testing.assert_array_equal(perturbing.classes_by_fgsm(network, images, labels), whole)
    assert np.mean(whole[-1] != labels) > np.mean(whole[0] != labels)


def test_shares_and_smallest_epsilons_are_read_at_whole_levels():
    is_hit = np.zeros((len(LEVELS), 3), bool)
    is_hit[LEVELS.index(5) :, 0] = True
    is_hit[LEVELS.index(12), 1] = True
    assert [share_at(is_hit, e).successes for e in (0.01, 0.02, 0.05, 0.1)] == [0, 1, 2, 1]
    np.testing.assert_allclose(smallest_epsilons(is_hit), [5 / 255, 12 / 255, np.inf])
