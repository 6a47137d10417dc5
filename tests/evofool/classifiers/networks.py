"""Small networks of the ImageNet families, with random weights."""

import dataclasses

import jax
import numpy as np

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Network, make_network


def card(family: str, **changes) -> Card:
    """Seven classes, 32x32 pixels, a quarter of the channels."""
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


def published_parameters(family: str, *, classes: int = 1000) -> int:
    """Number of parameters at width 1."""
    network = make_network(card(family, width=1.0, outputs=classes, labels=("",) * classes))
    return sum(leaf.size for leaf in jax.tree.leaves(network.shapes))


def random_params(network: Network) -> dict:
    """Draws parameters as a family does (He), without compiling anything."""
    rng = np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        spread = np.sqrt(2 / np.prod(leaf.shape[:-1])) if len(leaf.shape) > 1 else 0.1
        return rng.normal(0.0, spread, leaf.shape).astype(np.float32)

    return jax.device_put(jax.tree.map(draw, network.shapes))


def check_logits_and_gradients(network: Network, side: int) -> None:
    """Checks that logits are finite and that some pixel can change them."""
    params = random_params(network)
    images = np.random.default_rng(1).random((2, side, side, 3), np.float32)

    def strongest(images):
        return network.apply(params, images).max()

    value, gradient = jax.jit(jax.value_and_grad(strongest))(images)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
