"""Repeated elements: patches that occur several times in an image.

Peaks of the image's autocorrelation give the lags by which parts of it are repeated. For each lag,
the pair of patches at this distance with the strongest common details is located, and the first
patch of the pair is then searched for everywhere by normalised cross-correlation. Only details
count: large-scale brightness is subtracted first, because all smooth slopes look the same.

The similarity of two patches is Moravec's normalised correlation of their values a and b, in all
channels, minus the mean of each patch and channel:

    2 sum(a b) / (sum(a^2) + sum(b^2)).

It is 1 for equal patches. Unlike the usual correlation it is below 1 where patches differ in
contrast only, so a flat patch is similar to no other.

References:
    Moravec, "Towards automatic visual obstacle avoidance", IJCAI 1977 (the correlation).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int, UInt8

from evofool.support import UserError

Details = Float[np.ndarray, "height width channels"]
Map = Float[np.ndarray, "rows columns"]

SIZES = (4, 5, 6, 7, 8)  # of elements, in 32nds of the image's shorter side
LEAST_SIZE = 8  # pixels; smaller patches, for instance bits of an edge, are similar by chance
DETAIL = 1 / 32  # of the shorter side; larger structures are no details
LEAST_CONTRAST = 0.05  # of an element: root mean square of its details, values in [0, 1]
NUM_LAGS = 32  # highest peaks of the autocorrelation that are examined
NUM_ELEMENTS = 6  # elements of one size, strongest first, that are searched for everywhere


class Repeats(NamedTuple):
    """A repeated element and its copies, which include the element.

    Attributes:
        size: width and height of the element in pixels.
        corners: (row, column) of the upper left pixel of each copy; first the element, then its
            copies by falling similarity. Copies do not overlap, and none touches the edge of the
            image.
        similarity: of each copy to the first, at most 1.
    """

    size: int
    corners: Int[np.ndarray, "copies 2"]
    similarity: Float[np.ndarray, " copies"]


def find_repeats(
    image: UInt8[np.ndarray, "height width channels"],
    *,
    least_copies: int = 2,
    least_similarity: float = 0.8,
) -> Repeats | None:
    """Returns the element that accounts, with its copies, for most of an image's details.

    An element differs from its surroundings: a piece of a straight stripe, for instance, is none.
    Copies are shifted, not mirrored, turned or scaled. Every copy counts by its energy times its
    similarity above `least_similarity`, so that an element ends where its copies begin to differ.

    Args:
        image: levels 0..255.
        least_copies: least number of copies, at least 2.
        least_similarity: of a copy to the element, in (0, 1).

    Returns:
        The element, whose side is an eighth to a quarter of the image's shorter side; None where
        no element has so many copies.

    Raises:
        UserError: an argument is out of range, or the image is too small for two elements.
    """
    height, width, _ = image.shape
    if least_copies < 2:
        raise UserError(f"least_copies is {least_copies}; expected at least 2")
    if not 0 < least_similarity < 1:
        raise UserError(f"least_similarity is {least_similarity}; expected a number in (0, 1)")
    if min(height, width) < 2 * LEAST_SIZE + 2:
        raise UserError(
            f"image is {width}x{height}; expected at least {2 * LEAST_SIZE + 2} pixels each way"
        )
    side = min(height, width)
    sizes = sorted({max(LEAST_SIZE, round(side * part / 32)) for part in SIZES})
    details = _details(image)
    lags = _lags(details, sizes[0])
    candidates = [
        (score, repeats)
        for size in sizes
        for score, repeats in _repeats_of_size(details, lags, size, least_similarity)
        if len(repeats.corners) >= least_copies
    ]
    return max(candidates, default=(0.0, None), key=lambda scored: scored[0])[1]


def _details(image: UInt8[np.ndarray, "rows columns channels"]) -> Details:
    """Returns the image minus its blurred copy, without the outermost pixels."""
    levels = image / 255.0
    sigma = max(1.0, DETAIL * min(image.shape[:2]))
    return (levels - scipy.ndimage.gaussian_filter(levels, (sigma, sigma, 0)))[1:-1, 1:-1]


def _lags(details: Details, least: int) -> list[tuple[int, int]]:
    """Returns the highest peaks of the autocorrelation, as (rows down, columns to the right).

    Of two opposite lags only one is returned, and no lag at which a patch of `least` pixels
    overlaps itself. Without repetition the sum over n overlapping pixels grows as the root of n,
    so the heights of peaks are divided by that.
    """
    height, width, _ = details.shape
    shape = (2 * height, 2 * width)  # zeros around, so that no lag wraps around the image
    power = np.abs(np.fft.rfft2(details, shape, axes=(0, 1))) ** 2
    products = np.fft.irfft2(power.sum(axis=2), shape)
    rows, columns = np.arange(height - least), np.arange(least - width + 1, width - least)
    overlap = np.outer(height - rows, width - np.abs(columns))
    heights = products[np.ix_(rows, columns % shape[1])] / np.sqrt(overlap)
    is_apart = (rows[:, None] >= least) | (columns[None] >= least)
    is_apart |= (rows[:, None] > 0) & (columns[None] <= -least)
    heights = np.where(is_apart, heights, -np.inf)
    peaks = np.argwhere((heights == scipy.ndimage.maximum_filter(heights, 5)) & (heights > 0))
    order = np.argsort(-heights[tuple(peaks.T)], kind="stable")[:NUM_LAGS]
    return [(int(rows[i]), int(columns[j])) for i, j in peaks[order]]


def _repeats_of_size(
    details: Details, lags: Sequence[tuple[int, int]], size: int, least_similarity: float
) -> Iterator[tuple[float, Repeats]]:
    """Yields the elements of one size with their copies, each after the score that ranks it."""
    energy = patch_energy(details, size)
    pairs = [_best_pair(details, energy, lag, size, least_similarity) for lag in lags]
    examined: list[tuple[int, int]] = []
    for _, row, column in sorted((pair for pair in pairs if pair), reverse=True):
        if any(max(abs(row - r), abs(column - c)) < size // 2 for r, c in examined):
            continue
        if len(examined) == NUM_ELEMENTS:
            return
        examined.append((row, column))
        similarity = _similarity(details, energy, row, column, size)
        corners = _islands(similarity, (row, column), size, least_similarity)
        if corners is not None:
            # Details lack the outermost pixels: their corners are one pixel further in the image.
            places = tuple(corners.T)
            energies = energy[row, column] + energy[places]
            score = np.sum((similarity[places] - least_similarity) * energies)
            yield float(score), Repeats(size, corners + 1, similarity[places])


def _best_pair(
    details: Details, energy: Map, lag: tuple[int, int], size: int, least_similarity: float
) -> tuple[float, int, int] | None:
    """Returns, of the patches that are repeated at a lag, the one with the strongest details.

    Returns:
        sum(a b), and the row and column of the patch; None if no patch is repeated there.
    """
    first, second = _overlap(details.shape[:2], lag)
    if min(details[first].shape[:2]) < size or max(map(abs, lag)) < size:
        return None
    a, b = details[first], details[second]
    products = _box(a * b, size) - _box(a, size) * _box(b, size) / size**2
    products = products.sum(axis=2)
    rows, columns = products.shape
    energies = [
        energy[part[0].start :, part[1].start :][:rows, :columns] for part in (first, second)
    ]
    least_energy = LEAST_CONTRAST**2 * size**2 * details.shape[2]
    is_repeated = 2 * products >= least_similarity * (energies[0] + energies[1])
    is_repeated &= np.minimum(*energies) >= least_energy
    if not is_repeated.any():
        return None
    row, column = np.unravel_index(np.where(is_repeated, products, 0).argmax(), products.shape)
    corner = int(row) + first[0].start, int(column) + first[1].start
    return float(products[row, column]), *corner


def _overlap(
    shape: Sequence[int], lag: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Returns the part of an image that stays inside when moved by a lag, and its new place."""
    ends = [(max(0, -by), min(side, side - by)) for side, by in zip(shape, lag, strict=True)]
    rows, columns = (slice(*end) for end in ends)
    moved = [slice(a + by, b + by) for (a, b), by in zip(ends, lag, strict=True)]
    return (rows, columns), (moved[0], moved[1])


