"""Training: one loop for every network and loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Integer, Key, UInt8

from evofool.support import UserError

Params = Any
TEST_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train: AdamW with a learning rate that rises linearly, then falls."""

    epochs: int = 10
    """Passes over the examples."""
    batch_size: int = 128
    """Examples per step."""
    learning_rate: float = 1e-3
    """The highest, after the warm-up."""
    warmup: float = 0.0
    """Share of the steps, below 1, in which the learning rate rises from 0."""
    decay: float | None = None
    """How the learning rate falls: None to 0 along a cosine; a number d, as learning_rate / (1 + d
    t) in the t-th step after the warm-up, so that what is learned does not depend on `epochs`."""
    weight_decay: float = 1e-2
    """Of AdamW: per step, a weight loses this share times the learning rate; 0 is plain Adam."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} is {getattr(self, name)}; expected more than 0")
        if not 0 <= self.warmup < 1:
            raise UserError(f"warmup is {self.warmup}; expected a share of the steps, 0 to below 1")
        if self.decay is not None and self.decay < 0:
            raise UserError(f"decay is {self.decay}; expected 0 or more, or None for a cosine")


class Examples(NamedTuple):
    """What to learn from.

    Attributes:
        images: levels 0..255.
        labels: the output each image should get, or the probability of every output.
        weights: how much each counts, 0 or more; 1 is usual.
    """

    images: UInt8[Array | np.ndarray, "examples height width channels"]
    labels: Integer[Array | np.ndarray, " examples"] | Float[Array | np.ndarray, "examples outputs"]
    weights: Float[Array | np.ndarray, " examples"]


class Batch(NamedTuple):
    """What a loss is given: images in [0, 1], labels, weights."""

    images: Float[Array, "batch height width channels"]
    labels: Integer[Array, " batch"] | Float[Array, "batch outputs"]
    weights: Float[Array, " batch"]


class Epoch(NamedTuple):
    """What a finished epoch reports.

    Attributes:
        number: from 1.
        epochs: how many there will be.
        loss: mean over the epoch's steps.
        test_accuracy: share in [0, 1] of the test images classified correctly.
        seconds: wall time of the epoch, its test included.
    """

    number: int
    epochs: int
    loss: float
    test_accuracy: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"epoch {self.number}/{self.epochs}: loss {self.loss:.4f}, "
            f"test accuracy {self.test_accuracy:.4f}, {self.seconds:.1f} s"
        )


Loss = Callable[[Key[Array, ""], Params, Batch], Float[Array, ""]]
Augment = Callable[[Key[Array, ""], Any], Any]


def train(
    key: Key[Array, ""],
    params: Params,
    loss: Loss,
    examples: Examples,
    config: TrainConfig,
    *,
    test: Callable[[Params], float],
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Params:
    """Minimises a loss over examples; an epoch is one compiled scan over its shuffled batches.

    The same arguments give the same parameters, bit for bit, on one kind of machine.

    Args:
        key: for shuffling, and for losses that draw (dropout, augmentation).
        params: where to start: from `Network.init`, or of a trained network.
        loss: `loss(key, params, batch)`; use one function object for one loss, since a new one
            is compiled anew. `cross_entropy(apply)` is the usual.
        examples: all of them are seen once per epoch.
        config: how.
        test: called with the parameters after every epoch; gives the accuracy to report.
        on_epoch: is told about every finished epoch, for instance `print`.

    Returns:
        The trained parameters.

    Raises:
        UserError: the loss is no longer finite.
    """
    steps = -(-len(examples.labels) // config.batch_size)
    optimizer = _optimizer(config, steps * config.epochs)
    params = jax.tree.map(jnp.array, params)  # a copy: the epoch's arguments are donated
    state = optimizer.init(params)
    examples = Examples(*map(jnp.asarray, examples))
    for number in range(1, config.epochs + 1):
        start = time.perf_counter()
        params, state, mean_loss = _epoch(
            jax.random.fold_in(key, number),
            params,
            state,
            examples,
            loss=loss,
            optimizer=optimizer,
            batch_size=config.batch_size,
        )
        if not np.isfinite(mean_loss):
            raise UserError(
                f"the loss became {float(mean_loss)} in epoch {number}; "
                f"try a learning_rate below {config.learning_rate}"
            )
        if on_epoch is not None:
            accuracy, seconds = test(params), time.perf_counter() - start
            on_epoch(Epoch(number, config.epochs, float(mean_loss), accuracy, seconds))
    return params


@partial(jax.jit, static_argnames=("loss", "optimizer", "batch_size"), donate_argnums=(1, 2))
def _epoch(
    key: Key[Array, ""],
    params: Params,
    state: Any,
    examples: Examples,
    *,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    batch_size: int,
) -> tuple[Params, Any, Float[Array, ""]]:
    """Runs one epoch; the last batch is filled up with examples of weight zero."""
    key_order, key_loss = jax.random.split(key)
    number = len(examples.labels)
    steps = -(-number // batch_size)
    order = jax.random.permutation(key_order, number)
    order = jnp.pad(order, (0, steps * batch_size - number)).reshape(steps, batch_size)
    is_real = (jnp.arange(order.size) < number).reshape(order.shape)

    def step(carry, inputs):
        params, state = carry
        index, chosen, real = inputs
        images, labels, weights = jax.tree.map(lambda array: array[chosen], examples)
        batch = Batch(images.astype(jnp.float32) / 255, labels, jnp.where(real, weights, 0.0))
        value, gradient = jax.value_and_grad(loss, argnums=1)(
            jax.random.fold_in(key_loss, index), params, batch
        )
        updates, state = optimizer.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), value

    carry, losses = lax.scan(step, (params, state), (jnp.arange(steps), order, is_real))
    return *carry, jnp.mean(losses)


@cache
def _optimizer(config: TrainConfig, steps: int) -> optax.GradientTransformation:
    rising, highest = round(config.warmup * steps), config.learning_rate
    if config.decay is None:
        falling = optax.cosine_decay_schedule(highest, steps - rising)
    else:
        falling = _inverse_time(highest, config.decay)
    rate = optax.join_schedules(
        [lambda count: highest * (count + 1) / (rising + 1), falling], [rising]
    )
    return optax.adamw(rate, weight_decay=config.weight_decay)


def _inverse_time(highest: float, decay: float) -> optax.Schedule:
    return lambda count: highest / (1 + decay * count)


@cache
def cross_entropy(
    apply: Callable[..., Any], *, augment: Augment | None = None, has_dropout: bool = False
) -> Loss:
    """Returns the loss of a network's logits: cross-entropy, averaged by the examples' weights.

    Args:
        apply: gives logits for images in [0, 1]: `apply(params, images)`.
        augment: `augment(key, images)` changes the images of a step first, for instance
            `evofool.training.augmentation.flip_and_shift`.
        has_dropout: call `apply(params, images, key)` instead, see `Network.has_dropout`.
    """

    def loss(key: Key[Array, ""], params: Params, batch: Batch) -> Float[Array, ""]:
        images = batch.images if augment is None else augment(key, batch.images)
        # augmentation has consumed the key itself; dropout draws from one derived from it
        dropping = (jax.random.fold_in(key, 1),) if has_dropout else ()
        logits = apply(params, images, *dropping)
        if batch.labels.ndim == 1:
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
        else:
            losses = optax.softmax_cross_entropy(logits, batch.labels)
        total = jnp.maximum(jnp.sum(batch.weights), jnp.finfo(jnp.float32).tiny)
        return jnp.sum(losses * batch.weights) / total

    return loss


def accuracy(
    apply: Callable[[Params, Any], Any],
    params: Params,
    images: UInt8[Array | np.ndarray, "examples height width channels"],
    labels: Integer[Array | np.ndarray, " examples"],
) -> float:
    """Returns the share in [0, 1] of images whose largest logit is that of their label.

    Args:
        apply: gives logits for images in [0, 1].
        params: its parameters.
        images: levels 0..255.
        labels: output indices.
    """
    correct = 0
    for start in range(0, len(labels), TEST_BATCH):
        part = slice(start, start + TEST_BATCH)
        correct += int(_count_correct(apply, params, images[part], labels[part]))
    return correct / len(labels)


@partial(jax.jit, static_argnums=0)
def _count_correct(apply, params, images, labels):
    logits = apply(params, images.astype(jnp.float32) / 255)
    return jnp.sum(jnp.argmax(logits, axis=-1) == labels)
