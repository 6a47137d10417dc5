"""The commands that train; training takes minutes: these only show that the flags arrive."""

import dataclasses
from pathlib import Path

import pytest

from evofool import load_classifier, recipes
from evofool.cli import main
from evofool.training import Epoch


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the function behind a command was given."""
    options = {}

    def train(out, *, on_epoch, **others):
        options.update(others, out=out)
        if on_epoch is not None:
            on_epoch(Epoch(1, 1, 0.25, 0.9, 3.0))
        classifier = load_classifier("mock:10")
        card = dataclasses.replace(classifier.card, test_accuracy=0.9)
        return dataclasses.replace(classifier, card=card)

    monkeypatch.setattr(recipes, "train_lenet", train)
    monkeypatch.setattr(recipes, "train_cifar_cnn", train)
    return options


FLAGS = ["--out", "w.safetensors", "--data", "sets", "--seed", "3"]
COMMON = {"out": Path("w.safetensors"), "data": Path("sets"), "seed": 3}


def test_training_a_lenet_gets_its_flags(given: dict):
    assert main(["train", "lenet", *FLAGS, "--activation", "sigmoid"]) == 0
    assert given == COMMON | {"activation": "sigmoid"}


def test_training_a_cifar_cnn_gets_its_flags(given: dict):
    assert main(["train", "cifar-cnn", *FLAGS, "--epochs", "4", "--width", "0.5"]) == 0
    config = dataclasses.replace(recipes.CIFAR_CNN, epochs=4)
    assert given == COMMON | {"width": 0.5, "config": config}


def test_the_default_number_of_epochs_is_that_of_the_recipe(given: dict):
    assert main(["train", "cifar-cnn", *FLAGS]) == 0
    assert given["config"] == recipes.CIFAR_CNN


@pytest.mark.parametrize("network", ["lenet", "cifar-cnn"])
def test_training_prints_every_epoch_and_the_accuracy(
    network: str, given: dict, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", network, *FLAGS]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/1: loss 0.2500, test accuracy 0.9000, 3.0 s",
        "w.safetensors: test accuracy 0.9000",
    ]
    assert main(["train", network, *FLAGS, "--quiet"]) == 0
    assert capsys.readouterr().out == "w.safetensors: test accuracy 0.9000\n"


def test_no_epochs_are_refused(given: dict, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "cifar-cnn", *FLAGS, "--epochs", "0"]) == 2
    assert "epochs is 0; expected more than 0" in capsys.readouterr().err
