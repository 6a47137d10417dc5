"""The command that trains; training takes minutes: these only show that the flags arrive."""

import dataclasses
from pathlib import Path

import pytest

from evofool import load_classifier, training
from evofool.cli import main
from evofool.training import recipes
from evofool.training.loop import Epoch


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the function behind the command was given."""
    options = {}

    def train(network, out, *, on_epoch, **others):
        options.update(others, network=network, out=out)
        if on_epoch is not None:
            on_epoch(Epoch(1, 1, 0.25, 0.9, 3.0))
        classifier = load_classifier("mock:10")
        card = dataclasses.replace(classifier.card, test_accuracy=0.9)
        return dataclasses.replace(classifier, card=card)

    monkeypatch.setattr(training, "train_classifier", train)
    return options


FLAGS = ["--out", "w.safetensors", "--data", "sets", "--seed", "3"]
COMMON = {"out": Path("w.safetensors"), "data": Path("sets"), "seed": 3}


def test_training_a_lenet_gets_its_flags(given: dict):
    more = ["--activation", "sigmoid", "--examples", "500", "--augment", "shift-scale"]
    more += ["--adversarial", "vat", "--epsilon", "1.5"]
    assert main(["train", "lenet", *FLAGS, *more]) == 0
    config = recipes.RECIPES["lenet"].config
    options = {"activation": "sigmoid", "examples": 500, "augment": "shift-scale"}
    options |= {"adversarial": "vat", "epsilon": 1.5}
    assert given == COMMON | options | {"network": "lenet", "config": config}


def test_training_a_cifar_cnn_gets_its_flags(given: dict):
    assert (
        main(["train", "cifar_cnn", *FLAGS, "--epochs", "4", "--width", "0.5", "--decay", "0"]) == 0
    )
    config = dataclasses.replace(recipes.RECIPES["cifar_cnn"].config, epochs=4, decay=0.0)
    options = {"width": 0.5, "examples": None, "augment": None}
    options |= {"adversarial": "none", "epsilon": None}
    assert given == COMMON | options | {"network": "cifar_cnn", "config": config}


@pytest.mark.parametrize("network", recipes.RECIPES)
def test_the_default_settings_are_those_of_the_recipe(network: str, given: dict):
    assert main(["train", network, *FLAGS]) == 0
    assert given["config"] == recipes.RECIPES[network].config


def test_training_prints_every_epoch_and_the_accuracy(
    given: dict, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", "mlp", *FLAGS]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/1: loss 0.2500, test accuracy 0.9000, 3.0 s",
        "w.safetensors: test accuracy 0.9000",
    ]
    assert main(["train", "mlp", *FLAGS, "--quiet"]) == 0
    assert capsys.readouterr().out == "w.safetensors: test accuracy 0.9000\n"


def test_no_epochs_are_refused(given: dict, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "cifar_cnn", *FLAGS, "--epochs", "0"])
    assert "'0' is not a whole number from 1" in capsys.readouterr().err
