"""By what a classifier is known again."""

import dataclasses

import numpy as np
import pytest

from evofool.classifiers import load_classifier
from evofool.classifiers.identity import (
    Fingerprint,
    answers_otherwise,
    differences,
    fingerprint,
    has_hash,
    step_of,
)

MOCK = load_classifier("mock:4")


def test_a_fingerprint_survives_json_and_knows_its_classifier_again():
    recorded = Fingerprint.from_dict(fingerprint(MOCK).to_dict())
    assert answers_otherwise(recorded, fingerprint(MOCK)) == 0
    assert recorded.spread == 0
    assert answers_otherwise(recorded, fingerprint(load_classifier("mock:5"))) > 0


def test_outputs_in_another_order_are_another_classifier():
    exchanged = dataclasses.replace(
        MOCK, apply=lambda params, images: MOCK.apply(params, images)[:, ::-1]
    )
    assert answers_otherwise(fingerprint(MOCK), fingerprint(exchanged)) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ("a", "b", "c", "d")}, "labels of 4 classes are others: class 0 is 'a'"),
        ({"input_shape": (8, 8, 1)}, "its input_shape is (8, 8, 1), not (28, 28, 1)"),
    ],
)
def test_other_classes_and_images_are_named(change, message):
    (told,) = differences(MOCK.card, dataclasses.replace(MOCK.card, **change))
    assert message in told
    assert list(differences(MOCK.card, MOCK.card)) == []


def test_an_ensemble_has_a_hash_if_all_members_have():
    assert not has_hash(MOCK.card)
    assert has_hash(dataclasses.replace(MOCK.card, sha256="feed+f00d"))
    assert not has_hash(dataclasses.replace(MOCK.card, sha256="feed+"))


@pytest.mark.parametrize("levels", [256, 255, 100, 1])
def test_the_step_of_quantised_outputs_is_found(levels):
    random = np.random.default_rng(0).dirichlet(np.ones(10), 8)
    quantised = (np.round(random * levels) / levels).astype(np.float32)
    assert step_of(quantised) == pytest.approx(1 / levels)
    assert step_of(random.astype(np.float32)) == 0
