"""The figure that small perturbations are known by: a panda becomes a gibbon at epsilon .007.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572, figure 1: 57.7 % panda, then 99.3 % gibbon, for GoogLeNet.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, UInt8

from evofool.attacks import fgsm
from evofool.classifiers import Classifier
from evofool.experiments.findings import Picture, Row, Verdict
from evofool.experiments.lab import Lab
from evofool.experiments.perturbing import LEVELS, level_of, perturb, strip
from evofool.labels import first_name
from evofool.recognition import Recognized, recognize
from evofool.reports import draw_sheet, save_image

PANDA, GIBBON = 388, 368
PUBLISHED = 0.007
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
    def arrives(self) -> float | None:
        """The smallest epsilon, in whole levels, at which it is taken for a gibbon, if any."""
        places = np.flatnonzero(self.found.classes == GIBBON)
        return LEVELS[places[0]] / 255 if len(places) else None

    def __str__(self) -> str:
        when = "never" if self.arrives is None else f"from epsilon {self.arrives:.3f} on"
        at = self.gibbon(level_of(PUBLISHED))
        return f"{when} by {self.attack} ({at:.1%} gibbon at {PUBLISHED})"


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
        rows.append(
            Row(
                what=f"{name} to gibbon, {way.attack}: confidence in a gibbon at {PUBLISHED}",
                paper="99.3% (GoogLeNet)",
                ours=[way.gibbon(level_of(PUBLISHED))],
                unit="%",
                n="1 photograph",
            )
        )
        if way.arrives is not None:
            rows.append(
                Row(
                    what=f"{name} to gibbon, {way.attack}: smallest epsilon",
                    paper=f"{PUBLISHED}",
                    ours=[way.arrives],
                    n="1 photograph",
                )
            )
    return rows


def write_ways(
    lab: Lab, network: Classifier, image: UInt8[np.ndarray, "h w c"], found: list[Way], name: str
) -> Picture:
    """Leaves the figure, a row for each attack."""
    sections = [
        strip(network, image, way.signs, EPSILONS, f"{name} to gibbon by {way.attack}")
        for way in found
    ]
    save_image(draw_sheet(sections), lab.folder / "gibbon.png")
    return Picture(
        file="gibbon.png",
        caption=f"{name} to gibbon: the photograph, the change, and what {network.card.name} sees",
        shows_photographs=True,
    )


def verdict(found: list[Way], name: str) -> Verdict:
    """Says whether any attack gets there with the published epsilon."""
    arrivals = [way.arrives for way in found if way.arrives is not None]
    is_soon = min(arrivals, default=np.inf) <= PUBLISHED
    return Verdict(
        said="reproduced" if is_soon else "in part" if arrivals else "differs",
        because=f"{name} to gibbon: {'; '.join(map(str, found))}",
    )


def name_of(network: Classifier, label: int) -> str:
    """Returns what to call the photograph."""
    return first_name(network.card.labels[label])
