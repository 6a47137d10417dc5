"""A MAP-Elites archive over any pytree, in which every child competes for every cell.

Words, as the field uses them:

* **cell**: one slot of the archive. Here a cell is whatever index the second axis of the
  fitness table has; evofool gives it the meaning "output of a classifier".
* **elite**: the occupant of a cell, the fittest item ever offered to it.
* **fitness**: what a cell maximises, one number per item and cell; `-inf` marks an empty cell.
* **coverage**: share of cells that are filled, in [0, 1].
* **QD score**: sum over the filled cells of fitness minus an offset.

An archive's arrays lead with the axes `[runs, cells]`: independent runs live side by side and
never mix. A single run has `runs = 1`.

References:
    Mouret and Clune, "Illuminating search spaces by mapping elites", 2015,
    https://arxiv.org/abs/1504.04909
    Nguyen, Yosinski and Clune, "Deep neural networks are easily fooled", CVPR 2015,
    https://arxiv.org/abs/1412.1897 (every child is offered to every class)
"""

from archive.elites import NOBODY, Archive, InsertInfo, empty, insert, select
from archive.metrics import count_at_least, coverage, qd_score

__all__ = [
    "NOBODY",
    "Archive",
    "InsertInfo",
    "count_at_least",
    "coverage",
    "empty",
    "insert",
    "qd_score",
    "select",
]
