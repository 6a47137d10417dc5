"""Views: how an image of any size becomes the input of a classifier.

A single view is the whole image, scaled to the input size. The ten views of the paper are crops of
227/256 of the image's side, the four corners and the centre, each also mirrored, scaled to the
input size; the classifier's softmax outputs for them are averaged.

References:
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
    networks", 2012, section 4.1; released code of the fooling paper, fit_deep_learning.hpp:70-178.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers.card import ImageBatch
from evofool.classifiers.classifier import Classifier, Params, on_faces
from evofool.support import UserError, unknown_name

Scaled = Float[Array, "batch rows columns channels"]
VIEWS: dict[str, int] = {"single": 1, "ten-crop": 10}
CROP, WHOLE = 227, 256  # a crop's side over the image's


def with_views(
    classifier: Classifier, image_shape: tuple[int, int, int], *, views: str = "single"
) -> Classifier:
    """Returns a classifier of images of another size, which it classifies by views of them.

    Args:
        classifier: is given every view at its input size.
        image_shape: (height, width, channels) of the images.
        views: "single" or "ten-crop".

    Returns:
        A classifier whose card has the new `input_shape`; `classifier` itself for a single view
        of its own input size. With ten views the outputs are log-odds of the mean probabilities,
        or the mean probabilities themselves for a model outside JAX.

    Raises:
        UserError: the images have another number of channels or are too small to be cropped, or
            there are no such views.
    """
    card = classifier.card
    if views not in VIEWS:
        raise unknown_name("views", views, VIEWS)
    if image_shape[2] != card.input_shape[2]:
        raise UserError(
            f"images of {image_shape[2]} channel(s) for {card.name!r}, which sees "
            f"{card.input_shape[2]}; a classifier sees either grey or colour"
        )
    if views == "single" and image_shape == card.input_shape:
        return classifier
    if min(image_shape[:2]) < 2:
        raise UserError(f"images of {image_shape[0]}x{image_shape[1]} pixels; expected 2 or more")
    return on_faces(classifier, partial(_viewing, image_shape=image_shape, views=views))


def _viewing(
    classifier: Classifier, *, image_shape: tuple[int, int, int], views: str
) -> Classifier:
    card = classifier.card
    crop = {"single": lambda images: [images], "ten-crop": ten_crops}[views]
    size = card.input_shape[:2]

    def inputs_of(images: ImageBatch) -> Float[Array, "inputs rows columns channels"]:
        """Returns all images of the first view, then those of the second, ..."""
        return jnp.concatenate([resize(view, size) for view in crop(images)])

    view_card = dataclasses.replace(card, input_shape=image_shape, crop=0, probe=())
    if not classifier.is_jax:
        inputs_jit = jax.jit(inputs_of)

        def apply_outside(params: Params, images: np.ndarray) -> np.ndarray:
            outputs = np.asarray(classifier.apply(params, np.asarray(inputs_jit(images))))
            return outputs.reshape(VIEWS[views], len(images), -1).mean(axis=0)

        return dataclasses.replace(
            classifier, card=view_card, apply=apply_outside, members=(classifier,)
        )

    def apply(params: Params, images: ImageBatch) -> Float[Array, "batch outputs"]:
        outputs = classifier.apply(params, inputs_of(images))
        if views == "single":
            return outputs
        return mean_log_odds(classifier.log_odds(outputs).reshape(VIEWS[views], len(images), -1))

    return dataclasses.replace(
        classifier,
        card=view_card,
        apply=apply,
        kind=classifier.kind if views == "single" else "log_odds",
        members=(classifier,),
        views=classifier.views * VIEWS[views],
    )


def ten_crops(images: ImageBatch) -> list[Scaled]:
    """Returns the four corners and the centre, then the same five mirrored left to right."""
    height, width = images.shape[1:3]
    rows, columns = (round(side * CROP / WHOLE) for side in (height, width))
    bottom, right = height - rows, width - columns
    starts = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    crops = [images[:, y : y + rows, x : x + columns] for y, x in starts]
    return [*crops, *(crop[:, :, ::-1] for crop in crops)]


def resize(images: ImageBatch, size: Sequence[int]) -> Scaled:
    """Scales images bicubically, smoothing where they shrink; clips the values to [0, 1]."""
    if images.shape[1:3] == tuple(size):
        return images
    shape = (len(images), *size, images.shape[3])
    return jnp.clip(jax.image.resize(images, shape, "cubic", antialias=True), 0.0, 1.0)


def mean_log_odds(log_odds: Float[Array, "members ..."]) -> Float[Array, "..."]:
    """Returns the log-odds of the mean of several probabilities; exact even next to 0 and 1."""
    return jax.nn.logsumexp(-jax.nn.softplus(-log_odds), axis=0) - jax.nn.logsumexp(
        -jax.nn.softplus(log_odds), axis=0
    )
