"""Models in memory as classifiers, in one line; by the same ways as those in files."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from evofool.classifiers.addresses.describing import find_input, make_card
from evofool.classifiers.addresses.faces import hash_of, inside_jax, on_host
from evofool.classifiers.addresses.options import Described, Options, options_of
from evofool.classifiers.blaming import blaming, first_line
from evofool.classifiers.card import SCORES
from evofool.classifiers.classifier import Classifier, Params, on_faces
from evofool.classifiers.rewriting import Rewritten
from evofool.support import Address, AnyArray, Foreign, ModelWarning, UserError, unknown_name


def from_torch(model: object, **described: Unpack[Described]) -> Classifier:
    """Makes a classifier of a `torch.nn.Module`.

    PyTorch exports it, and JAX computes it, with gradients; a module that cannot be exported is
    computed by PyTorch, without, and a warning says so. It is computed as in evaluation, and stays
    as it is; later changes of its weights are not noticed.

    Args:
        model: takes images `[batch, channels, height, width]`, gives `[batch, outputs]`.
        **described: what the model does not tell, see `Described`; `input` is 224x224 unless
            given, and what is guessed is listed on the card.

    Raises:
        UserError: it is something else, or does not take such images; a package is missing.
    """
    from evofool.classifiers.addresses import torch_models

    address, options = _read("torch", model, described)
    return _named(torch_models.load_module(address, model, options), model, described)


def from_onnx(model: Foreign, **described: Unpack[Described]) -> Classifier:
    """Makes a classifier of an ONNX model.

    Args:
        model: the path of a file, its content, or an `onnx.ModelProto`.
        **described: what the model does not tell, see `Described`.

    Raises:
        UserError: it is damaged or something else, or takes or gives something else than images
            and scores.
    """
    from evofool.classifiers.addresses import onnx_files

    if isinstance(model, str | Path):
        address = Address("onnx", str(model))
        options, path = options_of(address, described), address.path
        classifier = onnx_files.load_file(address, path, options, sha256=hash_of(path))
        return _named(classifier, None, described)
    address, options = _read("onnx", model, described)
    content = model.SerializeToString() if hasattr(model, "SerializeToString") else model
    if not isinstance(content, bytes):
        raise UserError(
            f"{address} is a {type(model).__name__}; expected a path, bytes, or an onnx.ModelProto"
        )
    return _named(onnx_files.load_content(address, content, options), model, described)


def from_keras(model: object, **described: Unpack[Described]) -> Classifier:
    """Makes a classifier of a Keras 3 model, with gradients where Keras runs on JAX.

    Args:
        model: a Sequential or functional model.
        **described: what the model does not tell, see `Described`.

    Raises:
        UserError: it is something else, or takes or gives something else than images and scores.
    """
    from evofool.classifiers.addresses import keras_files

    address, options = _read("keras", model, described)
    return _named(keras_files.load_model(address, model, options), model, described)


def from_function(
    function: Callable[[AnyArray], AnyArray],
    *,
    kind: str = "logits",
    **described: Unpack[Described],
) -> Classifier:
    """Makes a classifier of a function of images; with gradients where JAX can trace it.

    Args:
        function: takes float32 images `[batch, height, width, channels]`, or as `layout` says,
            preprocessed as described, in [0, 1] unless it says otherwise; gives `[batch, outputs]`.
        kind: what these are: "logits", "probabilities" (softmax), "sigmoids" (a probability for
            each class by itself), or "score" (one number, whose logistic function is the
            probability of the second of two classes).
        **described: `input` is needed; see `Described`.

    Raises:
        UserError: `input` is missing, the function fails, or gives something else.

    Example:
        >>> import evofool
        >>> import jax.numpy as jnp
        >>> def bright(images):
        ...     mean = images.mean(axis=(1, 2))
        ...     return mean @ jnp.array([[9.0, -9.0]])
        >>> evofool.from_function(bright, input=(8, 8, 1), labels=["bright", "dark"]).is_jax
        True
    """
    if kind not in SCORES:
        raise unknown_name("kind of outputs", kind, SCORES)
    address, options = _read("function", function, {**described, "scores": kind})
    if options.input_shape is None and options.card is None:
        raise UserError(f"{address} does not tell what images it takes; give input=(height, width)")
    return _named(_of_function(address, function, options), function, described)


def _of_function(
    address: Address, function: Callable[[AnyArray], AnyArray], options: Options
) -> Classifier:
    layout = options.layout or (options.card.layout if options.card else "") or "NHWC"
    image = find_input(address, (None,) * 4, replace(options, layout=layout))

    def call(images: AnyArray) -> AnyArray:
        return function(images.transpose(0, 3, 1, 2) if image.is_channels_first else images)

    def compute(params: Params, images: Array) -> Array:
        return jnp.asarray(call(images), jnp.float32).reshape(len(images), -1)

    def compute_outside(images: np.ndarray) -> np.ndarray:
        return np.asarray(call(images)).reshape(len(images), -1)

    try:
        traced = jax.ShapeDtypeStruct((2, *image.shape), jnp.float32)
        outputs, reason = jax.eval_shape(compute, {}, traced).shape[1], ""
    except Exception as error:  # whatever another library says to a tracer
        reason = f"{type(error).__name__}: {first_line(error):.80}"
        with blaming(str(address), doing=f"on images of shape {(2, *image.shape)}"):
            outputs = compute_outside(np.zeros((2, *image.shape), np.float32)).shape[1]
    card = make_card(address, options, image, outputs=outputs, scores="logits", sha256="")
    is_cut = card.scores == "score"
    if not reason:
        return inside_jax(card, {}, Rewritten(compute), is_cut=is_cut)
    warnings.warn(
        f"JAX cannot trace {address} ({reason}); it is computed outside, without gradients",
        ModelWarning,
        stacklevel=3,
    )
    return on_host(card, compute_outside, is_cut=is_cut)


def _read(scheme: str, model: object, described: Described) -> tuple[Address, Options]:
    """Returns an address that stands for a model in memory, and what is said about it."""
    address = Address(scheme, str(getattr(model, "__name__", type(model).__name__)))
    return address, options_of(address, described)


def _named(classifier: Classifier, model: object, described: Described) -> Classifier:
    def change(face: Classifier) -> Classifier:
        card = replace(face.card, name=described.get("name") or face.card.name)
        if model is not None:
            card = replace(card, notes=f"a {type(model).__name__} in memory")
        return replace(face, card=card)

    return on_faces(classifier, change)
