import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evofool.classifiers.loading import load_classifier
from evofool.classifiers.scores import log_odds
from evofool.classifiers.views import with_views
from evofool.evaluation.forward import choose_micro_batch, evaluate

compiled = jax.jit(log_odds)


@given(st.integers(1, 1000), st.sampled_from(["28x28x1", "256x256x3", "8x8x1"]))
def test_micro_batches_cover_the_batch_without_a_whole_part_of_padding(batch, shape):
    for encoding in ("cppn", "direct"):
        micro_batch = choose_micro_batch(batch, load_classifier(f"mock:5:{shape}"), encoding)
        parts = -(-batch // micro_batch)
        assert 1 <= micro_batch <= batch
        assert parts * micro_batch - batch < parts


def test_a_cppn_batch_has_work_for_two_devices():
    assert choose_micro_batch(200, load_classifier("mock:5:8x8x1"), "cppn") == 100


def test_more_views_of_larger_images_are_taken_in_smaller_parts():
    mock = load_classifier("mock:5:64x64x3")
    assert choose_micro_batch(200, mock, "direct") == 16
    ten = with_views(mock, (64, 64, 3), views="ten-crop")
    assert choose_micro_batch(200, ten, "direct") == 1


def test_evaluate_gives_a_image_the_same_outputs_in_any_company(mock_classifier):
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


def test_a_image_that_an_outside_model_is_certain_of_has_finite_log_odds(mock_classifier):
    def certain(params, images):
        return np.eye(5, dtype=np.float32)[: len(images)]

    model = dataclasses.replace(mock_classifier, apply=certain, kind="probabilities")
    images = np.zeros((5, 8, 8, 1), np.float32)
    fitness = np.asarray(compiled(evaluate(model, images, 5)))
    assert np.isfinite(fitness).all()
    assert (fitness.argmax(axis=1) == np.arange(5)).all()
    assert (np.diag(fitness) > 80).all()
