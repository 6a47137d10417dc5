"""What experiments need from outside: data sets, networks, photographs, and where they are."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evofool.classifiers import Card, shipped_names
from evofool.data import (
    Dataset,
    LabelledImage,
    find_files,
    load_cifar10,
    load_mnist,
    read_labels,
    usual_places,
)
from evofool.support import Setting, UserError
from evofool.training import recipes

LOADERS = {"mnist": load_mnist, "cifar10": load_cifar10}

# what is varied of the article's network is compared with it after a quarter of its epochs
_BRIEF = dataclasses.replace(recipes.RECIPES["article_cnn"].config, epochs=8)
RECIPES: dict[str, dict[str, Setting]] = {
    "lenet-b": {"network": "lenet", "seed": 1},
    "lenet-sigmoid": {"network": "lenet", "activation": "sigmoid"},
    "lenet-shift-scale": {"network": "lenet", "augment": "shift-scale"},
    "seed000-cnn": {"network": "article_cnn"},
    "seed000-cnn-brief": {"network": "article_cnn", "config": _BRIEF},
    "seed000-cnn-shift-scale": {
        "network": "article_cnn",
        "config": _BRIEF,
        "augment": "shift-scale",
    },
    "seed000-cnn-constant": {
        "network": "article_cnn",
        "config": dataclasses.replace(_BRIEF, decay=0.0),
    },
    "mlp": {"network": "mlp"},
    "linear": {"network": "linear"},
    "cifar_cnn": {"network": "cifar_cnn"},
    "cifar_cnn-b": {"network": "cifar_cnn", "seed": 1},
}
"""Networks that are trained when they are first needed: arguments of `train_classifier`."""


class _Photographs(NamedTuple):
    images: Path
    labels: Path


@dataclass(frozen=True, kw_only=True)
class Supplies:
    """Where the outside things are.

    Attributes:
        data: folder of the data sets; looked for in the usual places unless given.
        weights: folder of the ImageNet networks; `imagenet-models` in the usual places if not.
        photographs: folder of images; `imagenet/samples` in the usual places if not.
        labels: their classes, CSV with the columns file and index; `imagenet/samples_index.csv`.
    """

    data: Path | None = None
    weights: Path | None = None
    photographs: Path | None = None
    labels: Path | None = None

    def check(self, domain: str, *, networks: Sequence[str], images: bool) -> None:
        """Makes sure that everything a part of an experiment needs is there.

        Args:
            domain: "mnist", "cifar10" or "imagenet".
            networks: names of those it attacks.
            images: whether it reads the data set or, on ImageNet, labelled photographs.

        Raises:
            UserError: something is missing; says which file, and how to get it.
        """
        if domain in LOADERS:
            if images or any(name in RECIPES for name in networks):
                find_files(domain, self.data)
            return
        for name in networks:
            self.network_file(name)
        if images:
            self._photograph_files()

    def dataset(self, domain: str) -> Dataset:
        """Reads MNIST or CIFAR-10."""
        return LOADERS[domain](self.data)

    def network_folder(self) -> Path:
        """Returns the folder of the ImageNet networks.

        Raises:
            UserError: it is not there.
        """
        for folder in self._candidates(self.weights, "imagenet-models"):
            if folder.is_dir():
                return folder
        raise UserError(
            f"no networks in {self._tried(self.weights, 'imagenet-models')}; give --weights with "
            "the folder of NAME.safetensors and their cards, or put it there"
        )

    def network_file(self, name: str) -> Path:
        """Returns the weights file of an ImageNet network.

        Raises:
            UserError: it is not there.
        """
        path = self.network_folder() / f"{name}.safetensors"
        if not path.is_file():
            raise UserError(
                f"the network {name} is not at {path}; put its weights and card there ('evofool "
                "weights convert' makes them of a state dict), or give another folder by --weights"
            )
        return path

    def labelled(self, card: Card) -> list[LabelledImage]:
        """Returns the labelled photographs.

        Raises:
            UserError: they are not there, or a row of their table cannot be used.
        """
        files = self._photograph_files()
        return read_labels(files.labels, card, images=files.images)

    def _photograph_files(self) -> _Photographs:
        if (self.photographs is None) != (self.labels is None):
            raise UserError("photographs and labels go together; give both, or neither")
        images = next(filter(Path.is_dir, self._candidates(self.photographs, _SAMPLES)), None)
        labels = next(filter(Path.is_file, self._candidates(self.labels, _INDEX)), None)
        if images is None or labels is None:
            raise UserError(
                f"no labelled photographs: {self._tried(self.photographs, _SAMPLES)} and "
                f"{self._tried(self.labels, _INDEX)}; give --photographs with a folder and "
                "--labels with a CSV file of the columns file,index"
            )
        return _Photographs(images, labels)

    def _candidates(self, given: Path | None, usual: str) -> Iterator[Path]:
        if given is not None:
            yield given
            return
        for place in [self.data] if self.data is not None else usual_places():
            yield place / usual

    def _tried(self, given: Path | None, usual: str) -> str:
        return ", ".join(str(path) for path in self._candidates(given, usual))


_SAMPLES, _INDEX = "imagenet/samples", "imagenet/samples_index.csv"


def is_made_here(name: str) -> bool:
    """Whether a network ships with evofool or is trained when needed."""
    return name in RECIPES or name in shipped_names()
