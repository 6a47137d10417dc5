"""From what a model computes to a `Classifier`: inside JAX, or on the host."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers.addresses.describing import Input
from evofool.classifiers.card import Card, preprocess
from evofool.classifiers.classifier import Classifier, Kind, Params
from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.programs import Program
from evofool.support import Address, AnyArray, ModelWarning, UserError, check_file, sha256_of

MOST_BYTES = 2**31  # of a model's file
_TINY = np.finfo(np.float32).tiny
_NEAR_ONE = 1 - 2.0**-24

Outputs = Float[Array, "batch outputs"]
Host = Callable[[np.ndarray], np.ndarray]
"""Takes preprocessed images `[batch, height, width, channels]`; returns the model's outputs."""


def hash_of(path: Path) -> str:
    """Returns the sha256 of a model's file.

    Raises:
        UserError: it is missing, no file, or too large.
    """
    check_file(path, most_bytes=MOST_BYTES)
    return sha256_of(path)


def inside_jax(
    card: Card, params: Params, compute: Callable[[Params, Array], Outputs], *, is_cut: bool
) -> Classifier:
    """Makes a classifier of a pure JAX function.

    Args:
        card: of the model.
        params: of the function.
        compute: `compute(params, preprocessed images)`.
        is_cut: whether a last softmax or logistic function was cut off, so that probabilities
            and scores are logits already.
    """
    scores = card.scores
    kind: Kind = "log_odds" if scores == "sigmoids" else "logits"

    def apply(params: Params, images: Array | np.ndarray) -> Outputs:
        outputs = compute(params, preprocess(card, jnp.asarray(images)))
        if scores == "probabilities" and not is_cut:
            return jnp.log(jnp.maximum(outputs, _TINY))
        if scores == "sigmoids" and not is_cut:
            return _log_odds(outputs)
        if scores == "score":
            score = outputs if is_cut else _log_odds(outputs)
            return jnp.concatenate([jnp.zeros_like(score), score], axis=1)
        return outputs

    return Classifier(card=card, params=params, apply=apply, kind=kind)


def by_program(card: Card, program: Program) -> Classifier:
    """Makes a classifier of a graph's program; its card says what the graph gives."""
    is_cut = program.ending != "logits" or card.scores == "score"
    return inside_jax(card, program.params(), program.apply, is_cut=is_cut)


def in_jax_or_outside(
    address: Address,
    in_jax: Callable[[], Classifier],
    outside: Callable[[], Classifier],
    *,
    is_wanted_outside: bool,
) -> Classifier:
    """Returns a model's face in JAX, or outside where it cannot be; each has the other beside it.

    Args:
        address: of the model.
        in_jax: makes the one; raises `UnsupportedError` where JAX cannot compute the model.
        outside: makes the other.
        is_wanted_outside: whether to return the face outside anyway.
    """

    @cache
    def first() -> Classifier:
        return replace(in_jax(), other=partial(_if_possible, second))

    @cache
    def second() -> Classifier:
        return replace(outside(), other=partial(_if_possible, first))

    if not is_wanted_outside:
        try:
            return first()
        except UnsupportedError as error:
            warnings.warn(
                f"{address.path.name} needs {error}, which evofool does not compute in JAX; it is "
                "computed outside, without gradients",
                ModelWarning,
                stacklevel=3,
            )
    return second()


def _if_possible(make: Callable[[], Classifier]) -> Classifier | None:
    try:
        return make()
    except (UserError, UnsupportedError):
        return None


def _log_odds(probabilities: Array) -> Array:
    within = jnp.clip(probabilities, _TINY, _NEAR_ONE)
    return jnp.log(within) - jnp.log1p(-within)


def on_host(card: Card, compute: Host, *, is_cut: bool = False) -> Classifier:
    """Makes a classifier of a model that another runtime computes.

    Args:
        card: of the model.
        compute: gives its outputs for preprocessed images.
        is_cut: as in `inside_jax`.

    Raises:
        UserError: its outputs are probabilities of each class by itself.
    """
    if card.scores == "sigmoids":
        raise UserError(
            f"{card.name!r} has a probability for each class by itself, which works inside JAX "
            "only; leave backend out, or give one output"
        )
    scores, to_input = card.scores, jax.jit(lambda images: preprocess(card, images))

    def apply(params: Params, images: np.ndarray) -> np.ndarray:
        outputs = compute(np.asarray(to_input(images)))
        if scores == "score":
            score = outputs if not is_cut else 1 / (1 + np.exp(-outputs))
            return np.concatenate([1 - score, score], axis=1).astype(np.float32)
        if scores == "logits":
            return np.asarray(jax.nn.softmax(outputs, axis=1))
        return shares(outputs)

    return Classifier(card=card, params=None, apply=apply, kind="probabilities")


def shares(outputs: np.ndarray) -> np.ndarray:
    """Returns probabilities as such, of which whole numbers are steps from the least number on."""
    if outputs.dtype.kind in "iu":
        outputs = outputs.astype(np.float32) - np.iinfo(outputs.dtype).min
    total = outputs.sum(axis=1, keepdims=True)
    return (outputs / np.maximum(total, _TINY)).astype(np.float32)


def arranged(images: AnyArray, image: Input, shape: Sequence[int | None]) -> AnyArray:
    """Returns images as a model takes them: channels first, or flat.

    Args:
        images: `[batch, height, width, channels]`, of NumPy or of JAX.
        image: what the model takes.
        shape: of its input, with the batch; None where a size is free.
    """
    if image.is_channels_first:
        images = images.transpose(0, 3, 1, 2)
    if len(shape) == 4:
        return images
    return images.reshape(len(images), *[size or -1 for size in shape[1:]])


def gives_shares(compute: Host, shape: tuple[int, int, int]) -> bool:
    """Says whether outputs for a grey image are probabilities, to within their steps."""
    outputs = compute(np.zeros((1, *shape), np.float32))
    return bool(outputs.min() >= 0 and abs(outputs.sum() - 1) < 0.05)


def by_batches(compute: Host, size: int) -> Host:
    """Makes a model of a fixed batch take any number of images, filled up with the last."""

    def compute_all(images: np.ndarray) -> np.ndarray:
        missing = -len(images) % size
        filled = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
        parts = [compute(filled[i : i + size]) for i in range(0, len(filled), size)]
        return np.concatenate(parts)[: len(images)]

    return compute_all
