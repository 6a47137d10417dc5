"""The confidence in a class and in its family of classes, for instance all breeds of dogs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.support import UserError


class FamilyConfidence(NamedTuple):
    """A network's confidence in the class of each image, and in the family of that class.

    Attributes:
        own: confidence in the image's class, in [0, 1].
        family: sum over all classes of the family, that class included.
        doubt_kept: share of 1 - own that falls to the other classes of the family; `chance` is
            what a random share would be.
        chance: share of all other classes that belong to the family.
    """

    own: Float[np.ndarray, " images"]
    family: Float[np.ndarray, " images"]
    doubt_kept: Float[np.ndarray, " images"]
    chance: Float[np.ndarray, " images"]


def family_probabilities(
    probabilities: Float[np.ndarray, "images classes"],
    classes: Int[np.ndarray, " images"],
    groups: Sequence[str],
) -> FamilyConfidence:
    """Sums each image's probabilities over the family of its class.

    A class may be unlikely because its relatives are likely too: then the network is certain of
    the family, but of no class.

    Args:
        probabilities: of a softmax, in [0, 1], without that of a "background" output.
        classes: class index of each image.
        groups: the family of every class.

    Raises:
        UserError: the number of groups is not that of the classes.
    """
    if len(groups) != probabilities.shape[1]:
        raise UserError(
            f"groups has {len(groups)} names for {probabilities.shape[1]} classes; give one for "
            "each class"
        )
    _, numbers = np.unique(groups, return_inverse=True)
    is_kin = numbers[classes][:, None] == numbers
    probabilities = probabilities.astype(np.float64)
    own = probabilities[np.arange(len(classes)), classes]
    family = np.where(is_kin, probabilities, 0.0).sum(axis=1)
    doubt = 1 - own
    # A confidence of exactly 1 leaves no doubt to share.
    doubt_kept = np.divide(family - own, doubt, out=np.zeros_like(own), where=doubt > 0)
    return FamilyConfidence(own, family, doubt_kept, (is_kin.sum(axis=1) - 1) / (len(groups) - 1))
