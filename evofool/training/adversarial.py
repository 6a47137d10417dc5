"""Losses that harden a network against small perturbations of its training images.

Both extend another loss. Equal arguments give the same function object, so that `train` compiles
it once.
"""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from evofool.classifiers import Apply, ImageBatch, Params
from evofool.training.loop import Batch, Loss

# L2 length of the perturbation at which virtual adversarial training takes a gradient, for values
# in [0, 1]. The gradient is proportional to it: that of a much smaller one drowns in float32.
PROBE_LENGTH = 1e-2


@cache
def with_fgsm(loss: Loss, *, epsilon: float) -> Loss:
    """Returns the mean of a loss for the images and for their worst neighbours.

    The neighbours are those of the fast gradient sign method, within [0, 1]:
    J(x) / 2 + J(x + epsilon sign(dJ(x) / dx)) / 2, where the sign counts as a constant.

    Args:
        loss: J; where it augments the images, x is the image before that.
        epsilon: change of every pixel, of values in [0, 1].

    References:
        I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and harnessing adversarial examples",
        2015, https://arxiv.org/abs/1412.6572, section 6, with alpha = 0.5.
    """

    def adversarial(key: Key[Array, ""], params: Params, batch: Batch) -> Float[Array, ""]:
        def of_images(images: ImageBatch) -> Float[Array, ""]:
            return loss(key, lax.stop_gradient(params), batch._replace(images=images))

        slope = jax.grad(of_images)(batch.images)
        moved = jnp.clip(batch.images + epsilon * jnp.sign(slope), 0.0, 1.0)
        # One key for both: a neighbour is the worst one under the same augmentation and dropout.
        return (loss(key, params, batch) + loss(key, params, batch._replace(images=moved))) / 2

    return adversarial


@cache
def with_vat(loss: Loss, apply: Apply, *, epsilon: float, has_dropout: bool = False) -> Loss:
    """Returns a loss plus the change of the outputs in the worst direction.

    The change is the mean of KL(p(.|x) || p(.|x + r)), where `virtual_perturbation` finds the r of
    length epsilon; p(.|x) counts as a constant.

    Args:
        loss: to which the change is added.
        apply: `apply(params, images)` returns logits for images in [0, 1].
        epsilon: L2 norm of r, for values in [0, 1].
        has_dropout: whether to call `apply(params, images, key)`, see `Network.has_dropout`.

    References:
        T. Miyato et al., "Distributional smoothing with virtual adversarial training", 2016,
        https://arxiv.org/abs/1507.00677, section 3, with lambda = 1.
    """

    def adversarial(key: Key[Array, ""], params: Params, batch: Batch) -> Float[Array, ""]:
        key_loss, key_direction, key_dropout = jax.random.split(key, 3)
        dropping = (key_dropout,) if has_dropout else ()

        def logits(params: Params, images: ImageBatch) -> Float[Array, "batch outputs"]:
            return apply(params, images, *dropping)

        constant = partial(logits, lax.stop_gradient(params))
        moved = batch.images + virtual_perturbation(
            key_direction, constant, batch.images, epsilon=epsilon
        )
        changes = divergence(constant(batch.images), logits(params, moved))
        # The examples that only fill up the last batch weigh nothing.
        counted = batch.weights > 0
        change = jnp.sum(changes * counted) / jnp.maximum(jnp.sum(counted), 1)
        return loss(key_loss, params, batch) + change

    return adversarial


def virtual_perturbation(
    key: Key[Array, ""],
    logits: Callable[[ImageBatch], Float[Array, "batch outputs"]],
    images: ImageBatch,
    *,
    epsilon: float,
) -> ImageBatch:
    """Returns, for each image, the perturbation of a given length that changes the outputs most.

    To second order KL(p(.|x) || p(.|x + r)) is r' H r / 2, and the worst direction is the first
    eigenvector of H. One step of power iteration leads towards it from a random direction d: H d
    is, up to its length, the gradient of the divergence at PROBE_LENGTH * d.

    Args:
        key: for the random directions.
        logits: returns the logits of images.
        images: values in [0, 1]; perturbed values may leave that range.
        epsilon: L2 norm of each perturbation.

    References:
        Miyato et al., section 3.2, with one iteration.
    """
    start = _unit(jax.random.normal(key, images.shape))
    outputs = logits(images)

    def change(perturbation: ImageBatch) -> Float[Array, ""]:
        return jnp.sum(divergence(outputs, logits(images + perturbation)))

    return epsilon * _unit(jax.grad(change)(PROBE_LENGTH * start))


def divergence(
    first: Float[Array, "batch outputs"], second: Float[Array, "batch outputs"]
) -> Float[Array, " batch"]:
    """Returns KL(p || q) in nats, p and q being the softmax of two arrays of logits."""
    log_p, log_q = jax.nn.log_softmax(first), jax.nn.log_softmax(second)
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1)


def _unit(directions: ImageBatch) -> ImageBatch:
    """Scales the direction of each image to length 1; a zero direction stays zero."""
    norms = jnp.sqrt(jnp.sum(directions**2, axis=(1, 2, 3), keepdims=True))
    return directions / jnp.maximum(norms, jnp.finfo(jnp.float32).tiny)
