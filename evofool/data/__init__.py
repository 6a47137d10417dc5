"""Data sets and image files: how they are found, fetched and read.

A data set is searched for in the folder given, or else in `$EVOFOOL_DATA` and in the user cache
(`$XDG_CACHE_HOME/evofool`, on Linux `~/.cache/evofool`); its files may be in the folder itself or
in a subfolder named after the data set. A *photograph* is an image file of the user. A *labelled*
image is a file and its class.
"""

from evofool.data.cifar10 import CIFAR10_LABELS, Cifar10Batch, load_cifar10, load_cifar10_tests
from evofool.data.datasets import (
    SOURCES,
    Dataset,
    Source,
    fetch,
    find_data,
    find_files,
    usual_places,
)
from evofool.data.labelled_folders import LabelledImage, read_image_folder, read_labels
from evofool.data.mnist import load_mnist, read_idx
from evofool.data.photographs import PreparedImage, describe_preprocessing, read_photographs

__all__ = [
    "CIFAR10_LABELS",
    "SOURCES",
    "Cifar10Batch",
    "Dataset",
    "LabelledImage",
    "PreparedImage",
    "Source",
    "describe_preprocessing",
    "fetch",
    "find_data",
    "find_files",
    "load_cifar10",
    "load_cifar10_tests",
    "load_mnist",
    "read_idx",
    "read_image_folder",
    "read_labels",
    "read_photographs",
    "usual_places",
]
