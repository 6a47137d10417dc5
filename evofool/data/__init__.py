"""Data sets and labelled files: where they lie, how they are read, and how they are fetched.

A data set is looked for in the folder given, in `$EVOFOOL_DATA` and in the user cache
(`$XDG_CACHE_HOME/evofool`, `~/.cache/evofool`); in each, either the folder itself or a subfolder
named after the data set may hold its files. A *photograph* is an image file of the user's.
"""

from evofool.data.cifar10 import CIFAR10_LABELS, load_cifar10
from evofool.data.datasets import (
    SOURCES,
    Dataset,
    Source,
    fetch,
    find_data,
    find_files,
    usual_places,
)
from evofool.data.labelled_folders import Labelled, read_image_folder, read_labels
from evofool.data.mnist import load_mnist, read_idx
from evofool.data.photographs import Prepared, describe_preprocessing, read_photographs

__all__ = [
    "CIFAR10_LABELS",
    "SOURCES",
    "Dataset",
    "Labelled",
    "Prepared",
    "Source",
    "describe_preprocessing",
    "fetch",
    "find_data",
    "find_files",
    "load_cifar10",
    "load_mnist",
    "read_idx",
    "read_image_folder",
    "read_labels",
    "read_photographs",
    "usual_places",
]
