"""Ablation: how much confidence an image loses without the copies of a repeated element.

Copies are removed from an image one after the other, and the holes are filled. Removing anything
may cost confidence, so as a control as many patches of the same size are removed elsewhere, without
overlapping a copy: at random places, and at places "alike", with about the contrast of the copies,
because repeated elements often have more contrast than the rest.

References:
    Nguyen, Yosinski and Clune, "Deep neural networks are easily fooled", CVPR 2015, Fig. 10.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy import fft

from evofool.images import Levels, to_levels
from evofool.measures.repeats import Repeats, patch_energy
from evofool.support import UserError, unknown_name

Corners = Int[np.ndarray, "patches 2"]
Score = Callable[[UInt8[np.ndarray, "batch height width channels"]], Float[np.ndarray, " batch"]]

DRAWS = 4  # of the places elsewhere, whose mean counts
CANDIDATES = 32  # random places, of which the one with the most similar contrast is used


@dataclass(frozen=True, kw_only=True, eq=False)
class Ablated:
    """The score of an image while patches are removed one after the other.

    Attributes:
        whole: of the whole image.
        copies: without 1, 2, ... copies.
        anywhere: without 1, 2, ... patches elsewhere; mean over the draws, NaN where in no draw
            another patch fits.
        alike: like `anywhere`, for patches with the contrast of the copies.
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
    """Scores an image without copies of an element, and without as many patches elsewhere.

    Args:
        image: levels 0..255.
        repeats: the element and its copies, which are removed in this order.
        score: returns a number for every image of a batch, for instance the log-odds of a class.
        fill: how holes are filled, a name in `FILLS`.
        seed: of the places elsewhere.
    """
    generator = np.random.default_rng(seed)
    series = [repeats.corners]
    for alike in (False, True):
        series += [places_elsewhere(generator, image, repeats, alike=alike) for _ in range(DRAWS)]
    images = [remove_patches(image, corners, repeats.size, fill=fill)[1:] for corners in series]
    scores = score(np.concatenate([image[None], *images]))
    whole, rest = float(scores[0]), np.full((len(series), len(repeats.corners)), np.nan)
    ends = np.cumsum([len(batch) for batch in images])[:-1]
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
        corners: upper left corners; the patches must not touch the edge of the image.
        size: width and height of the patches in pixels.
        fill: "membrane", the smoothest surface that meets the pixels around the hole (Laplace's
            equation) and so adds no edge; or "mean", the mean color of these pixels.

    Returns:
        The whole image, the image without the first patch, without the first two, ...

    Raises:
        UserError: the fill is unknown, or a patch is not inside the image.
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
    """Draws places for as many patches as there are copies; they overlap no copy and no patch.

    Args:
        generator: of random numbers.
        image: levels 0..255.
        repeats: the copies.
        alike: whether the n-th patch should have about the contrast of the n-th copy: of
            `CANDIDATES` random places the most similar one is used.

    Returns:
        Upper left corners; fewer than the copies where no more patches fit.
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
    """Marks the corners of all patches that would overlap the patch at `corner` as not free."""
    row, column = np.maximum(corner - size + 1, 0)
    is_free[row : corner[0] + size, column : corner[1] + size] = False


def _mean(scores: Float[np.ndarray, "draws copies"]) -> Float[np.ndarray, " copies"]:
    """Returns the mean over the draws that have a score; NaN where none has."""
    is_there = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no draw has one
        return np.where(is_there, scores, 0).sum(axis=0) / is_there.sum(axis=0)


Surroundings = Float[np.ndarray, "around around channels"]
Filling = Float[np.ndarray, "size size channels"]


def _membrane(around: Surroundings) -> Filling:
    """Solves Laplace's equation in a square, given the values around it, by sine transforms."""
    size = len(around) - 2
    sums = np.zeros((size, size, around.shape[2]))  # over the known neighbours of each pixel
    sums[0] += around[0, 1:-1]
    sums[-1] += around[-1, 1:-1]
    sums[:, 0] += around[1:-1, 0]
    sums[:, -1] += around[1:-1, -1]
    waves = 2 - 2 * np.cos(np.pi * np.arange(1, size + 1) / (size + 1))
    spectrum = fft.dstn(sums, type=1, axes=(0, 1))
    spectrum = np.asarray(spectrum) / (waves[:, None] + waves)[..., None]
    return np.asarray(fft.idstn(spectrum, type=1, axes=(0, 1)))


def _mean_color(around: Surroundings) -> Filling:
    """Returns the mean of the pixels around a square."""
    sides = [around[0, 1:-1], around[-1, 1:-1], around[1:-1, 0], around[1:-1, -1]]
    return np.broadcast_to(np.mean(sides, axis=(0, 1)), around[1:-1, 1:-1].shape)


FILLS: dict[str, Callable[[Surroundings], Filling]] = {"membrane": _membrane, "mean": _mean_color}
"""How holes are filled, see `remove_patches`."""
