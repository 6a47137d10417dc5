"""Which elites to hang on a wall: certain ones, full of colour and contrast, and all different."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from evofool.errors import UserError
from evofool.metrics import HIGH
from evofool.run import Elite, Picture, Run, to_image

SKETCH = 16  # pixels: side of the copies by which pictures are told apart
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


def striking(run: str | Path | Run, *, count: int = 24, least: float = HIGH) -> list[Elite]:
    """Chooses the most striking elites of a run by a rule, without an eye.

    1. Of all independent runs, the elites with a confidence of at least `least`.
    2. Of these the half, or `count` if that is more, with the best sum of two ranks: that of
       colourfulness and that of contrast.
    3. The best of them first; then again and again the one that differs most from the chosen one
       that it is most like: the largest least distance, Euclidean, of the pictures scaled to 16x16.

    Args:
        run: a run directory.
        count: how many.
        least: confidence in [0, 1].

    Returns:
        Elites, in the order in which they were chosen.

    Raises:
        UserError: not a run directory, or fewer than `count` elites are as certain as that.
    """
    run = Run.open(run)
    if count < 1:
        raise UserError(f"count is {count}; expected at least 1 picture")
    every = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    certain = [elite for elite in every if elite.confidence >= least]
    if len(certain) < count:
        raise UserError(
            f"count is {count}, but {len(certain)} of the {len(every)} elites of {run.folder} have "
            f"a confidence of {least:g} or more; ask for fewer, or for less confidence (least)"
        )
    from scipy.stats import rankdata  # takes half a second, which only this is worth

    pictures = list(run.pictures(certain))
    score = rankdata([colourfulness(p) for p in pictures])
    score += rankdata([contrast(p) for p in pictures])
    kept = np.argsort(-score, kind="stable")[: max(count, len(certain) // 2)]
    chosen = most_different(np.stack([_sketch(pictures[i]) for i in kept]), count)
    return [certain[kept[i]] for i in chosen]


def colourfulness(picture: Picture) -> float:
    """Measures how colourful a picture looks to people: 0 is grey, from about 110 on extremely so.

    References:
        Hasler and Süsstrunk, "Measuring colourfulness in natural images", 2003, measure M3.
    """
    if picture.shape[2] == 1:
        return 0.0
    red, green, blue = np.moveaxis(picture.astype(np.float64), 2, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(axis.std() for axis in opponents))
    return float(spread + 0.3 * np.hypot(*(axis.mean() for axis in opponents)))


def contrast(picture: Picture) -> float:
    """Returns the standard deviation of the luma of a picture, in levels (0..127.5)."""
    weights = LUMA if picture.shape[2] == 3 else (1.0,)
    return float((picture @ np.array(weights)).std())


def most_different(points: Float[np.ndarray, "points dimensions"], count: int) -> Sequence[int]:
    """Chooses points that lie far apart: greedily, beginning with the first.

    Returns:
        Indices; every next point is the one whose nearest chosen one is farthest away.

    References:
        Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985.
    """
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count:
        distance[chosen[-1]] = -1.0  # a copy of a chosen point is still a choice, itself is not
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def _sketch(picture: Picture) -> np.ndarray:
    small = to_image(picture).resize((SKETCH, SKETCH), Image.Resampling.BOX)
    return np.asarray(small, np.float64).ravel()
