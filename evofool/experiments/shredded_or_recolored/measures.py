"""What a network recognises of digits that were cut to pieces or recoloured."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8

from evofool.classifiers import Classifier, load_classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.images import (
    Levels,
    disordered_table,
    intensity_table,
    non_monotonicity,
    recolor,
    shuffle_pixels,
)
from evofool.training import Examples, recipe_of, train_network

ARTICLE = "seed000-cnn"
COMPARED = ("lenet", "lenet-sigmoid", "mlp", "linear", "lenet-shift-scale")
BRIEF = f"{ARTICLE}-brief"  # after a quarter of the epochs; so are those that differ from it
AUGMENTED = f"{ARTICLE}-shift-scale"
CONSTANT = f"{ARTICLE}-constant"  # the same learning rate in all steps

WINDOW = 7  # pixels, the article's "knife"
INK = 128  # least level of what counts as ink
WHOLE, ROWS, PIXELS = "as they are", "rows shuffled", "pixels shuffled"
BLONDES, INVERTED = "recoloured", "inverted"
RANDOM = (ROWS, PIXELS)  # conditions that a seed decides
CONDITIONS: dict[str, Callable[[Levels, int], Levels]] = {
    WHOLE: lambda images, seed: images,
    ROWS: lambda images, seed: shuffle_pixels(images, window=WINDOW, rows_only=True, seed=seed),
    PIXELS: lambda images, seed: shuffle_pixels(images, window=WINDOW, seed=seed),
    BLONDES: lambda images, seed: recolor(images, intensity_table("blondes")),
    INVERTED: lambda images, seed: recolor(images, intensity_table("invert")),
}
"""By name: what is done to digits. Recolouring is by the article's table."""

Labels = Integer[np.ndarray, " batch"]
Accuracies = dict[str, Float[np.ndarray, " figures"]]
"""Accuracies in [0, 1] by condition: a figure for each seed, or for each window."""


class Digits(NamedTuple):
    """Labelled images (levels 0..255)."""

    images: Levels
    labels: Labels

    def thin(self, step: int) -> "Digits":
        """Returns every `step`-th digit: the first half of MNIST's test digits is the easier."""
        return Digits(self.images[::step], self.labels[::step])


class ByTable(NamedTuple):
    """Digits recoloured by tables of levels, a value for each table."""

    accuracy: Float[np.ndarray, " tables"]  # in [0, 1]
    commonest: Float[np.ndarray, " tables"]  # share taken for the digit seen most often
    non_monotonicity: Float[np.ndarray, " tables"]  # see `evofool.images.recoloring`
    contrast: Float[np.ndarray, " tables"]  # mean level of ink less that of the background


class Measures(NamedTuple):
    """What networks recognise, and the article's network in more detail."""

    accuracy: dict[str, Accuracies]  # of every network
    another_epoch: float  # accuracy of the article's network after one more
    counts: Int[np.ndarray, "10"]  # of recoloured digits, by what they are taken for
    sides: Int[np.ndarray, " sides"]  # of windows, in pixels
    by_side: dict[str, Accuracies]  # of the article's network and of LeNet
    shredded: int  # digits in windows of these sides
    random: ByTable  # under random tables
    graded: ByTable  # under tables of growing disorder
    recolored: int  # digits under these tables


def load_networks(lab: Lab) -> dict[str, Classifier]:
    """Returns the networks compared, the article's first."""
    others = lab.choose(full=(BRIEF, AUGMENTED, CONSTANT, *COMPARED), small=COMPARED[:1])
    return {name: lab.network(name) for name in (ARTICLE, *others)}


def load_digits(lab: Lab) -> Digits:
    """Returns the test digits; at small scale every twentieth."""
    dataset = lab.dataset()
    return Digits(dataset.test_images, dataset.test_labels).thin(lab.choose(full=1, small=20))


