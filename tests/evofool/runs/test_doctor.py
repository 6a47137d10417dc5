from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image

from evofool import EvolveConfig, UserError, doctor, load_classifier
from evofool.support import rounded_percent
from tests.evofool.real_data import data_folder

SMALL = EvolveConfig(classifier="mock:10", encoding="direct", batch_size=20, generations=7)


def test_doctor_reports_what_a_run_would_cost():
    found = doctor(SMALL)
    assert found.passed
    assert found.forecast is not None
    assert found.forecast.seconds > found.forecast.compile_seconds > 0
    assert found.forecast.evaluations_per_second > 0
    assert 1e7 < found.forecast.memory_bytes < 1e11
    assert found.versions["evofool"] == version("evofool")
    accuracy = load_classifier("lenet").card.test_accuracy
    assert accuracy is not None
    assert rounded_percent(accuracy, digits=2) in found.weights["lenet"]


def test_doctor_says_what_the_classifier_is():
    found = doctor(EvolveConfig(encoding="direct", batch_size=20, generations=1))
    (facts,) = found.classifiers
    assert (facts.name, facts.outputs, facts.class_offset, facts.first_class) == (
        "lenet",
        10,
        0,
        "0",
    )
    assert facts.sha256 == load_classifier("lenet").card.sha256
    assert len(facts.sha256) == 64
    assert "resized to 28x28 (bicubic), grey, level / 255" in facts.preprocessing
    assert found.to_dict()["classifiers"][0]["name"] == "lenet"


@pytest.mark.slow
def test_doctor_names_the_members_of_an_ensemble():
    config = EvolveConfig(
        classifier="mock:10+mock:10:20x20x1", encoding="direct", batch_size=20, generations=1
    )
    names = [facts.name for facts in doctor(config).classifiers]
    assert names == ["mock:10", "mock:10:20x20x1"]


def test_doctor_says_what_fails_after_other_checks(tmp_path: Path):
    (tmp_path / "grey.py").write_text(
        "import evofool\n"
        "import jax.numpy as jnp\n"
        "def make():\n"
        "    mock = evofool.load_classifier('mock:3')\n"
        "    def apply(params, images):\n"
        "        is_flat = (images == images[:, :1, :1]) & (images % 1 > 0)\n"
        "        grey = is_flat.all((1, 2, 3))\n"
        "        return jnp.where(grey[:, None], jnp.nan, mock.apply(params, images))\n"
        "    return evofool.Classifier(card=mock.card, params=mock.params, apply=apply)\n"
    )
    found = doctor(EvolveConfig(classifier=f"{tmp_path / 'grey.py'}:make"))
    assert not found.passed
    assert [(check.name, check.passed) for check in found.checks] == [
        ("classifier", True),
        ("same answer twice", True),
        ("classifier", False),
    ]
    assert "gives no numbers (NaN) for image 1" in found.checks[-1].detail


def test_labels_without_images_are_refused():
    with pytest.raises(UserError, match="images and labels belong together"):
        doctor(SMALL, labels="labels.csv")


@pytest.mark.data
def test_doctor_compares_the_accuracy_with_the_card():
    config = EvolveConfig(encoding="direct", batch_size=20, generations=1)
    found = doctor(config, data_dir=data_folder())
    assert [check.name for check in found.checks] == [
        "classifier",
        "same answer twice",
        "scale of the input",
        "drawn digits",
        "MNIST test set",
    ]
    assert found.passed
    assert found.data["mnist"].endswith("mnist")


def test_doctor_tries_the_classifier_on_photographs(tmp_path: Path):
    Image.new("L", (28, 28), 77).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,index\na.png,3\n")
    found = doctor(SMALL, images=tmp_path, labels=tmp_path / "labels.csv")
    assert found.checks[-1].name == "photographs"
    assert "of the first 1 in" in found.checks[-1].detail
