"""A tiny deterministic classifier, with which every command can be tried in a second."""

import re
from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers.card import Card, check_sizes
from evofool.classifiers.classifier import Classifier, Params
from evofool.support import UserError

GRID = 8  # an image is averaged over a grid of at most 8x8 fields before it is scored


def mock_classifier(specification: str) -> Classifier:
    """Makes the mock classifier that `specification` describes.

    Its logits are a fixed random linear map of the image's local averages.

    Args:
        specification: "mock:CLASSES" or "mock:CLASSES:HEIGHTxWIDTHxCHANNELS"; by default
            images of 28x28x1.

    Raises:
        UserError: the specification is malformed.
    """
    match = re.fullmatch(
        r"mock:([0-9]{1,12})(?::([0-9]{1,12})x([0-9]{1,12})x([13]))?", specification
    )
    numbers = [int(group) for group in match.groups("0")] if match else [0]
    if not match or numbers[0] < 2 or (match[2] and min(numbers) < 1):
        raise UserError(
            f"classifier {specification!r}: expected mock:CLASSES or "
            "mock:CLASSES:HEIGHTxWIDTHxCHANNELS with 2 or more classes and 1 or 3 channels, "
            "for instance mock:10 or mock:10:32x32x3"
        )
    outputs, *size = numbers
    shape = (size[0], size[1], size[2]) if match[2] else (28, 28, 1)
    check_sizes(f"classifier {specification!r}", shape, outputs)
    card = Card(
        name=specification,
        family="mock",
        input_shape=shape,
        outputs=outputs,
        labels=tuple(f"class {i}" for i in range(outputs)),
        channel_order="grey" if shape[2] == 1 else "RGB",
        mean=(127.5,) * shape[2],
        scale=1 / 127.5,
        notes="a fixed random linear map; nothing was trained",
    )
    return Classifier(card=card, params=_params(shape, outputs), apply=_apply)


def _apply(
    params: Params, images: Float[Array | np.ndarray, "batch height width channels"]
) -> Float[Array, "batch outputs"]:
    fields = jnp.einsum("bhwc,hi,wj->bijc", 2 * images - 1, params["rows"], params["columns"])
    return fields.reshape(len(images), -1) @ params["kernel"]


@cache
def _params(shape: tuple[int, int, int], outputs: int) -> Params:
    height, width, channels = shape
    rows, columns = _averages(height), _averages(width)
    fields = rows.shape[1] * columns.shape[1] * channels
    kernel = np.random.default_rng(0).standard_normal((fields, outputs), np.float32)
    params = {"rows": rows, "columns": columns, "kernel": kernel}
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def _averages(length: int) -> np.ndarray:
    """Returns the matrix `[length, fields]` that averages neighbours into fields."""
    field = np.arange(length) * min(GRID, length) // length
    member = field[:, None] == np.arange(field[-1] + 1)
    return member / member.sum(axis=0)
