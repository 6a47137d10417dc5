"""`keras:FILE`: a Keras 3 or Keras 2 file, on Keras's JAX backend."""

import os
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from evofool.classifiers.addresses.describing import find_input, make_card
from evofool.classifiers.addresses.faces import hash_of, inside_jax
from evofool.classifiers.addresses.options import read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.classifier import Classifier, Params
from evofool.support import Address, UserError, needing

_ENDINGS = {"softmax": "probabilities", "sigmoid": "sigmoids"}


def load(address: Address) -> Classifier:
    """Loads a .keras, .h5 or .hdf5 file; layers of code (`Lambda`) are refused.

    Raises:
        UserError: it is damaged, has code, or takes or gives something else than images and scores.
    """
    path, options = address.path, read_options(address)
    sha256 = hash_of(path)
    os.environ.setdefault("KERAS_BACKEND", "jax")
    with needing("keras files", "keras", "h5py"):
        import h5py  # noqa: F401  # pyright: ignore[reportMissingImports]
        import keras  # pyright: ignore[reportMissingImports]
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
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(
            f"{address} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected "
            "one image and one row of scores"
        )
    shape = model.inputs[0].shape
    image = find_input(address, shape, options)
    ending = _cut(keras, model)
    weights = {"trainable": model.trainable_variables, "others": model.non_trainable_variables}
    params = {
        key: [jnp.asarray(variable.value) for variable in group] for key, group in weights.items()
    }

    def compute(params: Params, images: Array) -> Array:
        images = jnp.moveaxis(images, -1, 1) if image.is_channels_first else images
        images = images.reshape(len(images), *[size or -1 for size in shape[1:]])
        if len(shape) == 4 and not image.is_channels_first:
            images = images.reshape(len(images), *image.shape)
        outputs, _ = model.stateless_call(
            params["trainable"], params["others"], images, training=False
        )
        return outputs.reshape(len(images), -1)

    outputs = jax.eval_shape(compute, params, jax.ShapeDtypeStruct((2, *image.shape), jnp.float32))
    card = make_card(
        address, options, image, outputs=outputs.shape[1], scores=ending, sha256=sha256
    )
    is_cut = ending != "logits" or card.scores == "score"
    return inside_jax(card, params, compute, is_cut=is_cut)


def _cut(keras: Any, model: Any) -> str:
    """Takes the last softmax or sigmoid off a model, and says what its outputs were."""
    activation = getattr(model.layers[-1], "activation", None)
    ending = _ENDINGS.get(getattr(activation, "__name__", ""), "logits")
    if ending != "logits":
        model.layers[-1].activation = keras.activations.linear
    return ending


def _repaired(keras: Any) -> dict[str, Any]:
    """Returns layers that read what Keras 2 has written and Keras 3 refuses."""

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
        def __init__(self, *arguments: Any, groups: int = 1, **settings: Any):
            super().__init__(*arguments, **settings)

    return {"DepthwiseConv2D": DepthwiseConv2D}
