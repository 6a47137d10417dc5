import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers import Card, make_network
from tests.evofool.classifiers import golden
from tests.evofool.real_data import data_folder


def card(family: str, **changes) -> Card:
    """A small network with random weights."""
    defaults = Card(
        name="small",
        family=family,
        input_shape=(32, 32, 3),
        outputs=7,
        labels=tuple("abcdefg"),
        channel_order="RGB",
        mean=(127.5,) * 3,
        scale=1 / 127.5,
        width=0.25,
    )
    return dataclasses.replace(defaults, **changes)


def parameters(network) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(network.shapes))


@pytest.mark.data
@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128", "mobilenet_v1_0.75_192"])
def test_logits_of_photographs_are_those_recorded(name):
    assert golden.differences(data_folder(), name).max() < 1e-3


def test_v1_of_width_one_has_the_published_number_of_parameters():
    network = make_network(card("mobilenet_v1", width=1.0, outputs=1000, labels=("",) * 1000))
    batch_norm = sum(leaf.size for layer in _layers(network.shapes) for leaf in [layer["bias"]])
    # the published 4,231,976 count a scale and a shift per channel where a folded network has one
    assert parameters(network) + batch_norm - 1000 == 4_231_976


def _layers(shapes):
    if "bias" in shapes:
        return [shapes]
    return [layer for inner in shapes.values() for layer in _layers(inner)]


@pytest.mark.parametrize("padding", ["SAME", "symmetric"])
@pytest.mark.parametrize("side", [32, 45])
def test_any_input_size_and_padding_gives_logits_and_gradients(padding, side, key):
    network = make_network(card("mobilenet_v1", input_shape=(side, side, 3), padding=padding))
    params = network.init(key)
    images = jax.random.uniform(key, (2, side, side, 3))

    def strongest(images):
        return network.apply(params, images).max()

    value, gradient = jax.jit(jax.value_and_grad(strongest))(images)
    assert np.isfinite(value)
    assert jnp.isfinite(gradient).all()
    assert jnp.abs(gradient).max() > 0
