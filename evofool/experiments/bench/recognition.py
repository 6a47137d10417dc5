"""What networks recognise in the elites of runs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.classifiers import confidence, with_views
from evofool.evaluation import recognize
from evofool.experiments.bench.lab import Lab, images_of
from evofool.runs import Run


class Recognition(NamedTuple):
    """What a network recognises in images that were evolved for given classes.

    Attributes:
        classes: index of the class that each image was evolved for.
        likeliest: index of the class that the network finds likeliest.
        log_odds: of the class that the image was evolved for.
    """

    classes: Int[np.ndarray, " images"]
    likeliest: Int[np.ndarray, " images"]
    log_odds: Float[np.ndarray, " images"]

    @property
    def confidence(self) -> Float[np.ndarray, " images"]:
        """The confidence in the class that each image was evolved for, in [0, 1]."""
        return confidence(self.log_odds)

    @property
    def is_fooled(self) -> Bool[np.ndarray, " images"]:
        """Whether the likeliest class is the one that the image was evolved for."""
        return self.likeliest == self.classes


def recognize_elites(
    lab: Lab, run: Run, networks: Sequence[str], *, step: int = 1
) -> dict[str, Recognition]:
    """Shows elites of all independent runs to networks, scaled to the input of each.

    Args:
        lab: has the networks.
        run: whose elites.
        networks: their names.
        step: every how many elites are shown.

    Returns:
        What each network recognises, by its name.
    """
    elites = run.all_elites()[::step]
    images = images_of(run, elites)
    classes = np.array([elite.class_index for elite in elites])

    def look(name: str) -> Recognition:
        lab.say(f"{run.folder.name}, shown to {name}")
        network = with_views(lab.network(name), run.card.input_shape)
        recognized = recognize(network, images)
        log_odds = recognized.log_odds_in(classes).astype(np.float64)
        return Recognition(classes, recognized.classes, log_odds)

    return {name: look(name) for name in networks}
