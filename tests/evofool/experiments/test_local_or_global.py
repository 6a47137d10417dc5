from typing import Any

import numpy as np
import pytest

from evofool import Card, Classifier, Run
from evofool.experiments import local_or_global
from evofool.experiments.local_or_global import Damage, choose_elites, damage_all, plan_damages

pytestmark = pytest.mark.slow

SIDE = 4
CARD = Card(name="corner", input_shape=(SIDE, SIDE, 1), outputs=2, labels=("no", "yes"), scale=1.0)


def corner(params: Any, images: Any) -> Any:
    """Two classes: how bright the upper left quarter is, and the rest."""
    quarter = images[:, :2, :2].mean(axis=(1, 2, 3))
    return 4 * np.array([0.0, 1.0]) * quarter[:, None] - 1


CORNER = Classifier(card=CARD, params=(), apply=corner)


def bright(place: tuple[slice, slice]) -> np.ndarray:
    image = np.zeros((1, SIDE, SIDE, 1), np.uint8)
    image[0][place] = 255
    return image


def test_damages_are_every_kind_at_every_size():
    planned = plan_damages([8, 4], [1.0])
    assert [str(damage) for damage in planned] == [
        *("8x8 tiles exchanged", "4x4 tiles exchanged"),
        *("8x8 tiles mirrored", "4x4 tiles mirrored"),
        *("8x8 windows shuffled", "4x4 windows shuffled"),
        "blur, sigma 1",
    ]


def test_what_remains_is_confidence_in_the_class_seen_before():
    image = bright((slice(0, 2), slice(0, 2)))
    images = np.concatenate([np.repeat(image, 40, axis=0), np.repeat(255 - image, 40, axis=0)])
    within, moved = Damage("windows shuffled", 2), Damage("tiles exchanged", 2)
    remaining = damage_all(CORNER, images, [within, moved])
    yes, even = 1 / (1 + np.exp(-4)), 0.5
    np.testing.assert_allclose(remaining.confidence, np.repeat([yes, even], 40), rtol=1e-5)
    np.testing.assert_allclose(remaining.ratio[0], 1.0, rtol=1e-6)
    assert remaining.label[0].all()
    first = remaining.ratio[1, :40]
    assert set(np.round(first, 5)) == {1.0, round(even / yes, 5)}, "the quarter stays, or goes"
    assert 0.05 < np.mean(first == 1.0) < 0.5, "a quarter of the time"
    certain = remaining.select(remaining.confidence > 0.9)
    np.testing.assert_array_equal(certain.ratio[1], first)
    assert (len(certain.confidence), certain.label.shape) == (40, (2, 40))


def test_elites_are_spread_over_the_classes(cppn_run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local_or_global, "HIGH", 0.0)
    chosen = choose_elites(cppn_run, 5)
    assert [elite.class_index for elite in chosen] == sorted(e.class_index for e in chosen)
    assert chosen[0].class_index == 0
    assert chosen[-1].class_index == 9
    assert len(choose_elites(cppn_run, 20)) == 20


def test_the_most_confident_elites_stand_in_for_certain_ones(
    cppn_run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local_or_global, "HIGH", 2.0)
    chosen = choose_elites(cppn_run, 3)
    everyone = [*cppn_run.elites(0), *cppn_run.elites(1)]
    best = sorted((elite.fitness for elite in everyone), reverse=True)[:3]
    assert [elite.fitness for elite in chosen] == best
