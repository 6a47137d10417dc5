"""Images beside others that a network is as certain of, and what stands in for people says."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.optimize import linear_sum_assignment

from evofool.analysis import TwoGroups, cosine, mann_whitney

NEAR = 0.25  # nats of log-odds: images that a network is as certain of
CHUNK = 100  # images compared with all examples at a time


class Shown(NamedTuple):
    """Images, and what the network that is fooled makes of them.

    Attributes:
        images: levels 0..255.
        classes: that an elite was evolved for, or the likeliest of a real image.
        log_odds: the network's, of that class.
    """

    images: UInt8[np.ndarray, "batch height width channels"]
    classes: Int[np.ndarray, " batch"]
    log_odds: Float[np.ndarray, " batch"]


class Proxies(NamedTuple):
    """What stands in for people says of images.

    Attributes:
        confirmed: whether a judge's likeliest class is the one that the network sees.
        log_odds: the judge's, of that class.
        nearest: largest cosine with an example, in each way to compare.
        is_same: whether that example is of the class, or of its group.
    """

    confirmed: Bool[np.ndarray, "judges batch"]
    log_odds: Float[np.ndarray, "judges batch"]
    nearest: Float[np.ndarray, "spaces batch"]
    is_same: Bool[np.ndarray, "spaces batch"]

    def of(self, rows: Int[np.ndarray, " rows"]) -> "Proxies":
        """Returns the same of some of the images."""
        return Proxies(*(values[:, rows] for values in self))


class Compared(NamedTuple):
    """Elites of one encoding, and real images that the network is as certain of.

    Attributes:
        elites: all of them.
        reals: one for each that has a partner.
        matched: which elites have one.
        of_elites: what proxies say of all elites.
        of_reals: and of the real images.
        labelled: whether people's label of a real image is what the network sees.
    """

    elites: Shown
    reals: Shown
    matched: Int[np.ndarray, " pairs"]
    of_elites: Proxies
    of_reals: Proxies
    labelled: Bool[np.ndarray, " pairs"]

    def tests(self, field: str) -> list[TwoGroups]:
        """Compares a number of matched elites with that of real images, judge by judge."""
        ours = getattr(self.of_elites.of(self.matched), field)
        return [
            mann_whitney(a, b) for a, b in zip(ours, getattr(self.of_reals, field), strict=True)
        ]


def match_certainty(
    log_odds: Float[np.ndarray, " images"], others: Float[np.ndarray, " others"]
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Pairs images with others that a network is as certain of; none is taken twice.

    Returns:
        The places of the pairs' halves: as many pairs within `NEAR` as there can be.
    """
    apart = np.abs(log_odds[:, None] - others)
    ours, theirs = linear_sum_assignment(np.minimum(apart, NEAR))
    near = apart[ours, theirs] < NEAR
    return ours[near], theirs[near]


def nearest(
    features: Float[np.ndarray, "images features"],
    examples: Float[np.ndarray, "examples features"],
    places: Int[np.ndarray, " images"],
) -> tuple[Int[np.ndarray, " images"], Float[np.ndarray, " images"]]:
    """Finds the example with the largest cosine, after the examples' mean is taken off.

    Args:
        features: of images.
        examples: of examples.
        places: where each image is among the examples itself, which does not count; or -1.

    Returns:
        Which example it is, and the cosine.
    """
    mean = examples.mean(axis=0)
    found, cosines = [], []
    for start in range(0, len(features), CHUNK):
        alike = cosine(features[start : start + CHUNK] - mean, examples - mean)
        own = places[start : start + CHUNK]
        rows = np.flatnonzero(own >= 0)
        alike[rows, own[rows]] = -np.inf
        found.append(alike.argmax(axis=1))
        cosines.append(alike.max(axis=1))
    return np.concatenate(found), np.concatenate(cosines)
