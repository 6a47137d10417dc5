import dataclasses
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from evofool import Card, Classifier, UserError, blur, corrupt, recognize
from evofool.evaluation.recognition import tally

CLASSES = 5
CARD = Card(
    name="rows",
    input_shape=(CLASSES, 4, 1),
    outputs=CLASSES + 1,
    class_offset=1,
    labels=tuple(f"row {i}" for i in range(CLASSES)),
    scale=1.0,
)


def brightness(params: Any, images: Any) -> Any:
    """Logits: ten times the brightness of every row; output 0, background, is always 1."""
    rows = 10 * images.mean(axis=(2, 3))
    return jnp.concatenate([jnp.ones((len(images), 1)), rows], axis=1)


ROWS = Classifier(card=CARD, params=(), apply=brightness)


def levels(rows: list[int], level: int = 255) -> np.ndarray:
    """Images that are bright in one row."""
    levels = np.zeros((len(rows), CLASSES, 4, 1), np.uint8)
    levels[np.arange(len(rows)), rows] = level
    return levels


def test_classes_are_counted_from_behind_the_background():
    found = recognize(ROWS, levels([3, 0]))
    assert found.classes.tolist() == [3, 0]
    assert found.log_odds.shape == (2, CLASSES)
    weights = np.exp([1.0, 10.0, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(found.confidence, weights[1] / weights.sum(), rtol=1e-6)
    chosen = found.confidence_in(np.array([3, 4]))
    np.testing.assert_allclose(chosen, weights[[1, 2]] / weights.sum(), rtol=1e-5)
    np.testing.assert_allclose(
        found.log_odds_in(np.array([3, 4])), np.log(chosen / (1 - chosen)), rtol=1e-5
    )


def test_background_is_never_the_likeliest_class():
    found = recognize(ROWS, levels([2], level=10))  # logits 1 and .39
    assert found.classes.tolist() == [2]
    assert found.confidence[0] < 0.2


def test_an_image_is_the_same_to_the_classifier_among_any_others():
    classifier = dataclasses.replace(
        ROWS, params=jnp.asarray(np.random.default_rng(0).normal(size=(20, 6)), jnp.float32)
    )
    product = dataclasses.replace(classifier, apply=lambda w, x: x.reshape(len(x), -1) @ w)
    images = np.random.default_rng(1).integers(0, 256, (50, CLASSES, 4, 1), np.uint8)
    whole = recognize(product, images).log_odds
    parts = [recognize(product, images[at : at + 7]).log_odds for at in range(0, 50, 7)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_a_tally_sums_up():
    images = np.concatenate([levels([0, 1, 2]), levels([4], level=60)])
    found = tally(recognize(ROWS, images), np.array([0, 1, 3, 4]))
    assert found.accuracy == 0.75
    assert found.counts == (1, 1, 1, 0, 1)
    sure, unsure = (np.exp(10 * x) / (np.exp(10 * x) + 4 + np.e) for x in (1, 60 / 255))
    assert found.confidence == pytest.approx(sure, rel=1e-5)
    assert found.label_confidence == pytest.approx((sure + unsure) / 2, rel=1e-5)


def test_corruption_is_seen_before_and_after():
    def turn(images: np.ndarray) -> np.ndarray:
        return images[:, ::-1]

    found = corrupt(ROWS, levels([0, 2, 4, 4]), np.array([0, 2, 4, 0]), turn)
    assert (found.n, found.before.accuracy, found.after.accuracy) == (4, 0.75, 0.5)
    assert found.unchanged == 0.25
    np.testing.assert_array_equal(found.images, levels([4, 2, 0, 0]))
    assert found.recognized.classes.tolist() == [0, 2, 4, 4]
    assert found.recognized_after.classes.tolist() == [4, 2, 0, 0]


def test_useless_requests_are_explained():
    with pytest.raises(UserError, match=r"1 images of shape \(28, 28, 1\) for 'rows'; expected"):
        recognize(ROWS, np.zeros((1, 28, 28, 1), np.uint8))
    with pytest.raises(UserError, match="0 images of shape"):
        recognize(ROWS, levels([]))
    with pytest.raises(UserError, match="3 labels for 1 images"):
        corrupt(ROWS, levels([1]), np.arange(3), partial(blur, sigma=1.0))
    broken = dataclasses.replace(
        ROWS, apply=lambda p, x: jnp.where(x[:, :1, 0, 0] > 0, jnp.nan, brightness(p, x))
    )
    with pytest.raises(UserError, match=r"\(NaN\) for image 2"):
        recognize(broken, levels([1, 3, 0]))
    with pytest.raises(UserError, match=r"\(NaN\) for c.png; check"):
        recognize(broken, levels([1, 3, 0]), names=["a.png", "b.png", "c.png"])
