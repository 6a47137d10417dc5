"""`keras:FILE`: a Keras 3 or Keras 2 file, on Keras's JAX backend; and models in memory."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from evofool.classifiers.addresses.describing import Input, find_input, make_card
from evofool.classifiers.addresses.faces import arranged, hash_of, inside_jax, on_host
from evofool.classifiers.addresses.options import Options, read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.classifier import Classifier, Params
from evofool.classifiers.rewriting import Rewritten
from evofool.support import Address, Foreign, ModelWarning, UserError, needing

_ENDINGS = {"softmax": "probabilities", "sigmoid": "sigmoids"}


def load(address: Address) -> Classifier:
    """Loads a .keras, .h5 or .hdf5 file; layers of code (`Lambda`) are refused.

    Raises:
        UserError: it is damaged, has code, or takes or gives something else than images and scores.
    """
    path, options = address.path, read_options(address)
    sha256 = hash_of(path)
    keras = _import_keras()
    if keras.backend.backend() != "jax":
        raise UserError(
            f"Keras runs on {keras.backend.backend()}; set KERAS_BACKEND=jax before it is imported"
        )
    try:
        model = keras.models.load_model(
            path, compile=False, safe_mode=True, custom_objects=_repaired(keras)
        )
    except Exception as error:
        raise UserError(
            f"Keras cannot load {path}: {type(error).__name__}: {first_line(error):.200}"
        ) from error
    return load_model(address, model, options, sha256=sha256)


def load_model(
    address: Address, model: Foreign, options: Options, *, sha256: str = ""
) -> Classifier:
    """Makes a classifier of a Keras model, which stays as it is.

    Args:
        address: of the model.
        model: on any backend of Keras; on another than JAX, it is computed outside.
        options: of the address.
        sha256: of its file.

    Raises:
        UserError: it is something else, or takes or gives something else than images and scores.
    """
    keras = _import_keras()
    if not isinstance(model, keras.Model):
        raise UserError(f"{address}: expected a keras.Model, not a {type(model).__name__}")
    counts = [len(getattr(model, ends, None) or ()) for ends in ("inputs", "outputs")]
    if counts != [1, 1]:
        raise UserError(
            f"{address} has {counts[0]} inputs and {counts[1]} outputs; expected one image and one "
            "row of scores, of a Sequential or functional model that begins with keras.Input"
        )
    image = find_input(address, model.inputs[0].shape, options)
    if keras.backend.backend() == "jax":
        return _in_jax(keras, address, model, options, image, sha256)
    warnings.warn(
        f"Keras runs on {keras.backend.backend()}, which computes {address} outside JAX, without "
        "gradients; set KERAS_BACKEND=jax before Keras is imported",
        ModelWarning,
        stacklevel=2,
    )
    return _outside(keras, address, model, options, image)


def _import_keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    with needing("keras files", "keras", "h5py"):
        import h5py  # noqa: F401  # pyright: ignore[reportMissingImports]
        import keras  # pyright: ignore[reportMissingImports]
    return keras


def _in_jax(
    keras: Foreign, address: Address, model: Foreign, options: Options, image: Input, sha256: str
) -> Classifier:
    shape, ending = model.inputs[0].shape, _ending(model)
    weights = {"trainable": model.trainable_variables, "others": model.non_trainable_variables}
    params = {
        key: [jnp.asarray(variable.value) for variable in group] for key, group in weights.items()
    }

    def compute(params: Params, images: Array) -> Array:
        with _without_ending(keras, model):  # while it is traced
            outputs, _ = model.stateless_call(
                params["trainable"],
                params["others"],
                arranged(images, image, shape),
                training=False,
            )
        return outputs.reshape(len(images), -1)

    outputs = jax.eval_shape(compute, params, jax.ShapeDtypeStruct((2, *image.shape), jnp.float32))
    card = make_card(
        address, options, image, outputs=outputs.shape[1], scores=ending, sha256=sha256
    )
    is_cut = ending != "logits" or card.scores == "score"
    return inside_jax(card, params, Rewritten(compute), is_cut=is_cut)


def _outside(
    keras: Foreign, address: Address, model: Foreign, options: Options, image: Input
) -> Classifier:
    shape, ending = model.inputs[0].shape, _ending(model)

    def compute(images: np.ndarray) -> np.ndarray:
        outputs = model(arranged(images, image, shape), training=False)
        return keras.ops.convert_to_numpy(outputs).reshape(len(images), -1)

    outputs = compute(np.zeros((1, *image.shape), np.float32)).shape[1]
    card = make_card(address, options, image, outputs=outputs, scores=ending, sha256="")
    return on_host(card, compute, is_cut=card.scores == "score" and ending == "logits")


def _ending(model: Foreign) -> str:
    """Says what a model's outputs are, by its last activation."""
    activation = getattr(model.layers[-1], "activation", None)
    return _ENDINGS.get(getattr(activation, "__name__", ""), "logits")


@contextmanager
def _without_ending(keras: Foreign, model: Foreign) -> Iterator[None]:
    """Takes the last softmax or sigmoid off a model for a while."""
    last = model.layers[-1]
    activation, is_cut = getattr(last, "activation", None), _ending(model) != "logits"
    try:
        if is_cut:
            last.activation = keras.activations.linear
        yield
    finally:
        if is_cut:
            last.activation = activation


def _repaired(keras: Foreign) -> dict[str, Foreign]:
    """Returns layers that read what Keras 2 has written and Keras 3 refuses."""

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
        def __init__(self, *arguments: Foreign, groups: int = 1, **settings: Foreign):
            super().__init__(*arguments, **settings)

    return {"DepthwiseConv2D": DepthwiseConv2D}
