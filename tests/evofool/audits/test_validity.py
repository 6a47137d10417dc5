import dataclasses
from pathlib import Path

import numpy as np
import pytest

from evofool import UserError
from evofool.audits.subject import Real, Subject
from evofool.audits.validity import check_validity
from evofool.classifiers import Classifier, load_classifier
from evofool.images import from_levels
from tests.evofool.audits.conftest import TINY, blobs, labels_of, outside, subject_of


def failures(subject: Subject, **known: object) -> list[str]:
    return [check.name for check in check_validity(subject, **known) if not check.passed]


def test_a_classifier_as_it_should_be_fails_nothing(mock: Classifier):
    assert failures(subject_of(mock), expect_accuracy=0.9) == []
    assert failures(subject_of(outside(mock)), expect_accuracy=0.9) == []


def test_an_accuracy_that_cannot_be_is_found(mock: Classifier):
    assert failures(subject_of(mock), expect_accuracy=0.5) == ["accuracy"]


def test_a_scale_of_255_is_found(mock: Classifier):
    assert {"noise", "scale of the input"} <= {*failures(subject_of(outside(mock, factor=255.0)))}


def test_exchanged_channels_are_found_by_what_is_recognised_then():
    honest = load_classifier("mock:10:28x28x3")
    images = np.concatenate([blobs(80)[start : 60 + start] for start in (0, 10, 20)], axis=3)
    right = Real(images, labels_of(honest, images), "coloured spots")
    swapped = dataclasses.replace(honest, apply=lambda p, x: honest.apply(p, x[..., ::-1]))
    subject = Subject(classifier=swapped, address="mine", real=right, budget=TINY)
    assert failures(subject) == ["channels and ranges"]


def test_other_answers_in_a_batch_are_found(mock: Classifier):
    def apply(params: object, images: np.ndarray) -> np.ndarray:
        return honest.apply(params, images - images.mean(axis=0))

    honest = outside(mock)
    assert "alone or in a batch" in failures(subject_of(dataclasses.replace(honest, apply=apply)))


def test_other_answers_each_time_are_found(mock: Classifier):
    generator = np.random.default_rng(0)

    def apply(params: object, images: np.ndarray) -> np.ndarray:
        return honest.apply(params, images + generator.normal(0, 0.05, images.shape))

    honest = outside(mock)
    assert "same answer twice" in failures(subject_of(dataclasses.replace(honest, apply=apply)))


@pytest.mark.parametrize("as_levels", [True, False])
@pytest.mark.parametrize("is_outside", [True, False])
def test_golden_outputs(mock: Classifier, tmp_path: Path, as_levels: bool, is_outside: bool):
    images = blobs(5)
    outputs = np.asarray(mock.apply(mock.params, from_levels(images)))
    if is_outside:
        outputs = outside(mock).apply(mock.params, from_levels(images))
    inputs = images if as_levels else from_levels(images)
    path = tmp_path / "golden.npz"
    np.savez(path, inputs=inputs, outputs=outputs)
    subject = subject_of(outside(mock) if is_outside else mock)
    assert failures(subject, golden=path) == []
    np.savez(path, inputs=inputs, outputs=np.roll(outputs, 1, axis=1))
    assert failures(subject, golden=path) == ["golden outputs"]


def test_golden_files_of_another_kind_are_refused(mock: Classifier, tmp_path: Path):
    path = tmp_path / "golden.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(UserError, match="expected the arrays inputs and outputs"):
        failures(subject_of(mock), golden=path)
    np.savez(path, inputs=np.zeros((2, 5, 5, 1)), outputs=np.zeros((2, 10)))
    with pytest.raises(UserError, match="inputs has shape"):
        failures(subject_of(mock), golden=path)
