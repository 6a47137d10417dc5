import jax
import pytest

from evofool.classifiers.classifier import make_network
from tests.evofool.classifiers import golden, networks
from tests.evofool.real_data import data_folder


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["mobilenet_v1_0.25_128", "mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat"]
)
def test_logits_of_photographs_are_those_recorded(name):
    assert golden.differences(data_folder(), name).max() < 1e-3


@pytest.mark.parametrize(
    ("family", "published"), [("mobilenet_v1", 4_231_976), ("mobilenet_v2", 3_504_872)]
)
def test_networks_of_width_one_have_the_published_number_of_parameters(family, published):
    # published with batch norm: a scale and a shift per channel, for one bias
    shapes = make_network(networks.card(family, width=1.0)).shapes
    biases = [
        leaf.size
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes)
        if path[-1].key == "bias" and path[0].key != "fc"
    ]
    assert networks.published_parameters(family) + sum(biases) == published


@pytest.mark.parametrize(
    ("family", "padding", "side"),
    [
        ("mobilenet_v1", "SAME", 45),
        pytest.param("mobilenet_v1", "symmetric", 32, marks=pytest.mark.slow),
        pytest.param("mobilenet_v2", "SAME", 45, marks=pytest.mark.slow),
        pytest.param("mobilenet_v2", "symmetric", 32, marks=pytest.mark.slow),
    ],
)
def test_any_input_size_and_padding_gives_logits_and_gradients(family, padding, side):
    card = networks.card(family, input_shape=(side, side, 3), padding=padding)
    networks.check_logits_and_gradients(make_network(card), side)


@pytest.mark.parametrize(
    ("family", "width", "stem", "last"),
    [
        ("mobilenet_v1", 0.25, 8, 256),
        ("mobilenet_v1", 0.1, 8, 102),  # rounded down
        ("mobilenet_v2", 0.35, 16, 1280),  # 11.2 would become 8, more than a tenth less
        ("mobilenet_v2", 1.4, 48, 1792),
    ],
)
def test_channels_are_rounded_as_published(family, width, stem, last):
    shapes = make_network(networks.card(family, width=width)).shapes
    assert shapes["conv0"]["kernel"].shape[-1] == stem
    assert shapes["fc"]["kernel"].shape == (last, 7)
