import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from evofool.classifiers.classifier import check_classifier
from evofool.classifiers.loading import at_size, load_classifier
from evofool.classifiers.views import mean_log_odds, resize, ten_crops, with_views
from evofool.evaluation.forward import evaluate
from evofool.support.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32) / 255


@pytest.fixture(scope="module")
def mock():
    return load_classifier("mock:7:16x16x3")


def softmax_of(classifier, images):
    return np.asarray(jax.nn.softmax(classifier.apply(classifier.params, jnp.asarray(images))))


def test_ten_crops_are_the_corners_the_centre_and_their_mirrors():
    images = jnp.arange(256 * 256, dtype=jnp.float32).reshape(1, 256, 256, 1)
    crops = ten_crops(images)
    assert [crop.shape for crop in crops] == [(1, 227, 227, 1)] * 10
    corners = [int(crop[0, 0, 0, 0]) for crop in crops[:5]]
    assert corners == [0, 29, 29 * 256, 29 * 256 + 29, 14 * 256 + 14]
    for crop, mirror in zip(crops[:5], crops[5:], strict=True):
        assert (crop == mirror[:, :, ::-1]).all()


@pytest.mark.parametrize("size", [(20, 20), (32, 9), (48, 40)])
def test_resize_agrees_with_pillow(size):
    found = np.asarray(resize(jnp.asarray(IMAGES), size))
    for image, scaled in zip(IMAGES, found, strict=True):
        for channel in range(3):
            plane = Image.fromarray(image[..., channel], mode="F")
            expected = np.asarray(plane.resize(size[::-1], Image.Resampling.BICUBIC))
            np.testing.assert_allclose(scaled[..., channel], expected.clip(0, 1), atol=2e-5)


def test_a_view_of_the_input_size_is_the_image_itself(mock):
    assert with_views(mock, (16, 16, 3)) is mock
    assert at_size(mock) is mock


def test_a_single_view_is_the_image_scaled(mock):
    larger = at_size(mock, image_size=32)
    assert larger.card.input_shape == (32, 32, 3)
    assert (larger.kind, larger.views) == ("logits", 1)
    expected = softmax_of(mock, resize(jnp.asarray(IMAGES), (16, 16)))
    np.testing.assert_allclose(softmax_of(larger, IMAGES), expected, rtol=1e-6)


def test_ten_crop_averages_the_softmax_outputs(mock):
    ten = with_views(mock, (32, 32, 3), views="ten-crop")
    assert ten.views == 10
    log_odds = evaluate(ten, IMAGES, 3)
    crops = [resize(crop, (16, 16)) for crop in ten_crops(jnp.asarray(IMAGES))]
    expected = np.mean([softmax_of(mock, crop) for crop in crops], axis=0)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), expected, rtol=1e-4)


def test_a_model_outside_jax_sees_views_as_well(mock):
    outside = dataclasses.replace(
        mock, apply=lambda params, images: softmax_of(mock, images), kind="probabilities"
    )
    found = evaluate(with_views(outside, (32, 32, 3), views="ten-crop"), IMAGES, 3)
    inside = evaluate(with_views(mock, (32, 32, 3), views="ten-crop"), IMAGES, 3)
    np.testing.assert_allclose(jax.nn.softmax(found), 1 / (1 + np.exp(-inside)), rtol=1e-4)


def test_what_a_view_is_given_to_is_checked(mock):
    broken = dataclasses.replace(mock, params=jax.tree.map(lambda x: x * jnp.nan, mock.params))
    with pytest.raises(UserError, match="NaN or infinity"):
        check_classifier(with_views(broken, (32, 32, 3), views="ten-crop"))
    check_classifier(with_views(mock, (32, 32, 3), views="ten-crop"))


def test_mean_log_odds_are_exact_where_probabilities_saturate():
    odds = np.array([[40.0, -60.0, 0.0, -1.0], [50.0, -70.0, 0.0, 1.0]], np.float32)
    p, q = 1 / (1 + np.exp(-np.float64(odds))), 1 / (1 + np.exp(np.float64(odds)))
    expected = np.log(p.mean(axis=0)) - np.log(q.mean(axis=0))
    np.testing.assert_allclose(mean_log_odds(jnp.asarray(odds)), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "views", "message"),
    [
        ((32, 32, 1), "single", "images of 1 channel"),
        ((32, 32, 3), "five", "views 'five'"),
        ((1, 1, 3), "ten-crop", "1x1 pixels; expected 2 or more"),
    ],
)
def test_views_that_cannot_be_had_are_refused(mock, shape, views, message):
    with pytest.raises(UserError, match=message):
        with_views(mock, shape, views=views)
