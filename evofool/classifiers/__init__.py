"""Image classifiers behind one interface: a card, parameters, and a pure function of both.

`load_classifier("lenet")` gives the network that ships with the package. A classifier of one's
own is a `Card` and a function, put into a `Classifier`; an architecture of one's own joins with
`register_family`, after which its weights load, are checked and train like the built-in ones.
"""

from evofool.classifiers.alexnet import AlexNet, CaffeNet
from evofool.classifiers.base import (
    Classifier,
    Network,
    Params,
    check_classifier,
    make_network,
    register_family,
)
from evofool.classifiers.card import Card, preprocess
from evofool.classifiers.cifar_cnn import CifarCNN, cifar_cnn_card
from evofool.classifiers.converting import convert_weights
from evofool.classifiers.ensembles import ensemble
from evofool.classifiers.fetching import fetch_weights
from evofool.classifiers.googlenet import GoogLeNet
from evofool.classifiers.imagenet import imagenet_group, imagenet_ids
from evofool.classifiers.lenet import LeNet, lenet_card
from evofool.classifiers.linear import Linear, linear_card
from evofool.classifiers.loading import (
    at_size,
    configure,
    load_classifier,
    load_configured,
    read_classifier,
    shipped_names,
    write_classifier,
)
from evofool.classifiers.mlp import MLP, mlp_card
from evofool.classifiers.mobilenet import MobileNetV1, MobileNetV2
from evofool.classifiers.resnet import ResNet
from evofool.classifiers.seed000_cnn import Seed000CNN, seed000_cnn_card
from evofool.classifiers.squeezenet import VERSIONS, SqueezeNet
from evofool.classifiers.storage import load_weights, save_weights
from evofool.classifiers.views import resize, with_views

register_family("lenet", LeNet)
register_family("cifar_cnn", CifarCNN)
register_family("seed000_cnn", Seed000CNN)
register_family("mlp", MLP)
register_family("linear", Linear)
register_family("caffenet", CaffeNet)
register_family("alexnet", AlexNet)
register_family("googlenet", GoogLeNet)
register_family("resnet18", ResNet)
register_family("resnet50", ResNet)
register_family("mobilenet_v1", MobileNetV1)
register_family("mobilenet_v2", MobileNetV2)
for version in VERSIONS:
    register_family(version, SqueezeNet)

__all__ = [
    "Card",
    "Classifier",
    "Network",
    "Params",
    "at_size",
    "check_classifier",
    "cifar_cnn_card",
    "configure",
    "convert_weights",
    "ensemble",
    "fetch_weights",
    "imagenet_group",
    "imagenet_ids",
    "lenet_card",
    "linear_card",
    "load_classifier",
    "load_configured",
    "load_weights",
    "make_network",
    "mlp_card",
    "preprocess",
    "read_classifier",
    "register_family",
    "resize",
    "save_weights",
    "seed000_cnn_card",
    "shipped_names",
    "with_views",
    "write_classifier",
]
