"""L-BFGS: a nearly smallest change with which an image is taken for a chosen class.

    minimise  c |r|^2 - log p_target(x + r),  x + r in [0, 1]

for the largest c whose solution is taken for the target; bisection of log c finds it.

References:
    Szegedy et al., "Intriguing properties of neural networks", 2014, section 4.1,
    https://arxiv.org/abs/1312.6199
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Array, Float, UInt8

from evofool.attacks.gradients import odds_and_gradient
from evofool.attacks.inputs import Classes, Report, one_after_another, prepare
from evofool.attacks.results import AttackResult, judge, round_to_success
from evofool.classifiers import Classifier
from evofool.evaluation import Model, once_per_model
from evofool.support import UserError

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
    """Looks for the smallest change (L2) with which images are taken for a chosen class.

    The result is rounded to 8 bits; where that puts an image back, its change is enlarged a
    little (see `round_to_success`).

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for.
        searches: number of weights c that are tried.
        steps: most iterations of L-BFGS for each weight.
        save: `.npz` file of finished images, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or options that cannot be used, no gradients, or `save` is of
            another attack.
    """
    task = prepare(classifier, images, labels, target, gradients_for="lbfgs")
    if min(searches, steps) < 1:
        raise UserError(f"searches is {searches}, steps {steps}; expected 1 or more")
    progress = task.progress(
        save, images=task.images, target=task.aim, searches=searches, steps=steps
    )

    def of_image(index: int) -> dict[str, np.ndarray]:
        ask = partial(_surprise(task.model), classifier.params, task.aim[index : index + 1])
        change, calls = _smallest(ask, task.images[index], searches, steps)
        return {"changes": change, "calls": np.array(calls)}

    arrays = one_after_another(len(task.images), of_image, progress=progress, report=report)
    rounded, calls = round_to_success(task, arrays["changes"]), arrays["calls"]
    return judge(
        task,
        rounded.images,
        queries=calls + rounded.looks,
        gradients=calls,
        recognized=rounded.recognized,
    )


def _smallest(
    ask: Callable[[np.ndarray], tuple[Array, Array, Array]],
    image: UInt8[np.ndarray, "height width channels"],
    searches: int,
    steps: int,
) -> tuple[Float[np.ndarray, "height width channels"], int]:
    """Returns the smallest change found, in levels, and the number of calls of the classifier.

    Args:
        ask: takes levels; returns what `_surprise` does.
        image: the original, levels 0..255.
        searches: number of weights c that are tried.
        steps: most iterations of L-BFGS for each weight.
    """
    original = image.astype(np.float64).reshape(-1) / 255
    best, calls = None, 0
    last = np.zeros(image.shape)
    low, high = np.log(LEAST_WEIGHT), np.log(MOST_WEIGHT)
    for _ in range(searches):
        weight = float(np.exp((low + high) / 2))

        def loss(values: np.ndarray, weight: float = weight) -> tuple[float, np.ndarray]:
            surprise, slope, _ = ask((255 * values).reshape(1, *image.shape).astype(np.float32))
            change = values - original
            gradient = 2 * weight * change + 255 * np.asarray(slope, np.float64).reshape(-1)
            return weight * float(change @ change) + float(surprise), gradient

        solution = scipy.optimize.minimize(
            loss,
            original,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * len(original),
            options={"maxiter": steps},
        )
        calls += int(solution.nfev) + 1
        levels = (255 * solution.x).reshape(1, *image.shape).astype(np.float32)
        last = levels[0].astype(np.float64) - image
        if bool(ask(levels)[2]):
            low = (low + high) / 2  # succeeds: the next weight punishes large changes more
            if best is None or np.sum(last**2) < np.sum(best**2):
                best = last
        else:
            high = (low + high) / 2
    return (last if best is None else best), calls


@once_per_model
def _surprise(model: Model) -> Callable[..., tuple[Array, Array, Array]]:
    """Compiles -log p of a class, its gradient for levels, and whether it is the likeliest."""

    def surprise(params, classes, levels):
        odds, slope = odds_and_gradient(model, params, levels, classes)
        wanted = odds[0, classes[0]]
        # -log p = softplus(-odds), whose derivative is -(1 - p)
        return (
            jax.nn.softplus(-wanted),
            -jax.nn.sigmoid(-wanted) * slope,
            jnp.argmax(odds[0]) == classes[0],
        )

    return jax.jit(surprise)
