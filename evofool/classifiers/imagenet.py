"""The 1000 classes of the ImageNet challenge (ILSVRC 2012): names, WordNet ids, a coarse grouping.

Index i is the i-th of the sorted WordNet ids, the order in which all common classifiers have them.
"""

from functools import cache
from pathlib import Path

CLASSES = 1000
DOGS, CATS = range(151, 269), range(281, 286)  # the breeds; wild relatives follow each range

# first class of every stretch of one group; made by looking at the names
_STARTS = (
    (0, "fish"),
    (7, "birds"),
    (25, "amphibians"),
    (33, "reptiles"),
    (69, "arachnids and kin"),
    (80, "birds"),
    (101, "other mammals"),
    (107, "marine invertebrates"),
    (127, "birds"),
    (147, "other mammals"),
    (151, "dogs"),
    (269, "wild canines and hyenas"),
    (281, "cats"),
    (286, "big cats"),
    (294, "other mammals"),
    (300, "insects"),
    (327, "marine invertebrates"),
    (330, "other mammals"),
    (339, "hoofed mammals"),
    (356, "other mammals"),
    (365, "primates"),
    (385, "other mammals"),
    (389, "fish"),
    (398, "objects and structures"),
    (924, "food"),
    (970, "landscapes"),
    (981, "people"),
    (984, "plants and fungi"),
    (999, "objects and structures"),
)


@cache
def imagenet_ids() -> tuple[str, ...]:
    """Returns the WordNet id of every class."""
    return tuple(line.split(" ", 1)[0] for line in _lines())


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Returns the names of every class, separated by commas."""
    return tuple(line.split(" ", 1)[1] for line in _lines())


def imagenet_group(index: int) -> str:
    """Returns the group of a class, for instance "dogs".

    Args:
        index: of the class, 0..999.
    """
    return next(group for start, group in reversed(_STARTS) if start <= index)


@cache
def _lines() -> tuple[str, ...]:
    text = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
