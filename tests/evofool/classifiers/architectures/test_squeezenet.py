import jax
import numpy as np
import pytest

from evofool.classifiers.classifier import make_network
from tests.evofool.classifiers import golden, networks
from tests.evofool.real_data import data_folder

VERSIONS = {
    "squeezenet_v1.0": 1_248_424,
    "squeezenet_v1.0_torchvision": 1_248_424,
    "squeezenet_v1.1": 1_235_496,
}


@pytest.mark.slow
@pytest.mark.data
def test_logits_of_photographs_are_those_recorded():
    assert golden.differences(data_folder(), "squeezenet_v1.0_deepcompression").max() < 1e-3


@pytest.mark.parametrize(("family", "published"), VERSIONS.items())
def test_versions_have_the_published_number_of_parameters(family, published):
    assert networks.published_parameters(family) == published


@pytest.mark.parametrize(
    ("family", "side"),
    [
        pytest.param("squeezenet_v1.0", 32, marks=pytest.mark.slow),
        pytest.param("squeezenet_v1.0_torchvision", 45, marks=pytest.mark.slow),
        ("squeezenet_v1.1", 48),
    ],
)
def test_any_input_size_gives_logits_and_gradients(family, side):
    card = networks.card(family, input_shape=(side, side, 3))
    networks.check_logits_and_gradients(make_network(card), side)


def test_caffes_version_averages_over_a_border_as_well():
    bordered, plain = (
        make_network(networks.card(f"squeezenet_v1.0{suffix}")) for suffix in ("", "_torchvision")
    )
    params = networks.random_params(plain)
    images = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    border = np.maximum(params["conv10"]["bias"], 0.0)  # what conv10 makes of zeros
    # the last feature map is 1x1, and 3x3 with its border
    expected = (jax.jit(plain.apply)(params, images) + 8 * border) / 9
    found = jax.jit(bordered.apply)(params, images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
