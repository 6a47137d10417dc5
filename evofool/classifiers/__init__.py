"""Image classifiers behind one interface: a card, parameters, and a pure function of both.

A *card* describes a network: family, input shape, preprocessing, labels. A *family* is an
architecture that is built from a card; `register_family` adds another, whose weights then load, are
checked and are trained like the built-in ones. An *output index* counts a network's outputs; a
*class* index leaves out the outputs before the card's offset; a *label* is the name of a class. A
*view* is the part of an image that becomes the input. `load_classifier("lenet")` loads the network
that comes with the package.
"""

from evofool.classifiers.addresses.in_memory import (
    from_function,
    from_keras,
    from_onnx,
    from_torch,
)
from evofool.classifiers.addresses.options import Described, usual_cards
from evofool.classifiers.architectures import FAMILIES, convolution, pooled_convolution
from evofool.classifiers.architectures.article_cnn import article_cnn_card
from evofool.classifiers.architectures.cifar_cnn import CIFAR10_LABELS, cifar_cnn_card
from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.architectures.linear import linear_card
from evofool.classifiers.architectures.mlp import mlp_card
from evofool.classifiers.architectures.pixel_blocks import block_side, convolve_blocks
from evofool.classifiers.blaming import ClassifierError, blaming
from evofool.classifiers.card import Card, ImageBatch, preprocess
from evofool.classifiers.classifier import (
    Apply,
    Classifier,
    Network,
    Params,
    check_classifier,
    make_network,
    register_family,
)
from evofool.classifiers.ensembles import ensemble
from evofool.classifiers.identity import (
    CERTAIN,
    Fingerprint,
    answers_otherwise,
    differences,
    distance_of_faces,
    fingerprint,
    has_hash,
    is_own,
    resolution,
)
from evofool.classifiers.importing.converting import convert_weights
from evofool.classifiers.importing.fetching import fetch_weights
from evofool.classifiers.labels import (
    DOGS,
    INDEX,
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
from evofool.classifiers.names import current_name
from evofool.classifiers.own_code import run_code
from evofool.classifiers.scores import (
    ABSENT,
    accuracy_of,
    as_probabilities,
    check_outputs,
    compiled_fitness_of,
    confidence,
    fitness_of,
    two_best,
)
from evofool.classifiers.storage import load_weights, save_weights
from evofool.classifiers.views import resize, with_views

for _name, _make in FAMILIES.items():
    register_family(_name, _make)

__all__ = [
    "ABSENT",
    "CERTAIN",
    "CIFAR10_LABELS",
    "DOGS",
    "INDEX",
    "Apply",
    "Card",
    "Classifier",
    "ClassifierError",
    "Described",
    "Fingerprint",
    "ImageBatch",
    "Network",
    "Params",
    "accuracy_of",
    "answers_otherwise",
    "article_cnn_card",
    "as_probabilities",
    "at_size",
    "blaming",
    "block_side",
    "check_classifier",
    "check_groups",
    "check_outputs",
    "cifar_cnn_card",
    "compiled_fitness_of",
    "confidence",
    "convert_weights",
    "convolution",
    "convolve_blocks",
    "current_name",
    "differences",
    "distance_of_faces",
    "ensemble",
    "fetch_weights",
    "fingerprint",
    "first_name",
    "fitness_of",
    "from_function",
    "from_keras",
    "from_onnx",
    "from_torch",
    "groups_of",
    "has_hash",
    "imagenet_group",
    "imagenet_ids",
    "is_own",
    "label_of",
    "lenet_card",
    "linear_card",
    "load_classifier",
    "load_weights",
    "make_network",
    "mlp_card",
    "pooled_convolution",
    "preprocess",
    "read_classifier",
    "register_family",
    "resize",
    "resolution",
    "resolve_class",
    "resolve_classes",
    "run_code",
    "save_weights",
    "shipped_names",
    "two_best",
    "usual_cards",
    "with_views",
    "write_classifier",
]
