"""The smallest perturbation that gives an image a chosen class, by L-BFGS within the box.

    minimise  c |r|^2 - log p_target(x + r),  x + r in [0, 1]

for the largest c whose solution is taken for the target: found by bisection of log c.

References:
    Szegedy et al., "Intriguing properties of neural networks", 2014, section 4.1,
    https://arxiv.org/abs/1312.6199
"""

from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Float

from evofool.attacks.gradients import Model, Report, model_of, odds_and_gradient
from evofool.attacks.inputs import Classes, check_task
from evofool.attacks.results import AttackResult, judge, round_to_success
from evofool.classifiers import Classifier
from evofool.support import Progress, UserError

LEAST_WEIGHT, MOST_WEIGHT = 1e-4, 1e4  # of |r|^2, values in [0, 1]


def lbfgs(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes,
    searches: int = 10,
    steps: int = 50,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Looks for the smallest change (L2) with which images are taken for the target.

    The result is rounded to 8 bits; where that puts an image back, its change is enlarged a
    little (see `round_to_success`).

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each, or all, are to be taken for.
        searches: weights c that are tried.
        steps: of L-BFGS at most, for each weight.
        save: `.npz` file that keeps finished images, and from which it goes on.
        report: is told how many images of how many are done.

    Raises:
        UserError: images, classes or options that cannot be used, no gradients, or `save` is of
            another attack.
    """
    model = model_of(classifier, "lbfgs")
    task = check_task(classifier, images, labels, target)
    if min(searches, steps) < 1:
        raise UserError(f"searches is {searches}, steps {steps}; expected 1 or more")
    card = classifier.card
    progress = Progress(
        save,
        classifier=card.name,
        sha256=card.sha256,
        images=task.images,
        target=task.aim,
        searches=searches,
        steps=steps,
    )
    kept = progress.load() or {"changes": np.zeros((0, *task.images.shape[1:])), "calls": []}
    changes, calls = list(kept["changes"]), list(kept["calls"])
    for index in range(len(changes), len(task.images)):
        look = partial(_look(model), classifier.params, task.aim[index : index + 1])
        change, count = _smallest(look, task.images[index], searches, steps)
        changes.append(change)
        calls.append(count)
        progress.save({"changes": np.stack(changes), "calls": np.array(calls)})
        if report is not None:
            report(index + 1, len(task.images))
    rounded, shown = round_to_success(classifier, task, np.stack(changes))
    asked = np.array(calls)
    return judge(classifier, task, rounded, queries=asked + shown, gradients=asked)


def _smallest(
    look: Any, image: np.ndarray, searches: int, steps: int
) -> tuple[Float[np.ndarray, "height width channels"], int]:
    """Returns the smallest change found, in levels, and how often the classifier was asked."""
    original = image.astype(np.float64).reshape(-1) / 255
    best, calls = None, 0
    last = np.zeros(image.shape)
    low, high = np.log(LEAST_WEIGHT), np.log(MOST_WEIGHT)
    for _ in range(searches):
        weight = float(np.exp((low + high) / 2))

        def loss(values: np.ndarray, weight: float = weight) -> tuple[float, np.ndarray]:
            surprise, slope, _ = look((255 * values).reshape(1, *image.shape).astype(np.float32))
            change = values - original
            gradient = 2 * weight * change + 255 * np.asarray(slope, np.float64).reshape(-1)
            return weight * float(change @ change) + float(surprise), gradient

        found = scipy.optimize.minimize(
            loss,
            original,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * len(original),
            options={"maxiter": steps},
        )
        calls += int(found.nfev) + 1
        levels = (255 * found.x).reshape(1, *image.shape).astype(np.float32)
        last = levels[0].astype(np.float64) - image
        if bool(look(levels)[2]):
            low = (low + high) / 2  # a dearer change will do too
            if best is None or np.sum(last**2) < np.sum(best**2):
                best = last
        else:
            high = (low + high) / 2
    return (last if best is None else best), calls


@cache
def _look(model: Model) -> Any:
    """Compiles -log p of a class, its gradient for levels, and whether it is the likeliest."""

    def look(params, classes, levels):
        odds, slope = odds_and_gradient(model, params, levels, classes)
        own = odds[0, classes[0]]
        # -log p = softplus(-odds), whose derivative is -(1 - p)
        return (
            jax.nn.softplus(-own),
            -jax.nn.sigmoid(-own) * slope,
            jnp.argmax(odds[0]) == classes[0],
        )

    return jax.jit(look)
