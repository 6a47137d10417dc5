"""How probability is shared out within families of classes, such as all the breeds of dogs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.support import UserError


class Family(NamedTuple):
    """What a network says of images, about the class each is for and about its whole family.

    Attributes:
        own: probability of the image's own class, in [0, 1].
        family: summed over all classes of its family, its own among them.
        doubt_kept: share of 1 - own that falls to the family's other classes; what chance would
            give is `chance`.
        chance: the share of all other classes that are in the family.
    """

    own: Float[np.ndarray, " images"]
    family: Float[np.ndarray, " images"]
    doubt_kept: Float[np.ndarray, " images"]
    chance: Float[np.ndarray, " images"]


def family_probabilities(
    probabilities: Float[np.ndarray, "images classes"],
    classes: Int[np.ndarray, " images"],
    groups: Sequence[str],
) -> Family:
    """Sums probabilities over the family of the class that each image is for.

    A class may stay unlikely because its relatives are likely too: then the family is certain
    where no class is.

    Args:
        probabilities: of a softmax, in [0, 1]; those of a "background" output left out.
        classes: that the images are for.
        groups: the family of every class.

    Raises:
        UserError: not a group for each class.
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
    # certainty to the last digit leaves no doubt to share out
    kept = np.divide(family - own, doubt, out=np.zeros_like(own), where=doubt > 0)
    return Family(own, family, kept, (is_kin.sum(axis=1) - 1) / (len(groups) - 1))
