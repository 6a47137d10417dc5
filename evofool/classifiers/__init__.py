"""Image classifiers behind one interface: a card, parameters, and a pure function of both.

A *card* says what a network is: family, input shape, preprocessing, labels. A *family* is an
architecture, built from a card; `register_family` adds one of your own, after which its weights
load, are checked and train like the built-in ones. An *output index* counts a network's outputs,
a *class* leaves out those before the card's offset, a *label* is the name of a class. A *view* is
what a network sees of an image. `load_classifier("lenet")` gives the network that is shipped.
"""

from evofool.classifiers.architectures import FAMILIES, convolution, layers
from evofool.classifiers.architectures.article_cnn import seed000_cnn_card
from evofool.classifiers.architectures.cifar_cnn import CIFAR10_LABELS, cifar_cnn_card
from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.architectures.linear import linear_card
from evofool.classifiers.architectures.mlp import mlp_card
from evofool.classifiers.architectures.pixel_blocks import block_side, convolve_blocks
from evofool.classifiers.card import Card, preprocess
from evofool.classifiers.classifier import (
    Classifier,
    Network,
    Params,
    check_classifier,
    make_network,
    register_family,
)
from evofool.classifiers.ensembles import ensemble
from evofool.classifiers.importing.converting import convert_weights
from evofool.classifiers.importing.fetching import fetch_weights
from evofool.classifiers.labels import (
    DOGS,
    check_groups,
    first_name,
    groups_of,
    imagenet_group,
    imagenet_ids,
    label_of,
    resolve_class,
    resolve_classes,
)
from evofool.classifiers.loading import (
    at_size,
    load_classifier,
    read_classifier,
    shipped_names,
    write_classifier,
)
from evofool.classifiers.scores import as_probabilities, confidence, fitness_of, two_best
from evofool.classifiers.storage import load_weights, save_weights
from evofool.classifiers.views import resize, with_views

for _name, _make in FAMILIES.items():
    register_family(_name, _make)

__all__ = [
    "CIFAR10_LABELS",
    "DOGS",
    "Card",
    "Classifier",
    "Network",
    "Params",
    "as_probabilities",
    "at_size",
    "block_side",
    "check_classifier",
    "check_groups",
    "cifar_cnn_card",
    "confidence",
    "convert_weights",
    "convolution",
    "convolve_blocks",
    "ensemble",
    "fetch_weights",
    "first_name",
    "fitness_of",
    "groups_of",
    "imagenet_group",
    "imagenet_ids",
    "label_of",
    "layers",
    "lenet_card",
    "linear_card",
    "load_classifier",
    "load_weights",
    "make_network",
    "mlp_card",
    "preprocess",
    "read_classifier",
    "register_family",
    "resize",
    "resolve_class",
    "resolve_classes",
    "save_weights",
    "seed000_cnn_card",
    "shipped_names",
    "two_best",
    "with_views",
    "write_classifier",
]