def measure(lab: Lab) -> Measures:
    """Shows test digits to the article's network, to others, and to two that saw shifted digits."""
    networks, digits = load_networks(lab), load_digits(lab)
    article = networks[ARTICLE]
    shredded = digits.thin(len(digits.images) // lab.choose(full=2000, small=250))
    recolored = shredded.thin(2)
    sides = lab.choose(full=[*range(1, 29)], small=[1, 7, 28])
    seeds = range(lab.choose(full=200, small=5))
    disorders = np.geomspace(0.005, 2.0, lab.choose(full=100, small=5)).tolist()
    graded = (disordered_table(disorder, seed=at) for at, disorder in enumerate(disorders))
    blondes = recognize(article, CONDITIONS[BLONDES](digits.images, 0))
    return Measures(
        accuracy={name: accuracies(it, digits, seeds=lab.seeds) for name, it in networks.items()},
        another_epoch=accuracy(_train_another_epoch(lab, article, digits), digits),
        counts=np.bincount(blondes.classes, minlength=10),
        sides=np.array(sides),
        by_side={
            name: accuracy_by_side(networks[name], shredded, sides) for name in (ARTICLE, "lenet")
        },
        shredded=len(shredded.images),
        random=by_table(article, recolored, (intensity_table("random", seed=s) for s in seeds)),
        graded=by_table(article, recolored, graded),
        recolored=len(recolored.images),
    )


def accuracy(network: Classifier, digits: Digits) -> float:
    """Returns the share of the digits that are recognised."""
    return float(np.mean(recognize(network, digits.images).classes == digits.labels))


def accuracies(network: Classifier, digits: Digits, *, seeds: int) -> Accuracies:
    """Returns a network's accuracy under each of `CONDITIONS`: one per seed where it has one."""
    return {
        name: _accuracy_after(network, digits, apply, range(seeds if name in RANDOM else 1))
        for name, apply in CONDITIONS.items()
    }


def accuracy_by_side(network: Classifier, digits: Digits, sides: Sequence[int]) -> Accuracies:
    """Returns the accuracy for windows of every side, with rows and with all pixels shuffled."""
    rows, pixels = (partial(_shuffle, rows_only=rows_only) for rows_only in (True, False))
    return {
        ROWS: _accuracy_after(network, digits, rows, sides),
        PIXELS: _accuracy_after(network, digits, pixels, sides),
    }


def _shuffle(images: Levels, side: int, *, rows_only: bool) -> Levels:
    return shuffle_pixels(images, window=side, rows_only=rows_only)


def _accuracy_after(
    network: Classifier,
    digits: Digits,
    change: Callable[[Levels, int], Levels],
    settings: Sequence[int],
) -> Float[np.ndarray, " settings"]:
    changed = (digits._replace(images=change(digits.images, setting)) for setting in settings)
    return np.array([accuracy(network, each) for each in changed])


def by_table(
    network: Classifier, digits: Digits, tables: Iterable[UInt8[np.ndarray, "256"]]
) -> ByTable:
    """Recolours digits by every table."""
    frequency = np.bincount(digits.images.ravel(), minlength=256).astype(float)
    ink = np.where(np.arange(256) >= INK, frequency, 0.0)
    rows = []
    for table in tables:
        classes = recognize(network, recolor(digits.images, table)).classes
        rows.append(
            (
                np.mean(classes == digits.labels),
                np.bincount(classes).max() / len(classes),
                non_monotonicity(table),
                np.average(table, weights=ink) - np.average(table, weights=frequency - ink),
            )
        )
    return ByTable(*np.array(rows).T)


def _train_another_epoch(lab: Lab, network: Classifier, test: Digits) -> Classifier:
    """Trains for one more epoch, at the learning rates that the schedule has for a 33rd."""
    config, dataset = recipe_of(ARTICLE).config, lab.dataset()
    assert config.decay is not None
    steps = config.epochs * -(-len(dataset.train_labels) // config.batch_size)
    slower = 1 + config.decay * steps  # lr / (1 + d (t + T)) = (lr / s) / (1 + d / s t)
    config = dataclasses.replace(
        config, epochs=1, learning_rate=config.learning_rate / slower, decay=config.decay / slower
    )
    labels = dataset.train_labels[: lab.choose(full=None, small=1000)]
    weights = np.ones(len(labels), np.float32)
    examples = Examples(dataset.train_images[: len(labels)], labels, weights)

    def make(path: Path) -> Classifier:
        return train_network(
            path,
            network.card,
            examples,
            test=test,
            config=config,
            seed=33,
            start=network.params,
            notes=f"{network.card.name} and another epoch, at the learning rates of a 33rd",
        )

    name = f"{ARTICLE}-epoch33"
    return load_classifier(name, weights=lab.train(name, make))
