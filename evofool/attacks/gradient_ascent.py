"""Gradient ascent: from noise to an image that a classifier is certain about.

The images of the paper's figure 13 and its supplement. The state X is an image in levels minus
the classifier's mean. A step follows the gradient g of the softmax probability p of a class, as
far as promises, to first order, a wanted gain in p:

    X <- clip(X + mean, 0, 255) - mean
    X <- (1 - decay) (X + min(max_rate, gain / |g|^2) g),  gain = min(early_gain, late_gain (1 - p))

It then blurs X, and sets pixels of X to zero that are small or have little effect, as the settings
say. There is no early stop.

References:
    Nguyen, Yosinski, Clune, "Deep neural networks are easily fooled", 2015, section 3.7 and
    supplement, https://arxiv.org/abs/1412.1897; the authors' program, `caffe/ascent`.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt8

from evofool.attacks.ascent_step import ASCENTS, Ascent, rates_of, take_step
from evofool.attacks.gradients import odds_and_gradient
from evofool.attacks.inputs import (
    Classes,
    Report,
    Task,
    check_classes,
    check_counts,
    silent,
    with_gradients,
)
from evofool.attacks.results import AttackResult, judge
from evofool.classifiers import Classifier, confidence
from evofool.evaluation import Model, choose_gradient_batch, once_per_model
from evofool.support import unknown_name

MILESTONES = (0.99, 0.999, 0.9999)  # probabilities, after "top-1"
CHUNK = 25  # steps between two saves of the state


class AscentResult(NamedTuple):
    """Images by gradient ascent: a row for each class and start, all starts of a class together.

    Attributes:
        attack: the last images, rounded to 8 bits; norms are distances from the start.
        target: class of each image.
        start: number of the start of each image.
        path: probability of the class at every step, before rounding, in [0, 1].
        first: the first step at which the class is the likeliest, and the first at which its
            probability exceeds each of `MILESTONES`; -1 for never.
    """

    attack: AttackResult
    target: Int[np.ndarray, " batch"]
    start: Int[np.ndarray, " batch"]
    path: Float[np.ndarray, "batch steps"]
    first: Int[np.ndarray, "batch milestones"]


def gradient_ascent(
    classifier: Classifier,
    target: Classes,
    *,
    settings: str | Ascent = "plain",
    starts: int = 1,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AscentResult:
    """Makes images of classes from noise, following the gradient of the probability.

    Every start is the classifier's mean plus normal noise of one level, the same for all classes.

    Args:
        classifier: inside JAX.
        target: a class, or several.
        settings: "plain", "decay", "sparse" or "blur" of the paper's supplement, or an `Ascent`.
        starts: number of images of each class, from different noise.
        seed: of the noise.
        save: `.npz` file of the state, from which a stopped attack is resumed.
        report: is called with the number of steps done and of all steps.

    Raises:
        UserError: an unknown class or name, `starts` below 1, a classifier without gradients, or
            `save` is of another attack.
    """
    classifier = with_gradients(classifier, "gradient-ascent")
    settings = _settings(settings)
    check_counts(starts=(starts, 1))
    wanted = np.atleast_1d(np.asarray(target))
    classes = check_classes(classifier, "target", wanted, len(wanted))
    classes, numbers = np.repeat(classes, starts), np.tile(np.arange(starts), len(classes))
    begin = noise_images(classifier, starts, seed=seed)[numbers]
    task = Task(classifier, images=begin, labels=classes, target=classes)
    progress = task.progress(save, settings=asdict(settings), classes=classes.tolist(), seed=seed)
    state = progress.load()
    if state is None:
        noise = np.asarray(_noise(jax.random.key(seed), starts, classifier.card.input_shape))
        state = {
            "done": np.array(0),
            "x": noise[numbers],
            "path": np.zeros((len(classes), settings.steps), np.float32),
            "top": np.full(len(classes), -1, np.int32),
        }
    mean, size = _mean(classifier), choose_gradient_batch(len(classes), classifier)
    advance = partial(_advance(task.model), classifier.params, rates_of(settings), mean)
    while state["done"] < settings.steps:
        stop = min(int(state["done"]) + CHUNK, settings.steps)
        arrays = (state["x"], state["path"], state["top"], classes)
        parts = advance(int(state["done"]), stop, *(_to_parts(array, size) for array in arrays))
        x, path, top = (
            np.asarray(leaf).reshape(-1, *leaf.shape[2:])[: len(classes)] for leaf in parts
        )
        state = {"done": np.array(stop), "x": x, "path": path, "top": top}
        progress.save(state)
        (report or silent)(stop, settings.steps)
    attack = judge(
        task,
        _images(state["x"], mean),
        queries=settings.steps,
        gradients=settings.steps - 1,
    )
    path = confidence(state["path"]).astype(np.float32)
    return AscentResult(attack, classes, numbers, path, _milestones(path, state["top"]))


def _settings(settings: str | Ascent) -> Ascent:
    if isinstance(settings, Ascent):
        return settings
    if settings not in ASCENTS:
        raise unknown_name("settings", settings, ASCENTS)
    return ASCENTS[settings]


def noise_images(
    classifier: Classifier, count: int, *, seed: int = 0
) -> UInt8[np.ndarray, "starts height width channels"]:
    """Returns the images that gradient ascent starts from, rounded to 8 bits."""
    noise = _noise(jax.random.key(seed), count, classifier.card.input_shape)
    return _images(np.asarray(noise), _mean(classifier))


def _images(x: np.ndarray, mean: Array) -> np.ndarray:
    return np.rint(np.clip(x + np.asarray(mean), 0, 255)).astype(np.uint8)


def _noise(
    key: Array, starts: int, shape: tuple[int, int, int]
) -> Float[Array, "starts height width channels"]:
    """Draws each start from its own key, so that the starts do not depend on their number."""
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(starts))
    return jax.vmap(lambda key: jax.random.normal(key, shape))(keys)


def _mean(classifier: Classifier) -> Float[Array, "1 1 1 channels"]:
    mean = classifier.card.mean
    if classifier.card.channel_order == "BGR":  # the card's mean is BGR, images are RGB
        mean = mean[::-1]
    return jnp.asarray(mean, jnp.float32)[None, None, None]


def _to_parts(array: np.ndarray, size: int) -> np.ndarray:
    """Divides rows into parts of one size; repetitions of the last row fill up the last part."""
    rows = np.minimum(np.arange(-(-len(array) // size) * size), len(array) - 1)
    return array[rows].reshape(-1, size, *array.shape[1:])


@once_per_model
def _advance(model: Model) -> Callable[..., tuple[Array, Array, Array]]:
    """Compiles the steps from one number to another, for parts of a batch in turn."""

    def advance(params, rates, mean, start, stop, x, path, top, classes):
        def of_part(part):
            x, path, top, classes = part

            def step(number, carried):
                x, path, top = carried
                x = jnp.clip(x + mean, 0.0, 255.0) - mean
                odds, slope = odds_and_gradient(model, params, x + mean, classes)
                of_class = jnp.take_along_axis(odds, classes[:, None], axis=1)[:, 0]
                is_top = jnp.argmax(odds, axis=1) == classes
                top = jnp.where((top < 0) & is_top, number, top)
                path = path.at[:, number].set(of_class)
                moved = take_step(rates, number, x, of_class, slope)
                return jnp.where(number < rates.steps - 1, moved, x), path, top

            return lax.fori_loop(start, stop, step, (x, path, top))

        return lax.map(of_part, (x, path, top, classes))

    return jax.jit(advance)


def _milestones(
    path: Float[np.ndarray, "batch steps"], top: Int[np.ndarray, " batch"]
) -> Int[np.ndarray, "batch milestones"]:
    """Returns the first step at the top, then the first above each of `MILESTONES`."""
    reached = [path > probability for probability in MILESTONES]
    first = [np.where(hit.any(axis=1), hit.argmax(axis=1), -1) for hit in reached]
    return np.stack([top, *first], axis=1)
