import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from evofool.classifiers.architectures.resnet import Basic, Bottleneck, Place, places
from evofool.classifiers.classifier import make_network
from tests.evofool.classifiers.architectures.test_alexnet import card_of


def test_blocks_stand_where_the_paper_puts_them():
    assert len(places("resnet18")) == 8
    assert len(places("resnet50")) == 16
    strided = [number for number, place in enumerate(places("resnet50"), 1) if place.stride == 2]
    assert strided == [4, 8, 14]
    assert [place.channels for place in places("resnet18")] == [
        64,
        64,
        128,
        128,
        256,
        256,
        512,
        512,
    ]


@pytest.mark.parametrize(("block", "inputs"), [(Basic, 64), (Bottleneck, 256)])
def test_a_block_adds_to_its_input(block, inputs):
    layer = block(inputs, Place(1, 1), nnx.Rngs(0))
    assert layer.shortcut is None
    images = jax.random.normal(jax.random.key(0), (1, 3, 3, inputs))
    assert jnp.abs(layer(images) - nnx.relu(images)).max() > 0.1
    last = layer.conv2 if block is Basic else layer.conv3
    last.kernel[...] = jnp.zeros_like(last.kernel[...])
    np.testing.assert_array_equal(layer(images), nnx.relu(images))


@pytest.mark.parametrize(("block", "outputs"), [(Basic, 128), (Bottleneck, 512)])
def test_the_first_block_of_a_stage_halves_the_image(block, outputs):
    layer = block(64, Place(2, 0), nnx.Rngs(0))
    assert layer.shortcut is not None
    assert layer(jnp.ones((1, 5, 8, 64))).shape == (1, 3, 4, outputs)


@pytest.mark.parametrize("family", ["resnet18", "resnet50"])
@pytest.mark.parametrize("side", [1, 33, 224])
def test_images_of_every_size_give_logits(side, family):
    network = make_network(card_of(family, side))
    images = jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32)
    assert jax.eval_shape(network.apply, network.shapes, images).shape == (2, 3)
