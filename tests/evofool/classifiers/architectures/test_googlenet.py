import jax
import jax.numpy as jnp
import pytest

from evofool.classifiers.architectures.googlenet import INCEPTIONS
from evofool.classifiers.classifier import make_network
from tests.evofool.classifiers.architectures.test_alexnet import card_of


def test_blocks_are_as_wide_as_in_the_paper():
    widths = [channels.outputs for channels in INCEPTIONS.values()]
    assert widths == [256, 480, 512, 512, 512, 528, 832, 832, 1024]  # its table 1


@pytest.mark.parametrize("side", [15, 100, 224])
def test_images_of_every_size_give_logits(side):
    network = make_network(card_of("googlenet", side))
    images = jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32)
    assert jax.eval_shape(network.apply, network.shapes, images).shape == (2, 3)


def test_the_third_branch_is_three_by_three():
    """As torchvision has it; the paper's has 5x5."""
    shapes = make_network(card_of("googlenet", 224)).shapes["inception3a"]
    assert shapes["branch3"]["conv"]["kernel"].shape == (3, 3, 16, 32)
