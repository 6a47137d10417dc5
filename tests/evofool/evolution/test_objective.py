import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest

import evofool
from evofool import UserError
from evofool.classifiers import load_classifier
from evofool.classifiers.scores import log_odds
from evofool.config import make_config
from evofool.evaluation import evaluate
from evofool.evolution.objective import with_objective

SETTINGS = {"encoding": "direct", "generations": 3, "batch_size": 20, "quiet": True}


def entropy(log_probabilities):
    return -(jnp.exp(log_probabilities) * log_probabilities).sum(axis=1)


def three_or_five(log_probabilities):
    return jnp.minimum(log_probabilities[:, 3:4], log_probabilities[:, 5:6]) + 0 * log_probabilities


def brightness(images):
    return images.mean(axis=(1, 2, 3))


by_brightness = evofool.second_axis(brightness, names=("dark", "bright"), edges=(0.5,))


def two_halves(card):
    del card

    def place(log_probabilities, images):
        del log_probabilities
        is_bright = brightness(images) >= 0.5
        return jnp.stack([~is_bright, is_bright], axis=1)

    return evofool.Cells(names=("dark", "bright"), place=place)


def log_probabilities_of(run, elite):
    classifier = load_classifier(run.config.classifier)
    outputs = evaluate(classifier, elite.image()[None].astype(np.float32) / 255, 1)
    return jnp.asarray(outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True)))


@pytest.mark.slow
def test_a_fitness_of_an_image_counts_in_the_cell_of_its_likeliest_class(tmp_path):
    run = evofool.evolve("mock:10", fitness=entropy, out=tmp_path / "run", **SETTINGS)
    assert run.config.fitness == "entropy"
    assert 1 <= len(run) <= 10
    for elite in run:
        known = log_probabilities_of(run, elite)
        assert known.argmax() == elite.class_index
        assert elite.fitness == pytest.approx(float(entropy(known)[0]), abs=1e-4)
    assert evofool.verify(run).passed
    assert all(line["num_invalid"] == 0 for line in run.metrics)


def test_a_fitness_of_images_and_classes_counts_in_every_cell(tmp_path):
    run = evofool.evolve("mock:10", fitness=three_or_five, out=tmp_path / "run", **SETTINGS)
    assert len({elite.born for elite in run}) == 1
    assert len(run) == 10


def test_a_run_goes_on_with_its_fitness_and_with_no_other(tmp_path):
    folder = tmp_path / "run"
    evofool.register_fitness("mine", entropy)
    short = evofool.evolve("mock:10", fitness="mine", out=folder, **SETTINGS)
    longer = evofool.resume(short, generations=5, quiet=True)
    whole = evofool.evolve(
        "mock:10", fitness="mine", out=tmp_path / "whole", **SETTINGS | {"generations": 5}
    )
    assert longer.finished["archive_sha256"] == whole.finished["archive_sha256"]
    evofool.register_fitness("mine", lambda known: -entropy(known))
    with pytest.raises(UserError, match="answers test images otherwise"):
        evofool.resume(evofool.Run(folder), generations=7, quiet=True)


def test_cells_of_ones_own_hold_what_is_placed_in_them(tmp_path):
    run = evofool.evolve("mock:10", cells=two_halves, out=tmp_path / "run", **SETTINGS)
    assert [elite.label for elite in run] == ["dark", "bright"]
    dark, bright = (elite.image().mean() / 255 for elite in run)
    assert dark < 0.5 <= bright
    # fitness is that of the likeliest class
    for elite in run:
        best = log_odds(log_probabilities_of(run, elite)).max()
        assert elite.fitness == pytest.approx(float(best), abs=1e-3)


@pytest.mark.slow
def test_a_second_axis_crosses_classes_and_ranges(tmp_path):
    evofool.register_cells("brightness", by_brightness)
    run = evofool.evolve("mock:10", cells="brightness", out=tmp_path / "run", **SETTINGS)
    assert run.card.labels[:3] == ("class 0, dark", "class 0, bright", "class 1, dark")
    for elite in run:
        assert (elite.image().mean() / 255 >= 0.5) == elite.label.endswith("bright")
        odds = log_odds(log_probabilities_of(run, elite))[0, elite.class_index // 2]
        assert elite.fitness == pytest.approx(float(odds), abs=1e-3)
    assert evofool.verify(run).passed
    assert evofool.polish(run, steps=2, quiet=True).confidences.min() >= 0


def test_a_second_axis_tells_classes_of_the_same_label_apart():
    card = load_classifier("mock:3").card
    cells = by_brightness(dataclasses.replace(card, labels=("crane", "heron", "crane")))
    assert cells.names == (
        *("crane (0), dark", "crane (0), bright", "heron, dark", "heron, bright"),
        *("crane (2), dark", "crane (2), bright"),
    )


def test_single_class_populations_hold_no_absent_member(tmp_path):
    evofool.register_cells("brightness", by_brightness)
    settings = SETTINGS | {"algorithm": "single-class", "population": 3}
    run = evofool.evolve("mock:10", cells="brightness", out=tmp_path / "run", **settings)
    for elite in run:
        assert (elite.image().mean() / 255 >= 0.5) == elite.label.endswith("bright")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda known: known.sum(), r"gave shape \(\) for log-probabilities of shape"),
        (lambda known: known[:, :3], r"gave shape \(8, 3\)"),
    ],
)
def test_a_fitness_of_another_shape_is_refused(function, message, tmp_path):
    evofool.register_fitness("wrong", function)
    with pytest.raises(UserError, match=message):
        evofool.evolve("mock:10", fitness="wrong", out=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()


def test_names_and_cells_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="'probability' is built in"):
        evofool.register_fitness("probability", entropy)
    with pytest.raises(UserError, match="a lambda has none"):
        evofool.evolve("mock:10", fitness=lambda known: known)
    with pytest.raises(UserError, match="register it under one"):
        evofool.evolve("mock:10", fitness=functools.partial(entropy))
    with pytest.raises(UserError, match="two or more different"):
        evofool.Cells(names=("a", "a"), place=brightness)
    with pytest.raises(UserError, match="a name more"):
        evofool.second_axis(brightness, names=("a",), edges=(0.5,))


def test_the_default_is_the_classifier_itself():
    classifier = load_classifier("mock:10")
    assert with_objective(classifier, make_config(classifier="mock:10")) is classifier
