import jax
import numpy as np
import pytest

from evofool.classifiers.classifier import check_classifier
from evofool.classifiers.loading import load_classifier
from evofool.support.errors import UserError


@pytest.mark.parametrize(
    ("name", "shape", "outputs"),
    [
        ("mock:10", (28, 28, 1), 10),
        ("mock:3:5x9x1", (5, 9, 1), 3),
        ("mock:1000:64x48x3", (64, 48, 3), 1000),
    ],
)
def test_a_mock_is_what_its_name_says(name, shape, outputs):
    mock = load_classifier(name)
    assert (mock.card.name, mock.card.input_shape, mock.card.outputs) == (name, shape, outputs)
    check_classifier(mock)


def test_logits_are_linear_in_the_local_averages():
    mock = load_classifier("mock:4:16x16x1")
    images = np.random.default_rng(0).random((3, 16, 16, 1), np.float32)
    found = mock.apply(mock.params, jax.numpy.asarray(images))
    averages = images.reshape(3, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(3, 64)
    kernel = np.random.default_rng(0).standard_normal((64, 4), np.float32)
    np.testing.assert_allclose(found, (2 * averages - 1) @ kernel, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["mock", "mock:", "mock:1", "mock:ten", "mock:10:28x28", "mock:10:28x0x1", "mock:9:8x8x2"],
)
def test_a_malformed_name_shows_a_right_one(name):
    with pytest.raises(UserError, match="for instance mock:10 or mock:10:32x32x3"):
        load_classifier(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mock:1000000000", "outputs is 1000000000; expected 2..131,072"),
        ("mock:10:100000x100000x3", "at most 16,777,216 values"),
        ("mock:\u0661\u0660", "for instance mock:10"),
        (f"mock:{'9' * 5000}", "for instance mock:10"),
    ],
)
def test_sizes_that_no_classifier_has_are_refused_at_once(name, words):
    with pytest.raises(UserError, match=words):
        load_classifier(name)
