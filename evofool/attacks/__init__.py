"""Attacks: images made or changed so that a classifier takes them for something else.

Every attack takes a classifier, images as 8-bit levels and their classes, and returns an
`AttackResult`; `gradient_ascent` starts from noise instead of images. *Epsilon* is the largest
change of a value in [0, 1]; a *target* is the class that is wanted instead of any other.
"""

from evofool.attacks.ascent_step import ASCENTS, Ascent
from evofool.attacks.by_name import ATTACKS
from evofool.attacks.deepfool import deepfool
from evofool.attacks.finite_differences import OutputMap, finite_differences, output_map
from evofool.attacks.gradient_ascent import AscentResult, gradient_ascent
from evofool.attacks.gradient_sign import fgsm, pgd
from evofool.attacks.lbfgs import lbfgs
from evofool.attacks.on_files import Attacked, attack
from evofool.attacks.one_pixel import one_pixel
from evofool.attacks.results import AttackResult
from evofool.attacks.universal import Universal, add_change, universal

__all__ = [
    "ASCENTS",
    "ATTACKS",
    "Ascent",
    "AscentResult",
    "AttackResult",
    "Attacked",
    "OutputMap",
    "Universal",
    "add_change",
    "attack",
    "deepfool",
    "fgsm",
    "finite_differences",
    "gradient_ascent",
    "lbfgs",
    "one_pixel",
    "output_map",
    "pgd",
    "universal",
]
