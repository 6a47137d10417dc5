import dataclasses

import numpy as np
import pytest

from evofool.audits.detectors import detect
from evofool.classifiers import Classifier, load_classifier
from tests.evofool.audits.conftest import outside, subject_of


def test_noise_is_far_from_real_images_in_features():
    lenet = load_classifier("lenet")
    subject = subject_of(lenet, 60)
    noise = np.random.default_rng(0).integers(0, 256, (30, 28, 28, 1), np.uint8)
    part = detect(subject, noise, 0.0)
    names = ["msp", "entropy", "max-logit", "energy", "odin", "mahalanobis", "knn"]
    assert list(part["detectors"]) == names
    assert part["metrics"]["auroc.mahalanobis"]["value"] > 0.99
    assert part["metrics"]["auroc.knn"]["value"] > 0.7
    assert part["absent"] == {}
    assert (part["real"], part["fooling"]) == (30, 30)


def test_a_copy_of_the_real_images_cannot_be_told_from_them(mock: Classifier):
    subject = subject_of(mock)
    part = detect(subject, subject.known.images[subject.held_out], 0.0)
    assert [one["auroc"]["value"] for one in part["detectors"].values()] == [pytest.approx(0.5)] * 5


def test_what_a_model_outside_jax_does_not_have_is_said(mock: Classifier):
    subject = subject_of(outside(mock))
    part = detect(subject, subject.known.images[:4], 0.0)
    assert list(part["detectors"]) == ["msp", "entropy"]
    assert set(part["absent"]) == {"max-logit", "energy", "odin", "mahalanobis", "knn"}


def test_one_image_of_a_class_has_no_spread():
    lenet = load_classifier("lenet")
    subject = subject_of(lenet, 20)
    alone = dataclasses.replace(subject, real=subject.known._replace(labels=np.arange(20) // 2))
    part = detect(alone, subject.known.images[:4], 0.0)
    assert "mahalanobis" not in part["detectors"]
    assert "one real image" in part["absent"]["mahalanobis"]
