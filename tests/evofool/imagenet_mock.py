"""A classifier with the 1000 classes of ImageNet and next to nothing behind them."""

import dataclasses

from evofool.classifiers.classifier import Classifier
from evofool.classifiers.labels import imagenet_ids, imagenet_labels
from evofool.classifiers.loading import load_classifier

NAME = "tests.evofool.imagenet_mock:make"


def make() -> Classifier:
    mock = load_classifier("mock:1000:16x16x3")
    card = dataclasses.replace(
        mock.card, name="imagenet-mock", labels=imagenet_labels(), ids=imagenet_ids()
    )
    return dataclasses.replace(mock, card=card)
