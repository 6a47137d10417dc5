"""The figure that small perturbations are known by: a panda becomes a gibbon at epsilon .007.

That epsilon is on GoogLeNet's scale, on which images span 2: it is .9 of 255 levels, chosen as
the smallest bit of an 8-bit image. Here epsilon is a share of the range, and that bit 1 / 255.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572, figure 1: 57.7 % panda, then 99.3 % gibbon, for GoogLeNet.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, UInt8

from evofool.attacks import fgsm
from evofool.classifiers import Classifier, first_name
from evofool.evaluation import Recognized, recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Row, Verdict, cells
from evofool.experiments.small_perturbations.perturbing import LEVELS, perturb, strip
from evofool.images import draw_sheet, save_image

PANDA, GIBBON = 388, 368
PUBLISHED = 0.007
PUBLISHED_LEVELS = PUBLISHED * 255 / 2  # GoogLeNet's scale spans 2
PUBLISHED_SURE = 0.993
LEAST = 1  # level of 255: the published change, rounded to a whole one
SURE = 0.9  # least confidence that counts as the published one
EPSILONS = (PUBLISHED, 0.01, 0.02, 0.05)

Signs = Int8[np.ndarray, "height width channels"]


class Way(NamedTuple):
    """A photograph on its way to the gibbon.

    Attributes:
        attack: that moves it.
        signs: against which values move.
        found: what the network makes of it at every strength.
    """

    attack: str
    signs: Signs
    found: Recognized

    def gibbon(self, level: int) -> float:
        """Returns the confidence in a gibbon when values have moved by so many levels."""
        place = LEVELS.index(level)
        return float(self.found.confidence_in(np.full(len(LEVELS), GIBBON))[place])

    @property
    def arrives(self) -> int | None:
        """The fewest levels by which values move when it is taken for a gibbon, if ever."""
        places = np.flatnonzero(self.found.classes == GIBBON)
        return LEVELS[places[0]] if len(places) else None

    def __str__(self) -> str:
        at = f"{cells.share(self.gibbon(LEAST))} gibbon"
        if self.arrives == LEAST:
            return f"by {LEAST} level of 255 with {self.attack} ({at})"
        when = "never" if self.arrives is None else f"by {self.arrives} levels of 255"
        return f"{when} with {self.attack} ({at} at {LEAST})"


def fgsm_signs(network: Classifier, image: UInt8[np.ndarray, "h w c"], label: int) -> Signs:
    """Returns against which signs FGSM moves values on the way to the gibbon; 0 at the ends."""
    found = fgsm(network, image[None], label, target=GIBBON, epsilon=0.1)
    return np.sign(image.astype(np.int16) - found.images[0]).astype(np.int8)


def ways(
    network: Classifier, image: UInt8[np.ndarray, "h w c"], signs: Mapping[str, Signs]
) -> list[Way]:
    """Moves a photograph against signs, at every strength."""
    return [
        Way(name, one, recognize(network, np.stack([perturb(image, one, k) for k in LEVELS])))
        for name, one in signs.items()
    ]


def rows_of(found: list[Way], name: str) -> list[Row]:
    """Says when it arrives, and with which confidence."""
    rows = []
    for way in found:
        moved = f"{name} to gibbon, {way.attack}"
        rows.append(
            Row(
                what=f"{moved}: confidence in a gibbon, moved by {LEAST} level of 255",
                paper=f"{PUBLISHED_SURE:.1%} (GoogLeNet, by {PUBLISHED_LEVELS:.1f} levels)",
                ours=[way.gibbon(LEAST)],
                unit="%",
                n="1 photograph",
            )
        )
        if way.arrives is not None:
            what = f"{moved}: fewest levels of 255 that do"
            rows.append(Row(what=what, ours=[way.arrives], n="1 photograph"))
    return rows


def write_ways(
    lab: Lab, network: Classifier, image: UInt8[np.ndarray, "h w c"], found: list[Way], name: str
) -> Figure:
    """Leaves the figure, a row for each attack."""
    sections = [
        strip(network, image, way.signs, EPSILONS, f"{name} to gibbon by {way.attack}")
        for way in found
    ]
    save_image(draw_sheet(sections), lab.folder / "gibbon.png")
    return Figure(
        file="gibbon.png",
        caption=f"{name} to gibbon: the photograph, the change, and what {network.card.name} sees",
        shows_photographs=True,
    )


def verdict(found: list[Way], name: str) -> Verdict:
    """Says whether any attack gets there with the published change, and how surely."""
    arrivals = [way.arrives for way in found if way.arrives is not None]
    is_soon = min(arrivals, default=np.inf) <= LEAST
    is_sure = max((way.gibbon(LEAST) for way in found if way.arrives == LEAST), default=0) >= SURE
    extent = "the class and the confidence are" if is_sure else "the class is, the confidence not,"
    return Verdict(
        outcome="reproduced" if is_soon and is_sure else "in part" if arrivals else "differs",
        because=f"{name} to gibbon: {'; '.join(map(str, found))}; published: "
        f"{PUBLISHED_SURE:.1%} gibbon by {PUBLISHED_LEVELS:.1f} levels, another network"
        + (f": {extent} reproduced" if is_soon else ""),
    )


def name_of(network: Classifier, label: int) -> str:
    """Returns what to call the photograph."""
    return first_name(network.card.labels[label])
