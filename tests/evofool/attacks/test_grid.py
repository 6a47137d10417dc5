import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool import (
    Card,
    Classifier,
    attack,
    deepfool,
    lbfgs,
    load_classifier,
    pgd,
    recognize,
    universal,
)
from evofool.attacks.deepfool import deepfool_steps
from evofool.attacks.grid import LOOKS, ROUNDS, Border, _least, judge_on_grid, search_grid
from evofool.attacks.inputs import LEVEL, prepare
from evofool.cli import main
from evofool.data import read_photographs
from evofool.evaluation import model_of
from evofool.images import save_image, to_image
from tests.evofool.attacks.networks import (
    FLAT,
    NEEDED,
    classes_of,
    curved,
    flat,
    levels,
    rippled,
)
from tests.evofool.real_data import data_folder

OPTIONS = {"steps": 50, "overshoot": 0.02, "candidates": 4}


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_border_less_than_a_level_away_is_crossed_by_as_few_levels_as_can_be(norm: str):
    found = deepfool(flat(), FLAT, 0, norm=norm)
    assert found.success.all()
    assert not found.rounded_away.any()
    np.testing.assert_array_equal(np.abs(found.images.astype(int) - FLAT).sum((1, 2, 3)), NEEDED)
    np.testing.assert_allclose(found.linf, 1 / 255)


def test_a_chosen_class_less_than_a_level_away_is_reached_by_as_few():
    found = lbfgs(flat(), FLAT[:2], 0, target=1)
    assert found.success.all()
    changed = np.abs(found.images[:2].astype(int) - FLAT[:2]).sum((1, 2, 3))
    np.testing.assert_array_equal(changed, NEEDED[:2])


def test_no_smaller_change_crosses_a_linear_border():
    """All changes of four values by up to two levels are tried."""
    images = np.full((1, 2, 2, 1), 100, np.uint8)
    weights = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)
    changes = np.array(list(itertools.product(range(-2, 3), repeat=4)))
    card = Card(name="tiny", input_shape=(2, 2, 1), outputs=2, labels=("a", "b"))

    def apply(slope, images):
        lead = (255 * images - 100).reshape(len(images), -1) @ slope - 1.2
        return jnp.stack([jnp.zeros_like(lead), lead], axis=1)

    for slope in weights:
        found = deepfool(Classifier(card=card, params=slope, apply=apply), images, 0)
        crossing = changes[changes @ slope > 1.2]
        least = np.sqrt((crossing**2).sum(axis=1).min()) / 255
        assert found.success[0]
        # best for what it brings; one that brings less may do, and be smaller by a level
        assert found.l2[0] <= np.sqrt((255 * least) ** 2 + 1) / 255 + 1e-6


def test_changes_are_smaller_than_those_rounded_to_the_nearest_levels():
    images = levels(8)
    task = prepare(curved(), images, classes_of(curved(), images))
    change, _ = deepfool_steps(task, norm="l2", **OPTIONS)
    found = judge_on_grid(task, change, queries=0, gradients=0)
    rounded = np.rint(np.clip(images + 1.1 * change, 0, 255)) - images
    assert found.success.all()
    assert np.median(found.l2 / np.linalg.norm(rounded.reshape(8, -1) / 255, axis=1)) < 1
    assert np.median(found.l2) < np.median(pgd(curved(), images, task.labels, epsilon=0.05).l2)
    assert set(found.queries) == {1 + ROUNDS + LOOKS * (ROUNDS + 1)}


def test_an_image_has_the_same_change_alone_and_among_others():
    images = levels(6)
    labels = classes_of(curved(), images)
    together = deepfool(curved(), images, labels)
    alone = deepfool(curved(), images[3:4], labels[3:4])
    np.testing.assert_array_equal(together.images[3:4], alone.images)


def test_changes_keep_to_their_bounds():
    images = jnp.asarray(FLAT[:1], jnp.float32)
    bounds = images, images + 1  # brighter by one level at most
    border = Border(jnp.zeros(1, int), -1)
    search = jax.jit(
        lambda between: search_grid(
            model_of(classifier), classifier.params, images, border, between, bounds
        )
    )
    classifier = flat()
    change, is_found = search(jnp.ones_like(images))
    assert is_found.all()
    assert set(np.unique(change)) == {0, 1}
    change, is_found = search(-jnp.ones_like(images))  # the first slope mends the direction
    assert not is_found.any() or set(np.unique(change)) == {0, 1}


def test_a_success_that_rounding_undoes_is_said(in_tmp_path, capsys: pytest.CaptureFixture[str]):
    found = deepfool(rippled(), FLAT, 0)
    assert not found.success.any()
    assert found.rounded_away.all()
    np.testing.assert_array_equal(found.images, FLAT)
    save_image(to_image(FLAT[0]), in_tmp_path / "grey.png")
    (line,) = attack("deepfool", "grey.png", rippled())
    assert line.rounded_away
    (in_tmp_path / "ripples.py").write_text(
        "from tests.evofool.attacks.networks import rippled as make", encoding="utf-8"
    )
    assert main(["attack", "deepfool", "grey.png", "--classifier", "ripples:make"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "rounded away: a change between levels succeeds" in output


def test_what_no_change_achieves_is_not_called_rounded_away():
    constant = Classifier(
        card=flat().card, params=jnp.ones(2), apply=lambda bias, x: 0 * x[:, 0, 0, :2] + bias
    )
    found = deepfool(constant, FLAT, 0, steps=3)
    assert not found.success.any()
    assert not found.rounded_away.any()


@pytest.mark.parametrize(("least", "guess"), [(0.02, 1.0), (1.0, 1.0), (5.0, 1.0), (100.0, 1.0)])
def test_the_least_that_works_is_found_from_any_guess(least: float, guess: float):
    found, is_found = _least(lambda tried: tried >= least, jnp.array([guess]))
    assert is_found.all()
    assert least <= found[0] <= max(1.1 * least, least + 0.001)


def test_where_nothing_works_nothing_is_found():
    found, is_found = _least(lambda tried: tried < 0, jnp.array([1.0, 3.0]))
    np.testing.assert_array_equal(found, [1, 3])
    assert not is_found.any()


@pytest.mark.data
@pytest.mark.slow
def test_photographs_are_fooled_by_less_than_one_level_of_every_value():
    folder = data_folder()
    network = load_classifier("mobilenet_v1_0.25_128", weights=folder / "imagenet-models")
    files = sorted((folder / "imagenet/samples").glob("*"))[::100]
    images = np.stack([photograph.levels for photograph in read_photographs(files, network.card)])
    seen = recognize(network, images)
    labels, runners_up = seen.classes, seen.log_odds
    found = deepfool(network, images, labels)
    assert found.success.all()
    assert np.median(found.l2) < np.median(pgd(network, images, labels, epsilon=LEVEL).l2) / 2
    runners_up[np.arange(len(labels)), labels] = -np.inf
    to_target = lbfgs(network, images[:2], labels[:2], target=runners_up.argmax(axis=1)[:2])
    assert to_target.success.all()
    one_for_all = universal(network, images[:5], labels[:5])
    assert one_for_all.rates[-1] >= 0.8
