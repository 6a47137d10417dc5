"""Views: what a classifier is shown of an image that was drawn at another size than its input.

One view is the whole image, scaled. Ten views are those of the paper: the four corners and the
centre, each also mirrored, cut out with 227/256 of the image's side and scaled; the classifier's
softmax outputs are averaged.

References:
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
    networks", 2012, section 4.1; released code of the fooling paper, fit_deep_learning.hpp:70-178.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers.classifier import Classifier
from evofool.support import UserError, unknown_name

Images = Float[Array, "batch height width channels"]
Scaled = Float[Array, "batch rows columns channels"]
Views = Literal["single", "ten-crop"]
VIEWS: dict[str, int] = {"single": 1, "ten-crop": 10}
CROP, WHOLE = 227, 256  # a crop's side over the image's


def with_views(
    classifier: Classifier, image_shape: tuple[int, int, int], *, views: str = "single"
) -> Classifier:
    """Makes a classifier of images of another size, from what it says about views of them.

    Args:
        classifier: sees every view at its own input size.
        image_shape: (height, width, channels) of the images.
        views: "single" or "ten-crop".

    Returns:
        A classifier whose card has the new `input_shape`; the given one itself when a single view
        of its own size is asked for. One inside JAX gives log-odds of the mean probabilities.

    Raises:
        UserError: another number of channels, images too small to be cropped, or no such views.
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
    look = {"single": lambda images: [images], "ten-crop": ten_crops}[views]
    size = card.input_shape[:2]

    def seen(images: Any) -> Any:
        return jnp.concatenate([resize(view, size) for view in look(images)])

    seen_card = dataclasses.replace(card, input_shape=image_shape, crop=0, probe=())
    if not classifier.is_jax:
        seen_jit = jax.jit(seen)

        def apply_outside(params: Any, images: np.ndarray) -> np.ndarray:
            outputs = np.asarray(classifier.apply(params, np.asarray(seen_jit(images))))
            return outputs.reshape(VIEWS[views], len(images), -1).mean(axis=0)

        return dataclasses.replace(
            classifier, card=seen_card, apply=apply_outside, members=(classifier,)
        )

    def apply(params: Any, images: Images) -> Float[Array, "batch outputs"]:
        outputs = classifier.apply(params, seen(images))
        if views == "single":
            return outputs
        return mean_log_odds(classifier.log_odds(outputs).reshape(VIEWS[views], len(images), -1))

    return dataclasses.replace(
        classifier,
        card=seen_card,
        apply=apply,
        kind=classifier.kind if views == "single" else "log_odds",
        members=(classifier,),
        views=classifier.views * VIEWS[views],
    )


def ten_crops(images: Images) -> list[Scaled]:
    """Cuts out the corners, then the centre; then mirrors of these five, left to right."""
    height, width = images.shape[1:3]
    rows, columns = (round(side * CROP / WHOLE) for side in (height, width))
    bottom, right = height - rows, width - columns
    starts = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    crops = [images[:, y : y + rows, x : x + columns] for y, x in starts]
    return [*crops, *(crop[:, :, ::-1] for crop in crops)]


def resize(images: Images, size: Sequence[int]) -> Scaled:
    """Scales images by bicubic interpolation, smoothed where they shrink; stays in [0, 1]."""
    if images.shape[1:3] == tuple(size):
        return images
    shape = (len(images), *size, images.shape[3])
    return jnp.clip(jax.image.resize(images, shape, "cubic", antialias=True), 0.0, 1.0)


def mean_log_odds(log_odds: Float[Array, "members ..."]) -> Float[Array, "..."]:
    """Returns the log-odds of the mean of several probabilities, exact also next to 0 and 1."""
    return jax.nn.logsumexp(-jax.nn.softplus(-log_odds), axis=0) - jax.nn.logsumexp(
        -jax.nn.softplus(log_odds), axis=0
    )
