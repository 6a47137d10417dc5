"""Features: the values of a network's penultimate layer."""

from collections.abc import Callable
from functools import cache

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, UInt8

from evofool.classifiers import Card, Classifier, Params, make_network, preprocess, resize
from evofool.evaluation.forward import in_parts, micro_batch_for
from evofool.images import from_levels
from evofool.support import Foreign, UserError


def extract_features(
    classifier: Classifier,
    images: UInt8[np.ndarray, "batch height width channels"],
    *,
    micro_batch: int | None = None,
) -> Float[np.ndarray, "batch features"]:
    """Returns the penultimate layer's values for images: the input of the last dense layer.

    A module with a method `features` defines them itself. SqueezeNet does, as it has no dense
    layer: its features are the inputs of its last convolution, averaged over the image.

    Args:
        classifier: of a registered family. If it takes views of an image, or has another fitness,
            the network inside it is used.
        images: levels 0..255 of any size; each is scaled as a whole to the network's input size.
        micro_batch: images per forward pass; `micro_batch_for` the classifier unless given.

    Raises:
        UserError: the classifier is an ensemble or of no registered family, its network has neither
            a dense layer nor a method `features`, or the images have another number of channels.
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
        lambda part: function(classifier.params, from_levels(part)),
        [images],
        micro_batch or micro_batch_for(classifier),
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
def _features_of(
    module: Callable[[Params], nnx.Module], card: Card
) -> Callable[[Params, np.ndarray], Array]:
    @jax.jit
    def function(
        params: Params, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch features"]:
        seen = preprocess(card, resize(images, card.input_shape[:2]))
        return _penultimate(module(params), seen, card.name)

    return function


def _penultimate(
    module: Foreign, images: Float[Array, "batch height width channels"], name: str
) -> Float[Array, "batch features"]:
    # `Foreign`: that a module is callable, or has a method `features`, is not in nnx.Module's type
    if hasattr(module, "features"):
        return module.features(images)
    inputs: list[Array] = []
    for _, parent in list(nnx.iter_modules(module)):
        for attribute, layer in list(vars(parent).items()):
            if isinstance(layer, nnx.Linear):
                setattr(parent, attribute, _recording(layer, inputs))
    module(images)
    if not inputs:
        raise UserError(
            f"{name!r} has no dense layer (flax.nnx.Linear) whose input could be taken; give its "
            "module a method 'features'"
        )
    return inputs[-1]


def _recording(layer: nnx.Linear, inputs: list[Array]) -> Callable[[Array], Array]:
    """Returns the layer as a function that also appends its input to `inputs`."""

    def apply(x: Array) -> Array:
        inputs.append(x)
        return layer(x)

    return apply
