"""The training loop, for every network and loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Integer, Key, UInt8

from evofool.classifiers import Apply, ImageBatch, Params, accuracy_of
from evofool.support import Foreign, Tree, UserError, check_program

TEST_BATCH = 500  # images in a forward pass when a network is tested


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The optimiser, AdamW, and its schedule: the learning rate rises linearly, then falls."""

    epochs: int = 10
    """Passes over the examples."""
    batch_size: int = 128
    """Examples per step."""
    learning_rate: float = 1e-3
    """The highest one, at the end of the warm-up."""
    warmup: float = 0.0
    """Share of the steps, below 1, in which the learning rate rises."""
    decay: float | None = None
    """How the learning rate falls. None: to 0 along a cosine. A number d: as learning_rate /
    (1 + d t) in the t-th step after the warm-up; a run of more epochs then starts with the same
    steps as a shorter one."""
    weight_decay: float = 1e-2
    """In every step a weight loses this share times the learning rate; 0 is plain Adam."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} is {getattr(self, name)}; expected more than 0")
        if not 0 <= self.warmup < 1:
            raise UserError(f"warmup is {self.warmup}; expected a share of the steps, 0 to below 1")
        if self.decay is not None and self.decay < 0:
            raise UserError(f"decay is {self.decay}; expected 0 or more, or None for a cosine")


class Examples(NamedTuple):
    """The images that a network is trained on.

    Attributes:
        images: levels 0..255.
        labels: the right output index of each image, or the wanted probability of every output.
        weights: of each image in the loss, 0 or more; usually 1.
    """

    images: UInt8[Array | np.ndarray, "examples height width channels"]
    labels: Integer[Array | np.ndarray, " examples"] | Float[Array | np.ndarray, "examples outputs"]
    weights: Float[Array | np.ndarray, " examples"]


class Batch(NamedTuple):
    """The argument of a loss: some of the examples, with image values in [0, 1]."""

    images: ImageBatch
    labels: Integer[Array, " batch"] | Float[Array, "batch outputs"]
    weights: Float[Array, " batch"]


class Epoch(NamedTuple):
    """The report of a finished epoch, one pass over the examples.

    Attributes:
        number: of the epoch, from 1.
        epochs: in all.
        loss: mean over the steps of the epoch.
        test_accuracy: share in [0, 1] of the test images classified correctly.
        seconds: wall time of the epoch and its test.
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
Augment = Callable[[Key[Array, ""], ImageBatch], ImageBatch]


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
    """Minimises a loss over examples; an epoch is one compiled scan over shuffled batches.

    Equal arguments give equal parameters, bit for bit, on one kind of machine.

    Args:
        key: for shuffling, and for losses that draw random numbers (dropout, augmentation).
        params: the initial parameters: of `Network.init`, or of a trained network.
        loss: `loss(key, params, batch)`, usually `cross_entropy(apply)`. Use one function object
            per loss, because a new one is compiled anew.
        examples: each takes part once per epoch.
        config: of the optimiser.
        test: returns the test accuracy of parameters; called after every epoch.
        on_epoch: called with the report of every epoch, for instance `print`.

    Returns:
        The trained parameters.

    Raises:
        UserError: the loss became NaN or infinite, or the memory does not suffice.
    """
    steps = -(-len(examples.labels) // config.batch_size)
    optimizer = _optimizer(config, steps * config.epochs)
    params = jax.tree.map(jnp.array, params)  # a copy: the epoch's arguments are donated
    state = optimizer.init(params)
    examples = Examples(*map(jnp.asarray, examples))
    start = time.perf_counter()
    shapes, structure = jax.tree.flatten(jax.eval_shape(_as_they_are, key, params, state, examples))
    epoch = _compiled_epoch(loss, optimizer, config.batch_size, structure, tuple(shapes))
    check_program(epoch, f"training with batch_size {config.batch_size}", remedy="make it smaller")
    for number in range(1, config.epochs + 1):
        params, state, mean_loss = epoch(jax.random.fold_in(key, number), params, state, examples)
        if not np.isfinite(mean_loss):
            raise UserError(
                f"the loss became {float(mean_loss)} in epoch {number}; "
                f"try a learning_rate below {config.learning_rate}"
            )
        if on_epoch is not None:
            test_accuracy, seconds = test(params), time.perf_counter() - start
            on_epoch(Epoch(number, config.epochs, float(mean_loss), test_accuracy, seconds))
        start = time.perf_counter()
    return params


@partial(jax.jit, static_argnames=("loss", "optimizer", "batch_size"), donate_argnums=(1, 2))
def _epoch(
    key: Key[Array, ""],
    params: Params,
    state: optax.OptState,
    examples: Examples,
    *,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    batch_size: int,
) -> tuple[Params, optax.OptState, Float[Array, ""]]:
    """Runs one epoch; examples of weight zero fill up the last batch."""
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


@lru_cache(maxsize=4)
def _compiled_epoch(
    loss: Loss,
    optimizer: optax.GradientTransformation,
    batch_size: int,
    structure: Foreign,  # of these arguments: a `PyTreeDef`, no type to type checkers
    shapes: tuple[jax.ShapeDtypeStruct, ...],
) -> jax.stages.Compiled:
    """Compiles `_epoch` for arguments of given shapes."""
    arguments = jax.tree.unflatten(structure, shapes)
    options = {"loss": loss, "optimizer": optimizer, "batch_size": batch_size}
    return _epoch.lower(*arguments, **options).compile()


def _as_they_are(*arguments: Tree) -> tuple[Tree, ...]:
    return arguments


@cache
def _optimizer(config: TrainConfig, steps: int) -> optax.GradientTransformation:
    # one step at least is left in which it falls
    rising, highest = min(round(config.warmup * steps), steps - 1), config.learning_rate
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
    apply: Apply, *, augment: Augment | None = None, has_dropout: bool = False
) -> Loss:
    """Returns the loss of a network's logits: cross-entropy, averaged by the examples' weights.

    Args:
        apply: `apply(params, images)` returns logits for images in [0, 1].
        augment: `augment(key, images)` changes the images of a step, for instance
            `evofool.training.augmentation.flip_and_shift`.
        has_dropout: whether to call `apply(params, images, key)`, see `Network.has_dropout`.
    """

    def loss(key: Key[Array, ""], params: Params, batch: Batch) -> Float[Array, ""]:
        images = batch.images if augment is None else augment(key, batch.images)
        # Augmentation has consumed the key itself; dropout draws from one derived from it.
        dropping = (jax.random.fold_in(key, 1),) if has_dropout else ()
        logits = apply(params, images, *dropping)
        if batch.labels.ndim == 1:
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
        else:
            losses = optax.softmax_cross_entropy(logits, batch.labels)
        total = jnp.maximum(jnp.sum(batch.weights), jnp.finfo(jnp.float32).tiny)
        return jnp.sum(losses * batch.weights) / total

    return loss


def measure_accuracy(
    apply: Apply,
    params: Params,
    images: UInt8[Array | np.ndarray, "examples height width channels"],
    labels: Integer[Array | np.ndarray, " examples"],
) -> float:
    """Returns the share in [0, 1] of images whose largest logit is that of their label.

    Args:
        apply: `apply(params, images)` returns logits for images in [0, 1].
        params: of the network.
        images: levels 0..255.
        labels: output indices.
    """
    predictions = [
        _predict(apply, params, images[start : start + TEST_BATCH])
        for start in range(0, len(labels), TEST_BATCH)
    ]
    return accuracy_of(np.concatenate(predictions), np.asarray(labels))


@partial(jax.jit, static_argnums=0)
def _predict(
    apply: Apply, params: Params, levels: UInt8[Array, "batch height width channels"]
) -> Integer[Array, " batch"]:
    """Returns the output index of each image's largest logit."""
    return jnp.argmax(apply(params, levels.astype(jnp.float32) / 255), axis=-1)
