"""Ablation: what a network's confidence loses with the copies of a repeated element.

Copies are taken out of an image one after the other and the holes filled. Taking anything out
may cost confidence, so the same is done with patches elsewhere, of the same size and number, that
overlap no copy: anywhere at random, and "alike", of about the contrast of the copies, for what is
repeated often stands out.

References:
    Nguyen, Yosinski and Clune, "Deep neural networks are easily fooled", CVPR 2015, Fig. 10.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy import fft

from evofool.analysis.repeats import Repeats, patch_energy
from evofool.images import Levels, to_levels
from evofool.support import UserError, unknown_name

Corners = Int[np.ndarray, "patches 2"]
Score = Callable[[UInt8[np.ndarray, "batch height width channels"]], Float[np.ndarray, " batch"]]

DRAWS = 4  # of the places elsewhere
CANDIDATES = 32  # random places, of which the one most alike is taken


@dataclass(frozen=True, kw_only=True, eq=False)
class Ablated:
    """What is left of a score when patches are removed one after the other.

    Attributes:
        whole: the score of the image as it is.
        copies: after 1, 2, ... copies were removed.
        anywhere: after as many patches elsewhere; mean over the draws, NaN from where in none of
            them another patch has room.
        alike: the same with patches of the copies' contrast.
    """

    whole: float
    copies: Float[np.ndarray, " copies"]
    anywhere: Float[np.ndarray, " copies"]
    alike: Float[np.ndarray, " copies"]


def ablate(
    image: Levels,
    repeats: Repeats,
    score: Score,
    *,
    fill: str = "membrane",
    seed: int = 0,
) -> Ablated:
    """Removes the copies of an element, and as many patches elsewhere, and scores what is left.

    Args:
        image: levels 0..255.
        repeats: what is repeated in it; its copies are removed in their order.
        score: gives a number for each of a batch of images, for instance a class's log-odds.
        fill: of the holes, a name in `FILLS`.
        seed: of the places elsewhere.
    """
    generator = np.random.default_rng(seed)
    series = [repeats.corners]
    for alike in (False, True):
        series += [places_elsewhere(generator, image, repeats, alike=alike) for _ in range(DRAWS)]
    images = [remove_patches(image, each, repeats.size, fill=fill)[1:] for each in series]
    scores = score(np.concatenate([image[None], *images]))
    whole, rest = float(scores[0]), np.full((len(series), len(repeats.corners)), np.nan)
    ends = np.cumsum([len(each) for each in images])[:-1]
    for row, part in zip(rest, np.split(scores[1:], ends), strict=True):
        row[: len(part)] = part
    return Ablated(
        whole=whole,
        copies=rest[0],
        anywhere=_mean(rest[1 : 1 + DRAWS]),
        alike=_mean(rest[1 + DRAWS :]),
    )


def remove_patches(
    image: Levels, corners: Corners, size: int, *, fill: str = "membrane"
) -> UInt8[np.ndarray, "series height width channels"]:
    """Removes square patches one after the other.

    Args:
        image: levels 0..255.
        corners: upper left corners; the patches do not touch the edge of the image.
        size: width and height of the patches in pixels.
        fill: "membrane": the smoothest surface that meets the pixels around the hole (Laplace's
            equation), which draws no edge of its own; "mean": their mean color.

    Returns:
        The image as it is, without the first patch, without the first two, ...

    Raises:
        UserError: an unknown fill, or a patch that is not inside the image.
    """
    if fill not in FILLS:
        raise unknown_name("fill", fill, FILLS)
    sides = np.array(image.shape[:2])
    outside = (corners < 1) | (corners + size + 1 > sides)
    if outside.any():
        row, column = corners[outside.any(axis=1)][0]
        raise UserError(
            f"a patch of {size} pixels at row {row}, column {column} is not inside an image of "
            f"{sides[1]}x{sides[0]}, or touches its edge"
        )
    levels = image / 255.0
    series = [levels]
    for row, column in corners:
        levels = levels.copy()
        around = levels[row - 1 : row + size + 1, column - 1 : column + size + 1]
        around[1:-1, 1:-1] = FILLS[fill](around)
        series.append(levels)
    return to_levels(np.stack(series))


def places_elsewhere(
    generator: np.random.Generator, image: Levels, repeats: Repeats, *, alike: bool
) -> Corners:
    """Draws places for as many patches as there are copies, overlapping none and not each other.

    Args:
        generator: of random numbers.
        image: levels 0..255.
        repeats: what is to be left alone.
        alike: whether the n-th patch should have about the contrast of the n-th copy: of
            `CANDIDATES` places drawn, the most similar one is taken.

    Returns:
        Upper left corners; fewer than there are copies where no more have room.
    """
    size = repeats.size
    contrast = np.sqrt(np.maximum(patch_energy(image / 255.0, size), 0))
    is_free = np.zeros(contrast.shape, bool)
    is_free[1:-1, 1:-1] = True  # a patch has pixels around it
    for corner in repeats.corners:
        _occupy(is_free, corner, size)
    places = []
    for corner in repeats.corners:
        free = np.argwhere(is_free)
        if not len(free):
            break
        drawn = generator.choice(free, CANDIDATES if alike else 1)
        differences = np.abs(contrast[tuple(drawn.T)] - contrast[tuple(corner)])
        places.append(drawn[differences.argmin()])
        _occupy(is_free, places[-1], size)
    return np.array(places, int).reshape(-1, 2)


def _occupy(is_free: np.ndarray, corner: np.ndarray, size: int) -> None:
    """Marks the corners of all patches that would overlap one."""
    row, column = np.maximum(corner - size + 1, 0)
    is_free[row : corner[0] + size, column : corner[1] + size] = False


def _mean(scores: Float[np.ndarray, "draws copies"]) -> Float[np.ndarray, " copies"]:
    """The mean over those draws that have a score."""
    is_there = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no draw has one
        return np.where(is_there, scores, 0).sum(axis=0) / is_there.sum(axis=0)


Surroundings = Float[np.ndarray, "around around channels"]
Filling = Float[np.ndarray, "size size channels"]


def _membrane(around: Surroundings) -> Filling:
    """Solves Laplace's equation in a square for the values around it, by sine transforms."""
    size = len(around) - 2
    sums = np.zeros((size, size, around.shape[2]))  # of the neighbours that are known
    sums[0] += around[0, 1:-1]
    sums[-1] += around[-1, 1:-1]
    sums[:, 0] += around[1:-1, 0]
    sums[:, -1] += around[1:-1, -1]
    waves = 2 - 2 * np.cos(np.pi * np.arange(1, size + 1) / (size + 1))
    spectrum = fft.dstn(sums, type=1, axes=(0, 1))
    spectrum = np.asarray(spectrum) / (waves[:, None] + waves)[..., None]
    return np.asarray(fft.idstn(spectrum, type=1, axes=(0, 1)))


def _mean_color(around: Surroundings) -> Filling:
    """The mean of the pixels around a square."""
    sides = [around[0, 1:-1], around[-1, 1:-1], around[1:-1, 0], around[1:-1, -1]]
    return np.broadcast_to(np.mean(sides, axis=(0, 1)), around[1:-1, 1:-1].shape)


FILLS: dict[str, Callable[[Surroundings], Filling]] = {"membrane": _membrane, "mean": _mean_color}
"""How holes are filled, as said at `remove_patches`."""
