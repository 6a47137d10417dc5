"""Training: classifiers from data, hardened ones, and a class for fooling images.

A *recipe* is how one of evofool's own networks is trained. An *epoch* is one pass over the
training images.
"""

from evofool.training import recipes
from evofool.training.augmentation import flip_and_shift
from evofool.training.fooling_class import (
    ALL,
    FOOLING,
    HEAD,
    AccuracyChange,
    ImageLevels,
    add_fooling_class,
    fine_tune,
    measure_change,
    outputs_of,
    with_class,
)
from evofool.training.loop import Augment, Batch, Examples, TrainConfig, cross_entropy, train
from evofool.training.recipes import EPSILONS, RECIPES, recipe_of, train_classifier, train_network

__all__ = [
    "ALL",
    "EPSILONS",
    "FOOLING",
    "HEAD",
    "RECIPES",
    "AccuracyChange",
    "Augment",
    "Batch",
    "Examples",
    "ImageLevels",
    "TrainConfig",
    "add_fooling_class",
    "cross_entropy",
    "fine_tune",
    "flip_and_shift",
    "measure_change",
    "outputs_of",
    "recipe_of",
    "recipes",
    "train",
    "train_classifier",
    "train_network",
    "with_class",
]
