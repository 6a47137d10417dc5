"""Data sets: where they lie, how they are read, and how they are fetched.

A data set is looked for in the folder given, in `$EVOFOOL_DATA` and in the user cache
(`$XDG_CACHE_HOME/evofool`, `~/.cache/evofool`); in each, either the folder itself or a subfolder
named after the data set may hold its files.
"""

from evofool.data.cifar10 import CIFAR10_LABELS, load_cifar10
from evofool.data.dataset import Dataset
from evofool.data.downloading import download
from evofool.data.mnist import load_mnist, read_idx
from evofool.data.places import SOURCES, Source, fetch, find_data, find_files, usual_places

__all__ = [
    "CIFAR10_LABELS",
    "SOURCES",
    "Dataset",
    "Source",
    "download",
    "fetch",
    "find_data",
    "find_files",
    "load_cifar10",
    "load_mnist",
    "read_idx",
    "usual_places",
]
