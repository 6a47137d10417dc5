"""Image classifiers behind one interface: a card, parameters, and a pure function of both.

`load_classifier("lenet")` gives the network that ships with the package. A classifier of one's
own is a `Card` and a function, put into a `Classifier`; an architecture of one's own joins with
`register_family`, after which its weights load, are checked and train like the built-in ones.
"""

from evofool.classifiers.base import (
    Classifier,
    Network,
    check_classifier,
    make_network,
    register_family,
)
from evofool.classifiers.card import Card, preprocess
from evofool.classifiers.lenet import LeNet, lenet_card
from evofool.classifiers.loading import (
    load_classifier,
    read_classifier,
    shipped_names,
    write_classifier,
)
from evofool.classifiers.storage import load_weights, save_weights

register_family("lenet", LeNet)

__all__ = [
    "Card",
    "Classifier",
    "Network",
    "check_classifier",
    "lenet_card",
    "load_classifier",
    "load_weights",
    "make_network",
    "preprocess",
    "read_classifier",
    "register_family",
    "save_weights",
    "shipped_names",
    "write_classifier",
]
