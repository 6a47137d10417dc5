import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evofool import UserError
from evofool.classifiers.loading import load_classifier
from evofool.classifiers.scores import log_odds
from evofool.classifiers.views import with_views
from evofool.evaluation import forward
from evofool.evaluation.forward import (
    choose_gradient_batch,
    choose_micro_batch,
    evaluate,
    evaluate_levels,
    in_parts,
    micro_batch_for,
)

compiled = jax.jit(log_odds)


@given(st.integers(1, 1000), st.sampled_from(["28x28x1", "256x256x3", "8x8x1"]))
def test_micro_batches_cover_the_batch_without_a_whole_part_of_padding(batch, shape):
    for least_parts in (1, 2):
        mock = load_classifier(f"mock:5:{shape}")
        micro_batch = choose_micro_batch(batch, mock, least_parts=least_parts)
        parts = -(-batch // micro_batch)
        assert 1 <= micro_batch <= batch
        assert parts * micro_batch - batch < parts


def test_a_batch_is_divided_into_the_least_number_of_parts():
    mock = load_classifier("mock:5:8x8x1")
    assert choose_micro_batch(200, mock) == 200
    assert choose_micro_batch(200, mock, least_parts=2) == 100


def test_more_views_of_larger_images_are_taken_in_smaller_parts():
    mock = load_classifier("mock:5:64x64x3")
    assert choose_micro_batch(200, mock) == 16
    ten = with_views(mock, (64, 64, 3), views="ten-crop")
    assert choose_micro_batch(200, ten) == 1


def test_few_images_of_an_attack_do_not_cost_as_much_as_many():
    digits, photographs = load_classifier("mock:5:28x28x1"), load_classifier("mock:5:128x128x3")
    sizes = [choose_gradient_batch(count, digits) for count in (1, 8, 9, 200, 256, 5000)]
    assert sizes == [8, 8, 16, 256, 256, 256]
    assert [choose_gradient_batch(count, photographs) for count in (1, 5000)] == [4, 4]


def test_the_micro_batch_of_a_look_depends_on_the_size_of_images_alone():
    shapes = ("28x28x1", "32x32x3", "256x256x3")
    assert [micro_batch_for(load_classifier(f"mock:5:{s}")) for s in shapes] == [256, 65, 8]


def test_levels_are_scaled_and_evaluated_in_passes(mock_classifier, monkeypatch):
    levels = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 1)).astype(np.uint8)
    whole = evaluate_levels(mock_classifier, levels)
    np.testing.assert_array_equal(
        whole, evaluate(mock_classifier, levels / np.float32(255), micro_batch_for(mock_classifier))
    )
    monkeypatch.setattr(forward, "PASSES", 1)
    monkeypatch.setattr(forward, "micro_batch_for", lambda _: 16)
    np.testing.assert_allclose(
        evaluate_levels(mock_classifier, levels), whole, rtol=1e-5, atol=1e-6
    )


def test_parts_are_of_one_size_and_come_back_in_order():
    sizes, reports = set(), []

    def function(a, b):
        sizes.add(len(a))
        return {"sum": a + b}

    a, b = np.arange(7), 10 * np.arange(7)
    joined = in_parts(function, [a, b], 3, report=lambda *progress: reports.append(progress))
    assert joined["sum"].tolist() == (a + b).tolist()
    assert sizes == {3}
    assert reports == [(3, 7), (6, 7), (7, 7)]


def test_evaluate_gives_an_image_the_same_outputs_in_any_company(mock_classifier):
    images = np.random.default_rng(0).random((11, 8, 8, 1), np.float32)
    together = evaluate(mock_classifier, images, 4)
    assert together.shape == (11, 5)
    for count in (1, 4, 10):
        assert (evaluate(mock_classifier, images[:count], 4) == together[:count]).all()


def as_probabilities(classifier):
    """Makes a model outside JAX that gives the same verdicts as softmax probabilities."""

    def apply(params, images):
        assert isinstance(images, np.ndarray)
        return np.asarray(jax.nn.softmax(classifier.apply(params, jnp.asarray(images))))

    return dataclasses.replace(classifier, apply=apply, kind="probabilities")


def test_evaluate_turns_probabilities_into_logits_of_the_same_log_odds(mock_classifier):
    images = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    outside = evaluate(as_probabilities(mock_classifier), images, 4)
    inside = evaluate(mock_classifier, images, 4)
    np.testing.assert_allclose(compiled(outside), compiled(inside), rtol=1e-4, atol=1e-4)


def test_an_image_that_an_outside_model_is_certain_of_has_finite_log_odds(mock_classifier):
    def certain(params, images):
        return np.eye(5, dtype=np.float32)[: len(images)]

    model = dataclasses.replace(mock_classifier, apply=certain, kind="probabilities")
    images = np.zeros((5, 8, 8, 1), np.float32)
    fitness = np.asarray(compiled(evaluate(model, images, 5)))
    assert np.isfinite(fitness).all()
    assert (fitness.argmax(axis=1) == np.arange(5)).all()
    assert (np.diag(fitness) > 80).all()


SOUND = np.full((4, 5), 0.2, np.float32)
NAN = np.where(np.arange(4)[:, None] == 1, np.nan, SOUND)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (SOUND[:, :1], r"returned shape \(4, 1\) for 4 images; expected \(4, 5\)"),
        (SOUND[:3], r"returned shape \(3, 5\) for 4 images"),
        (SOUND * [-5, 10, 0, 0, 0], "smallest value is -1 and a row's sum differs"),
        (SOUND * 2, "a row's sum differs from 1 by up to 1;"),
        (SOUND > 0, "outputs of type bool"),
        (np.full((4, 5), "0.2"), "outputs of type <U3"),
        (NAN, ""),  # an image without a score is no fault of the others
    ],
    ids=["narrow", "few", "negative", "sum", "bool", "text", "nan"],
)
def test_a_classifier_outside_jax_is_checked_at_every_pass(
    later: np.ndarray, words: str, mock_classifier
):
    answers = iter([SOUND, later])
    outside = dataclasses.replace(
        mock_classifier, kind="probabilities", apply=lambda params, images: next(answers)
    )
    images = np.zeros((8, 8, 8, 1), np.float32)
    if not words:
        assert np.isnan(evaluate(outside, images, 4)).sum() == 5
        return
    with pytest.raises(UserError, match=f"classifier 'mock:5:8x8x1' .*{words}"):
        evaluate(outside, images, 4)


def test_a_model_outside_jax_is_asked_for_no_padding(mock_classifier):
    sizes = []

    def ask(params, images):
        sizes.append(len(images))
        return np.asarray(jax.nn.softmax(mock_classifier.apply(params, jnp.asarray(images))))

    model = dataclasses.replace(mock_classifier, apply=ask, kind="probabilities")
    images = np.random.default_rng(0).random((10, *model.card.input_shape), np.float32)
    assert len(evaluate(model, images, 4)) == 10
    assert sizes == [4, 4, 2]


def test_a_model_outside_jax_gets_batches_that_other_runtimes_want():
    large = dataclasses.replace(load_classifier("mock:5:224x224x3"), kind="probabilities")
    assert choose_micro_batch(200, large) >= 16
    small = dataclasses.replace(load_classifier("mock:5"), kind="probabilities")
    assert choose_micro_batch(200, small) == 200
