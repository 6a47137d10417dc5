import dataclasses

import numpy as np

from evofool.attacks import fgsm, pgd
from evofool.classifiers import load_classifier
from evofool.evaluation import recognize


def test_results_are_judged_in_the_runtime_that_the_model_ships_with():
    mock = load_classifier("mock:5:8x8x1")

    def stubborn(params: None, images: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(5, dtype=np.float32)[3], (len(images), 1))

    shipped = dataclasses.replace(mock, apply=stubborn, kind="probabilities", other=None)
    both = dataclasses.replace(mock, other=lambda: shipped)
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)
    labels = recognize(mock, images).classes
    for attack in (fgsm, pgd):
        by_gradient = attack(mock, images, labels, epsilon=0.5)
        judged = attack(both, images, labels, epsilon=0.5)
        np.testing.assert_array_equal(judged.images, by_gradient.images)
        assert by_gradient.success.any()
        assert set(judged.label) == {3}
        np.testing.assert_array_equal(judged.success, labels != 3)
