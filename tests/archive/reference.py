"""The archive in slow, obvious Python: one dictionary per run, one child after the other."""

import math
from typing import Any


def insert(elites: dict[int, tuple[float, Any]], batch: list[tuple[Any, list[float]]]) -> int:
    """Offers every child of `batch` (item, fitness per cell) to every cell of one run.

    Changes `elites` (cell -> (fitness, item)) and returns how many values were not finite.
    """
    num_invalid = 0
    for item, fitness in batch:
        for cell, value in enumerate(fitness):
            if not math.isfinite(value):
                num_invalid += 1
            elif cell not in elites or value > elites[cell][0]:
                elites[cell] = (value, item)
    return num_invalid


def select(words: list[int], filled: list[int]) -> list[int]:
    """Maps 32-bit words to filled cells: the word, as a fraction of 2**32, of the list."""
    return [filled[word * len(filled) // 2**32] if filled else 0 for word in words]