def _similarity(details: Details, energy: Map, row: int, column: int, size: int) -> Map:
    """Returns the similarity of every patch to the patch at a corner."""
    height, width, _ = details.shape
    element = details[row : row + size, column : column + size]
    element = element - element.mean(axis=(0, 1))
    spectra = [np.fft.rfft2(a, (height, width), axes=(0, 1)) for a in (details, element)]
    products = np.fft.irfft2((spectra[0] * spectra[1].conj()).sum(axis=2), (height, width))
    products = products[: height - size + 1, : width - size + 1]
    return 2 * products / (energy + np.sum(element**2))


def _islands(
    similarity: Map, corner: tuple[int, int], size: int, least_similarity: float
) -> Int[np.ndarray, "copies 2"] | None:
    """Returns the corners of all copies: isolated islands of similar places.

    Returns:
        First `corner`, then the others by falling similarity; None if the patch is also similar to
        its surroundings.
    """
    is_similar = similarity >= least_similarity
    labels = np.zeros(similarity.shape, np.int32)
    scipy.ndimage.label(is_similar, np.ones((3, 3)), output=labels)
    island = scipy.ndimage.find_objects(labels)[labels[corner] - 1]
    if max(side.stop - side.start for side in island) > size:
        return None
    peaks = scipy.ndimage.maximum_position(similarity, labels, np.arange(1, labels.max() + 1))
    corners: list[tuple[int, int]] = [corner]
    for peak in sorted(peaks, key=lambda place: -similarity[place]):
        if all(max(abs(peak[0] - r), abs(peak[1] - c)) >= size for r, c in corners):
            corners.append(peak)
    return np.array(corners)


def patch_energy(values: Details, size: int) -> Float[np.ndarray, "rows columns"]:
    """Returns the sum of squares about the mean in every patch, by its upper left corner."""
    return (_box(values**2, size) - _box(values, size) ** 2 / size**2).sum(axis=2)


def _box(values: Details, size: int) -> Float[np.ndarray, "rows columns channels"]:
    """Returns the sums over all patches, by their upper left corners."""
    sums = np.pad(values, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    return sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
