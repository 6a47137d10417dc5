"""What a network sees in images before it names a class: its penultimate layer."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, UInt8

from evofool.classifiers import Card, Classifier, Params, make_network, preprocess, resize
from evofool.evaluation.forward import in_parts
from evofool.images import from_levels
from evofool.support import UserError

MICRO_BATCH = 8  # images in a forward pass


def extract_features(
    classifier: Classifier,
    images: UInt8[np.ndarray, "batch height width channels"],
    *,
    micro_batch: int = MICRO_BATCH,
) -> Float[np.ndarray, "batch features"]:
    """Returns the penultimate layer's values for images: the input of the last dense layer.

    A module of one's own that has a method `features` says itself what they are; so does
    SqueezeNet, which has no dense layer: what its last convolution sees, averaged over the image.

    Args:
        classifier: of a registered family; of one that sees views or has another fitness, the
            network within.
        images: levels 0..255 of any size; scaled to what the network takes, whole.
        micro_batch: images per forward pass.

    Raises:
        UserError: an ensemble, a classifier of no registered family, a network without a dense
            layer and without a method `features`, or another number of channels.
    """
    classifier = _innermost(classifier)
    card = classifier.card
    if images.shape[3] != card.input_shape[2]:
        raise UserError(
            f"images have {images.shape[3]} channel(s), {card.name!r} sees "
            f"{card.input_shape[2]}; give images with as many"
        )
    function = _features_of(make_network(card).module, card)
    return in_parts(
        lambda part: function(classifier.params, from_levels(part)), [images], micro_batch
    )


def _innermost(classifier: Classifier) -> Classifier:
    while len(classifier.members) == 1:
        classifier = classifier.members[0]
    name = classifier.card.name
    if classifier.members:
        raise UserError(
            f"{name!r} joins {len(classifier.members)} networks, which have no layer in common; "
            "give one of them"
        )
    return classifier


@cache
def _features_of(module: Callable[[Params], Any], card: Card) -> Callable[[Params, Any], Array]:
    @jax.jit
    def function(
        params: Params, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch features"]:
        seen = preprocess(card, resize(images, card.input_shape[:2]))
        return _penultimate(module(params), seen, card.name)

    return function


def _penultimate(module: Any, images: Any, name: str) -> Float[Array, "batch features"]:
    if hasattr(module, "features"):
        return module.features(images)
    inputs: list[Array] = []
    for _, parent in list(nnx.iter_modules(module)):
        for attribute, layer in list(vars(parent).items()):
            if isinstance(layer, nnx.Linear):
                setattr(parent, attribute, _listening(layer, inputs))
    module(images)
    if not inputs:
        raise UserError(
            f"{name!r} has no dense layer (flax.nnx.Linear) whose input could be taken; give its "
            "module a method 'features'"
        )
    return inputs[-1]


def _listening(layer: nnx.Linear, inputs: list[Array]) -> Callable[[Array], Array]:
    def apply(x: Array) -> Array:
        inputs.append(x)
        return layer(x)

    return apply
