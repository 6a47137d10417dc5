import math
import re

import pytest

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import make_network
from evofool.classifiers.importing.published import CONVERSIONS, FILES
from evofool.classifiers.storage import flatten

# as torchvision states them (`num_params`), CaffeNet's from the sizes in its prototxt
PARAMETERS = {
    "caffenet": 60_965_224,
    "alexnet": 61_100_840,
    "googlenet": 6_624_904,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "squeezenet_v1.0_torchvision": 1_248_424,
    "squeezenet_v1.1": 1_235_496,
    "mobilenet_v2": 3_504_872,
}


def test_every_recipe_has_its_number_of_parameters():
    assert PARAMETERS.keys() == CONVERSIONS.keys()


@pytest.mark.parametrize("family", CONVERSIONS)
def test_a_recipe_makes_every_parameter_of_the_network(family):
    values = {"name": "x", "family": family, "outputs": 1000, "labels": [""] * 1000}
    card = Card.from_dict({**CONVERSIONS[family].card, **values})
    shapes = {name: leaf.shape for name, leaf in flatten(make_network(card).shapes).items()}
    for layout in CONVERSIONS[family].layouts:
        parts = {f"{layer}.{part}" for layer in layout.layers for part in ("kernel", "bias")}
        assert parts == shapes.keys()
        # a norm has two parameters per channel where the folded convolution has one
        norms = [layer for layer, source in layout.layers.items() if source.norm]
        extra = sum(math.prod(shapes[f"{layer}.bias"]) for layer in norms)
        assert sum(map(math.prod, shapes.values())) + extra == PARAMETERS[family]


@pytest.mark.parametrize("name", FILES)
def test_a_published_file_carries_its_digits_and_can_be_converted(name):
    assert FILES[name].family in CONVERSIONS
    assert re.fullmatch(r"[\w-]+-[0-9a-f]{8}\.pth", FILES[name].file)
    assert FILES[name].file.endswith(f"-{FILES[name].digits}.pth")
