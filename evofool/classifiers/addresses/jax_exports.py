"""`jaxexport:FILE`: what `jax.export` has written, called inside JAX."""

import math

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array

from evofool.classifiers.addresses.describing import find_input, make_card
from evofool.classifiers.addresses.faces import MOST_BYTES, arranged, hash_of, inside_jax
from evofool.classifiers.addresses.options import read_options
from evofool.classifiers.blaming import first_line
from evofool.classifiers.classifier import Classifier, Params
from evofool.support import Address, UserError, read_bytes


def load(address: Address) -> Classifier:
    """Loads an exported function of one batch of images.

    Raises:
        UserError: it is damaged, or takes or gives something else.
    """
    path, options = address.path, read_options(address)
    sha256 = hash_of(path)
    try:
        exported = export.deserialize(bytearray(read_bytes(path, most_bytes=MOST_BYTES)))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{path} is no usable export of JAX ({type(error).__name__}: "
            f"{first_line(error):.120}); write it with jax.export.export(...)(...).serialize()"
        ) from error
    if len(exported.in_avals) != 1 or len(exported.out_avals) != 1:
        raise UserError(
            f"{path} takes {len(exported.in_avals)} arrays and gives {len(exported.out_avals)}; "
            "expected a function of images, with its weights inside, that gives the outputs"
        )
    shape = [size if isinstance(size, int) else None for size in exported.in_avals[0].shape]
    image = find_input(address, shape, options)
    batch = shape[0]

    def compute(params: Params, images: Array) -> Array:
        images = arranged(images, image, shape)
        if batch is None:
            return exported.call(images).reshape(len(images), -1)
        missing = -len(images) % batch
        filled = jnp.concatenate([images, jnp.repeat(images[-1:], missing, axis=0)])
        parts = jax.lax.map(exported.call, filled.reshape(-1, batch, *images.shape[1:]))
        return parts.reshape(len(filled), -1)[: len(images)]

    outputs = math.prod(size for size in exported.out_avals[0].shape[1:] if isinstance(size, int))
    card = make_card(
        address, options, image, outputs=outputs, scores="logits", sha256=sha256,
        dtype=exported.in_avals[0].dtype.name,
    )  # fmt: skip
    return inside_jax(card, {}, compute, is_cut=card.scores == "score")
