"""Universal perturbations: one change that fools a classifier on most images.

Image after image, in an order that changes with every pass: where the change v does not fool
yet, DeepFool's step for x + v is added to v, which is then put back into its ball. That ends when
v fools the wanted share of the images.

References:
    Moosavi-Dezfooli et al., "Universal adversarial perturbations", 2017,
    https://arxiv.org/abs/1610.08401; the authors' `python/universal_pert.py`.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int16

from evofool.attacks.deepfool import NORMS, walk_over_border
from evofool.attacks.gradients import Model, Report, class_outputs, model_of
from evofool.attacks.inputs import Classes, check_epsilon, check_seed, check_task
from evofool.attacks.results import AttackResult, judge
from evofool.classifiers import Classifier
from evofool.support import Progress, UserError, unknown_name

CHUNK = 100  # images between looks at the clock
OVERSHOOT, ROUNDS, CANDIDATES = 0.02, 10, 10  # of DeepFool, as the authors have them


class Universal(NamedTuple):
    """A universal perturbation.

    Attributes:
        change: whole levels, added to every image.
        rates: share of the images that are fooled after each pass, in [0, 1].
        attack: the images that it was made for, with it.
    """

    change: Int16[np.ndarray, "height width channels"]
    rates: Float[np.ndarray, " passes"]
    attack: AttackResult


def universal(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    epsilon: float = 10 / 255,
    norm: str = "linf",
    rate: float = 0.8,
    passes: int = 10,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> Universal:
    """Makes one change for many images; `add_change` tries it on others.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: what each image must no longer be taken for: its class, or what the classifier
            takes it for, as the authors do.
        epsilon: radius of the ball that the change stays in, values in [0, 1]; 1/255 or more, and
            in the L2 norm not bounded by 1.
        norm: of the ball, "linf" or "l2".
        rate: share of the images to be fooled, at which it ends.
        passes: over all images, at most.
        seed: of the orders.
        save: `.npz` file that keeps the state, and from which it goes on.
        report: is told how many images of how many are done, all passes counted.

    Raises:
        UserError: images, classes or options that cannot be used, no gradients, or `save` is of
            another attack.
    """
    model = model_of(classifier, "universal")
    task = check_task(classifier, images, labels, None)
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    (radius,) = check_epsilon(epsilon, norm=norm)
    if not 0 < rate <= 1 or passes < 1:
        raise UserError(f"rate is {rate:g}, passes {passes}; expected a share, and 1 or more")
    check_seed(seed)
    card, count = classifier.card, len(task.images)
    progress = Progress(
        save,
        classifier=card.name,
        sha256=card.sha256,
        images=task.images,
        labels=task.labels,
        epsilon=radius,
        norm=norm,
        seed=seed,
    )
    kept = progress.load() or {
        "change": np.zeros(card.input_shape, np.float32),
        "done": np.array(0),
        "rates": np.zeros(0),
    }
    change, done, rates = kept["change"], int(kept["done"]), list(kept["rates"])
    walk = partial(
        _walk(model, norm, min(CANDIDATES, card.classes)),
        classifier.params,
        np.float32(255 * radius),
    )
    while len(rates) < passes and not (rates and rates[-1] >= rate):
        order = np.random.default_rng([seed, len(rates)]).permutation(count)
        for start in range(done % count, count, CHUNK):
            rows = order[start : start + CHUNK]
            change = np.asarray(walk(change, task.images[rows], task.labels[rows]))
            done = len(rates) * count + start + len(rows)
            if start + CHUNK < count:
                progress.save({"change": change, "done": np.array(done), "rates": np.array(rates)})
            if report is not None:
                report(done, passes * count)
        rates.append(
            float(add_change(classifier, task.images, labels, whole(change)).success.mean())
        )
        progress.save({"change": change, "done": np.array(done), "rates": np.array(rates)})
    final = whole(change)
    return Universal(final, np.array(rates), add_change(classifier, task.images, labels, final))


def add_change(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    change: Int16[np.ndarray, "height width channels"],
) -> AttackResult:
    """Adds one change to images, for instance those that it was not made for.

    Args:
        classifier: the one that it was made for, or any other; inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        change: in whole levels.

    Raises:
        UserError: images or classes that cannot be used, or a change of another shape.
    """
    task = check_task(classifier, images, labels, None)
    if change.shape != task.images.shape[1:]:
        raise UserError(
            f"the change has shape {change.shape}; expected {task.images.shape[1:]}, as images"
        )
    changed = np.clip(task.images.astype(np.int16) + change, 0, 255).astype(np.uint8)
    return judge(classifier, task, changed)


def whole(
    change: Float[np.ndarray, "height width channels"],
) -> Int16[np.ndarray, "height width channels"]:
    """Rounds a change to whole levels, towards 0, so that no norm grows."""
    return np.trunc(change).astype(np.int16)


@cache
def _walk(model: Model, norm: str, candidates: int) -> Any:
    """Compiles the way of the change over some images in turn."""

    def walk(params, radius, change, images, labels):
        def add(change, one):
            image, label = one
            levels = image.astype(jnp.float32)[None]
            # as it will be rounded: what is smaller than a level must not count
            moved = jnp.clip(levels + jnp.trunc(change), 0.0, 255.0)

            def enlarged(change):
                step, _ = walk_over_border(
                    model,
                    params,
                    moved,
                    label[None],
                    norm="l2",
                    candidates=candidates,
                    steps=ROUNDS,
                    overshoot=OVERSHOOT,
                )
                return _into_ball(change + step[0], radius, norm)

            is_fooled = jnp.argmax(class_outputs(model, params, moved)[0]) != label
            return lax.cond(is_fooled, lambda change: change, enlarged, change), None

        return lax.scan(add, change, (images, labels))[0]

    return jax.jit(walk)


def _into_ball(
    change: Float[Array, "height width channels"], radius: Any, norm: str
) -> Float[Array, "height width channels"]:
    if norm == "linf":
        return jnp.clip(change, -radius, radius)
    return change * jnp.minimum(1.0, radius / (jnp.linalg.norm(change.reshape(-1)) + 1e-12))
