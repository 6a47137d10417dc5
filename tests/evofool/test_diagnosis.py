import dataclasses
from importlib.metadata import version

import jax
import jax.numpy as jnp
import pytest

from evofool import EvolveConfig, doctor, load_classifier
from evofool.classifiers import Classifier, make_network
from evofool.diagnosis import check_drawn_digits
from tests.evofool.real_data import data_folder


@pytest.fixture(scope="module")
def lenet() -> Classifier:
    return load_classifier("lenet")


def test_the_shipped_classifier_recognises_drawn_digits(lenet: Classifier):
    assert check_drawn_digits(lenet).passed


@pytest.mark.parametrize("seed", range(3))
def test_a_classifier_without_its_weights_is_noticed(lenet: Classifier, seed: int):
    params = make_network(lenet.card).init(jax.random.key(seed))
    check = check_drawn_digits(dataclasses.replace(lenet, params=params))
    assert not check.passed


@pytest.mark.parametrize("factor", [255.0, 1 / 255, -1.0])
def test_an_input_on_the_wrong_scale_is_noticed(lenet: Classifier, factor: float):
    def apply(params, images):
        return lenet.apply(params, jnp.asarray(images) * factor)

    check = check_drawn_digits(dataclasses.replace(lenet, apply=apply))
    assert not check.passed


def test_doctor_reports_what_a_run_would_cost():
    config = EvolveConfig(classifier="mock:10", encoding="direct", batch_size=20, generations=7)
    found = doctor(config)
    assert found.passed
    assert found.forecast is not None
    assert found.forecast.seconds > found.forecast.compile_seconds > 0
    assert found.forecast.evaluations_per_second > 0
    assert 1e7 < found.forecast.memory_bytes < 1e11
    assert found.versions["evofool"] == version("evofool")
    assert f"{load_classifier('lenet').card.test_accuracy:.2%}" in found.weights["lenet"]


@pytest.mark.data
def test_doctor_compares_the_accuracy_with_the_card():
    config = EvolveConfig(encoding="direct", batch_size=20, generations=1)
    found = doctor(config, data_dir=data_folder())
    assert [check.name for check in found.checks] == [
        "classifier",
        "drawn digits",
        "MNIST test set",
    ]
    assert found.passed
    assert found.data["mnist"].endswith("mnist")
