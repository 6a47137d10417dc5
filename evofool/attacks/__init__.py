"""Attacks: images changed, or made from noise, so that a classifier takes them for another class.

Every attack takes a classifier, images as 8-bit levels and their classes, and returns an
`AttackResult`; `gradient_ascent` starts from noise instead of images. *Epsilon* is the largest
change of a value in [0, 1]; the *label* is the class of an image; a *target* is the class that is
wanted, any class but the label where there is none. Modules: `inputs` (what all attacks begin
with), `results` (what they end with), `gradients`, one for each attack, `by_name` and `on_files`
(attacks on image files), `strips` (sheets of the results).
"""

from evofool.attacks.ascent_step import ASCENTS, Ascent
from evofool.attacks.auto_pgd import apgd, usable_losses
from evofool.attacks.boundary import boundary
from evofool.attacks.by_name import ATTACKS, FileAttack, find_attack
from evofool.attacks.carlini_wagner import carlini_wagner
from evofool.attacks.deepfool import deepfool
from evofool.attacks.finite_differences import OutputMap, finite_differences, output_map
from evofool.attacks.gradient_ascent import AscentResult, gradient_ascent
from evofool.attacks.gradient_sign import fgsm, pgd
from evofool.attacks.hop_skip_jump import hop_skip_jump
from evofool.attacks.lbfgs import lbfgs
from evofool.attacks.on_files import Attacked, attack
from evofool.attacks.one_pixel import one_pixel
from evofool.attacks.patch import Patch, add_patch, patch
from evofool.attacks.results import AttackResult
from evofool.attacks.universal import Universal, add_change, universal

__all__ = [
    "ASCENTS",
    "ATTACKS",
    "Ascent",
    "AscentResult",
    "AttackResult",
    "Attacked",
    "FileAttack",
    "OutputMap",
    "Patch",
    "Universal",
    "add_change",
    "add_patch",
    "apgd",
    "attack",
    "boundary",
    "carlini_wagner",
    "deepfool",
    "fgsm",
    "find_attack",
    "finite_differences",
    "gradient_ascent",
    "hop_skip_jump",
    "lbfgs",
    "one_pixel",
    "output_map",
    "patch",
    "pgd",
    "universal",
    "usable_losses",
]
