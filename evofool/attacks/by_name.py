"""The attacks by their names on the command line, and the options that each has.

All take a classifier, images and labels; those with an epsilon are given a list, and return an
axis of epsilons.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from evofool.attacks.deepfool import deepfool
from evofool.attacks.finite_differences import finite_differences
from evofool.attacks.gradient_ascent import gradient_ascent
from evofool.attacks.gradient_sign import fgsm, pgd
from evofool.attacks.gradients import Report
from evofool.attacks.lbfgs import lbfgs
from evofool.attacks.one_pixel import one_pixel
from evofool.attacks.results import AttackResult
from evofool.attacks.universal import universal
from evofool.classifiers import Classifier
from evofool.support import UserError, unknown_name


def _universal(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilon: Sequence[float],
    norm: str = "linf",
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Makes a change for each epsilon, in place of the images' own."""
    results = []
    for value in epsilon:
        file = None if save is None else Path(save).with_stem(f"{Path(save).stem}-{value:g}")
        options = {"norm": norm, "seed": seed, "save": file, "report": report}
        results.append(universal(classifier, images, labels, epsilon=value, **options).attack)
    return jax.tree.map(lambda *leaves: np.stack(leaves), *results)


def _gradient_ascent(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    target: int,
    settings: str = "plain",
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Makes an image of the target from noise, which is what `images` holds."""
    del images, labels
    options = {"settings": settings, "seed": seed, "save": save, "report": report}
    return gradient_ascent(classifier, target, **options).attack


ATTACKS: dict[str, Callable[..., AttackResult]] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "finite-differences": finite_differences,
    "universal": _universal,
    "deepfool": deepfool,
    "lbfgs": lbfgs,
    "one-pixel": one_pixel,
    "gradient-ascent": _gradient_ascent,
}
FROM_NOISE = "gradient-ascent"


def takes(name: str, option: str) -> bool:
    """Whether an attack has an option."""
    return option in inspect.signature(ATTACKS[name]).parameters


def check_options(name: str, given: Sequence[str]) -> None:
    """Refuses an unknown attack, options that it does not have, and a target that lacks.

    Args:
        name: of the attack.
        given: names of the options.

    Raises:
        UserError: says which attacks there are, or which take the option.
    """
    if name not in ATTACKS:
        raise unknown_name("attack", name, ATTACKS)
    for option in given:
        if not takes(name, option):
            others = [other for other in ATTACKS if takes(other, option)]
            hint = f"; those that do: {', '.join(others)}" if others else ""
            raise UserError(f"{name} takes no {option}{hint}")
    if name in ("lbfgs", FROM_NOISE) and "target" not in given:
        raise UserError(f"{name} looks for a class that you choose; give a target")
