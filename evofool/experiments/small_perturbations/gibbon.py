"""The figure that small perturbations are known by: a panda becomes a gibbon at epsilon .007.

That epsilon is on GoogLeNet's scale, on which images span 2: it is .9 of 255 levels, chosen as
the smallest bit of an 8-bit image. Here epsilon is a share of the range, and that bit 1 / 255.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572, figure 1: 57.7 % panda, then 99.3 % gibbon, for GoogLeNet.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.attacks import fgsm
from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.experiments.report import Claim, Row, at_most, cells, near
from evofool.experiments.small_perturbations.perturbing import LEVELS, Image, Signs, perturb

PANDA, GIBBON = 388, 368
FGSM, DIFFERENCES = "FGSM", "finite differences"
PUBLISHED = 0.007
PUBLISHED_LEVELS = f"{PUBLISHED * 255 / 2:.1f}"  # GoogLeNet's scale spans 2
LEAST = 1  # level of 255: the published change, rounded to a whole one

LEVELS_NEEDED = Claim(
    what="fewest levels of 255 that do", paper=PUBLISHED_LEVELS, tolerance=at_most(LEAST), unit=""
)
CONFIDENCE = Claim(
    what=f"confidence in a gibbon, moved by {LEAST} level of 255",
    paper=f"99.3 % (GoogLeNet, by {PUBLISHED_LEVELS} levels)",
    tolerance=near(0.993),
)
CLAIMS = (CONFIDENCE, LEVELS_NEEDED)


class Way(NamedTuple):
    """A photograph on its way to the gibbon, at each of `LEVELS`."""

    attack: str  # that moves it
    signs: Signs  # against which values move
    classes: Int[np.ndarray, " strengths"]  # the likeliest
    confidence: Float[np.ndarray, " strengths"]  # in a gibbon

    @property
    def at_least(self) -> float:
        """The confidence in a gibbon when values have moved by the least level."""
        return float(self.confidence[LEVELS.index(LEAST)])

    @property
    def arrives(self) -> list[int]:
        """The fewest levels by which values move when it is taken for a gibbon, if ever."""
        return [LEVELS[place] for place in np.flatnonzero(self.classes == GIBBON)[:1]]

    def __str__(self) -> str:
        at = f"{cells.confidence(self.at_least)} gibbon"
        if self.arrives == [LEAST]:
            return f"by {LEAST} level of 255 with {self.attack} ({at})"
        when = f"by {self.arrives[0]} levels of 255" if self.arrives else "never"
        return f"{when} with {self.attack} ({at} at {LEAST})"


def fgsm_signs(network: Classifier, image: Image, label: int) -> Signs:
    """Returns against which signs FGSM moves values on the way to the gibbon; 0 at the ends."""
    attacked = fgsm(network, image[None], label, target=GIBBON, epsilon=0.1)
    return np.sign(image.astype(np.int16) - attacked.images[0]).astype(np.int8)


def take_way(network: Classifier, image: Image, attack: str, signs: Signs) -> Way:
    """Moves a photograph against signs, at every strength."""
    seen = recognize(network, np.stack([perturb(image, signs, level) for level in LEVELS]))
    return Way(attack, signs, seen.classes, seen.confidence_in(np.full(len(LEVELS), GIBBON)))


def way_rows(ways: Sequence[Way], name: str) -> Iterator[Row]:
    """Says with which confidence and when it arrives; that by FGSM is published."""
    n = "1 photograph"
    for way in ways:
        moved = f"{name} to gibbon, {way.attack}"
        for claim, ours in ((CONFIDENCE, [way.at_least]), (LEVELS_NEEDED, way.arrives)):
            what, unit = f"{moved}: {claim.what}", claim.unit
            if way.attack == FGSM:
                yield claim.row(ours, n=n, seeds=1, what=what)
            else:
                yield Row(what=what, ours=ours, unit=unit, n=n, seeds=1)
