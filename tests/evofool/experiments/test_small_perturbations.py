from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from evofool import Card, Classifier
from evofool.data import Dataset
from evofool.experiments import Lab, reproduce, small_perturbations_objects
from evofool.experiments.small_perturbations_digits import STRENGTHS, Fooled, templates
from evofool.experiments.supplies import Supplies
from evofool.recognition import recognize
from tests.evofool.real_data import data_folder

SHAPE, CLASSES = (8, 8, 3), 10
WEIGHTS = np.random.default_rng(0).normal(size=(192, CLASSES)).astype(np.float32)


def linear() -> Classifier:
    labels = tuple(f"class {index}" for index in range(CLASSES))
    card = Card(name="toy", input_shape=SHAPE, outputs=CLASSES, labels=labels)
    return Classifier(
        card=card,
        params=jnp.asarray(WEIGHTS),
        apply=lambda weights, images: (images - 0.5).reshape(len(images), -1) @ weights,
    )


class ToyLab(Lab):
    """Pictures of noise that a linear classifier recognises, all but every fifth."""

    def network(self, name: str) -> Classifier:
        return linear()

    def dataset(self) -> Dataset:
        images = np.random.default_rng(1).integers(0, 256, (60, *SHAPE)).astype(np.uint8)
        labels = recognize(linear(), images).classes
        labels[::5] = (labels[::5] + 1) % CLASSES
        labels = labels.astype(np.uint8)
        return Dataset(images, labels, images, labels, is_lossy=True)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = ToyLab(
        experiment="small-perturbations",
        domain="cifar10",
        scale="full",
        seeds=1,
        out=tmp_path,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    return lab


def test_recognised_pictures_are_attacked_by_finite_differences_and_by_the_gradient(lab: Lab):
    findings = small_perturbations_objects.cifar10(lab)
    assert findings.verdict.said == "reproduced", "a linear classifier is soon fooled"
    shares = {row.what: row.ours[0] for row in findings.rows}
    assert shares["lost at epsilon 0.05, finite differences, r = 0.01"] > 0.9
    assert shares["lost at epsilon 0.05, FGSM"] > 0.9
    assert shares["lost at epsilon 0.05, with the sign as written, r = 0.01"] == 0
    assert shares["lost at epsilon 0.05, signs at random"] < 0.5
    assert {row.n for row in findings.rows if "cats" not in row.what} == {
        "48 recognised test pictures"
    }
    _, steps = findings.tables
    assert [row[1] for row in steps.rows[:-1]] == ["100.0%"] * 4, "whatever r, the weights' signs"
    assert "80.0%" in findings.notes[0]
    assert "lossy" in findings.notes[0]
    for picture in findings.pictures:
        assert (lab.folder / picture.file).stat().st_size < 500_000


def test_templates_are_the_weights_around_grey():
    drawn = templates(linear())
    weights = WEIGHTS.T.reshape(CLASSES, *SHAPE)
    assert drawn.shape == weights.shape
    largest = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    assert drawn[largest] == (255 if weights[largest] > 0 else 1)
    assert np.corrcoef(drawn.ravel(), weights.ravel())[0, 1] > 0.999


def test_confidence_is_that_in_wrong_answers():
    wrong = np.tile([True, False, True, False], (len(STRENGTHS), 1))
    found = Fooled(wrong, wrong, np.array([0.9, 1.0, 0.7, 0.2]), np.array(0.25))
    assert (found.share.successes, found.share.n) == (2, 4)
    assert found.confidence == pytest.approx(0.8)


@pytest.mark.data
def test_a_linear_classifier_of_digits_is_fooled_at_a_quarter(tmp_path: Path):
    [report] = reproduce(
        "small-perturbations", on=["mnist"], scale="small", out=tmp_path, data=data_folder()
    )
    error, certainty, *_ = report.findings.rows
    assert error.what == "linear: error at epsilon .25"
    assert error.ours[0] > 0.9
    assert 0.1 < certainty.ours[0] < 1
    for picture in report.findings.pictures:
        assert (tmp_path / "small-perturbations" / "mnist" / picture.file).exists()
