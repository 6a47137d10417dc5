import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers.architectures.alexnet import adaptive_mean, local_response_norm
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import make_network
from evofool.classifiers.importing.published import CONVERSIONS
from evofool.support.errors import UserError
from tests.tiers import few_quick


def card_of(family: str, side: int, *, outputs: int = 3) -> Card:
    values = {"name": "x", "family": family, "outputs": outputs, "labels": [""] * outputs}
    size = {"input_shape": (side, side, 3)}
    return Card.from_dict({**CONVERSIONS[family].card, **values, **size})


@pytest.mark.parametrize("channels", few_quick([1, 2, 4, 9], 4))
def test_response_is_divided_by_that_of_five_channels(channels):
    # values so large that the sum of squares counts
    images = np.random.default_rng(0).normal(0, 300, (2, 1, 3, channels))
    expected = np.empty_like(images)
    for c in range(channels):
        total = np.square(images[..., max(c - 2, 0) : c + 3]).sum(axis=-1)
        expected[..., c] = images[..., c] / (1 + 1e-4 / 5 * total) ** 0.75
    found = local_response_norm(jnp.asarray(images, jnp.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("grid", [1, 3, 6])
@pytest.mark.parametrize(("height", "width"), [(6, 6), (3, 3), (1, 13), (7, 8), (13, 12)])
def test_adaptive_means_are_those_of_their_windows(height, width, grid):
    images = np.random.default_rng(0).random((1, height, width, 2), np.float32)
    found = adaptive_mean(jnp.asarray(images), grid)
    expected = np.empty((1, grid, grid, 2))
    for i in range(grid):
        for j in range(grid):
            rows = slice(i * height // grid, -(-(i + 1) * height // grid))
            columns = slice(j * width // grid, -(-(j + 1) * width // grid))
            expected[0, i, j] = images[0, rows, columns].mean(axis=(0, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("family", "smallest"), [("caffenet", 39), ("alexnet", 63)])
def test_images_that_are_too_small_are_refused(family, smallest):
    make_network(card_of(family, smallest))
    with pytest.raises(UserError, match=f"family {family} needs images of {smallest}x"):
        make_network(card_of(family, smallest - 1))


@pytest.mark.parametrize(("side", "features"), [(39, 1), (227, 6), (256, 7)])
def test_the_first_dense_layer_of_caffenet_fits_the_image(side, features):
    network = make_network(card_of("caffenet", side))
    assert network.shapes["fc6"]["kernel"].shape == (features**2 * 256, 4096)
    images = jax.ShapeDtypeStruct((2, side, side, 3), np.float32)
    assert jax.eval_shape(network.apply, network.shapes, images).shape == (2, 3)
