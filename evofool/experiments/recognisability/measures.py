"""Images beside others of which a network is as certain, and the answers of proxies for people."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int

from evofool.classifiers import Classifier, with_views
from evofool.evaluation import extract_features, recognize
from evofool.experiments.bench import Lab, images_of
from evofool.images import Levels
from evofool.measures import TwoGroups, cosine, mann_whitney
from evofool.runs import Run
from evofool.support import UserError

NEAR = 0.25  # nats of log-odds: images of which a network is as certain
CHUNK = 100  # images compared with all examples at a time


class Question(NamedTuple):
    """What is compared; images are levels 0..255."""

    network: Classifier  # that was fooled
    judges: Mapping[str, Classifier]  # the first one's penultimate layer is compared too
    runs: Mapping[str, Run]  # by encoding
    reals: Levels  # shown to the network
    labels: Int[np.ndarray, " reals"]  # classes that people gave them
    examples: Levels  # real images to look for the nearest among
    example_labels: Int[np.ndarray, " examples"]
    kind: Callable[[int], str]  # the class, or group of classes, that counts as the same

    def kinds(self, classes: Int[np.ndarray, " images"]) -> np.ndarray:
        """Returns the kind of every class."""
        return np.array([self.kind(int(index)) for index in classes])

    def spaces(self) -> dict[str, Callable[[Levels], np.ndarray]]:
        """Returns what images are compared by: pixels, and two penultimate layers."""
        name, judge = next(iter(self.judges.items()))
        return {
            "pixels": lambda images: images.reshape(len(images), -1).astype(np.float32),
            f"features of {self.network.card.name}": partial(extract_features, self.network),
            f"features of {name}": partial(extract_features, judge),
        }


class Answers(NamedTuple):
    """What the network and the proxies for people make of images."""

    classes: Int[np.ndarray, " images"]  # evolved for, or the likeliest of a real image
    log_odds: Float[np.ndarray, " images"]  # of the network, in that class
    confirmed: Bool[np.ndarray, "judges images"]  # whether the judge finds it likeliest
    judged: Float[np.ndarray, "judges images"]  # log-odds of the judge, in that class
    nearest: Float[np.ndarray, "spaces images"]  # largest cosine with an example
    is_same: Bool[np.ndarray, "spaces images"]  # whether that example is of the same kind

    def select(self, rows: Int[np.ndarray, " rows"]) -> "Answers":
        """Returns the answers on some of the images."""
        return Answers(*(values[..., rows] for values in self))


class Compared(NamedTuple):
    """Elites of one encoding, and real images of which the network is as certain."""

    elites: Answers  # all of them
    matched: Int[np.ndarray, " pairs"]  # places of the elites that have a partner
    partners: Int[np.ndarray, " pairs"]  # places of their partners among the real images
    reals: Answers  # the partners
    labelled: Bool[np.ndarray, " pairs"]  # whether people's label is what the network sees

    @property
    def pairs(self) -> tuple[Answers, Answers]:
        """The elites that have a partner, and the partners."""
        return self.elites.select(self.matched), self.reals

    def tests(self, field: str) -> list[TwoGroups]:
        """Compares a field of matched elites with that of their partners, row by row."""
        elites, reals = (getattr(answers, field) for answers in self.pairs)
        return [mann_whitney(a, b) for a, b in zip(elites, reals, strict=True)]


class Measures(NamedTuple):
    """The comparisons by encoding, "CPPN" among them; without those that have no pair."""

    compared: dict[str, Compared]


def measure(lab: Lab, prepare: Callable[[Lab], Question]) -> Measures:
    """Asks judges and neighbours about elites and equally certain real images.

    Raises:
        UserError: no CPPN elite has a partner.
    """
    question = prepare(lab)
    compared = dict(_compare(question))
    if "CPPN" not in compared:
        raise UserError(
            f"{question.network.card.name} is as certain of none of {len(question.reals)} real "
            "images as of an elite, so that there is nothing to compare elites with; give more"
        )
    return Measures(compared)


def _compare(question: Question) -> Iterator[tuple[str, Compared]]:
    seen = recognize(question.network, question.reals)
    certainty = seen.log_odds_in(seen.classes)
    spaces = question.spaces().values()
    examples = [features(question.examples) for features in spaces]
    kinds = question.kinds(question.example_labels)

    def ask(images: Levels, classes: np.ndarray, odds: np.ndarray, places: np.ndarray) -> Answers:
        judged = [
            recognize(with_views(judge, images.shape[1:]), images)
            for judge in question.judges.values()
        ]
        neighbours = [
            nearest(features(images), known, places)
            for features, known in zip(spaces, examples, strict=True)
        ]
        return Answers(
            classes=classes,
            log_odds=odds,
            confirmed=np.stack([answer.classes == classes for answer in judged]),
            judged=np.stack([answer.log_odds_in(classes) for answer in judged]),
            nearest=np.stack([alike for _, alike in neighbours]),
            is_same=np.stack([kinds[at] == question.kinds(classes) for at, _ in neighbours]),
        )

    nowhere, is_example = np.full(len(question.reals), -1), question.reals is question.examples
    places = np.arange(len(question.reals)) if is_example else nowhere
    for encoding, run in question.runs.items():
        elites = run.all_elites()
        classes = np.array([elite.class_index for elite in elites])
        odds = np.array([elite.fitness for elite in elites])
        matched, rows = match_certainty(odds, certainty)
        if not len(matched):
            continue
        compared = Compared(
            elites=ask(images_of(run, elites), classes, odds, np.full(len(elites), -1)),
            matched=matched,
            partners=rows,
            reals=ask(question.reals[rows], seen.classes[rows], certainty[rows], places[rows]),
            labelled=seen.classes[rows] == question.labels[rows],
        )
        yield encoding, compared


def match_certainty(
    log_odds: Float[np.ndarray, " images"], others: Float[np.ndarray, " others"]
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Pairs images with others of which a network is as certain; none is taken twice.

    Returns:
        The places of the pairs' halves: as many pairs within `NEAR` as there can be.
    """
    apart = np.abs(log_odds[:, None] - others)
    ours, theirs = scipy.optimize.linear_sum_assignment(np.minimum(apart, NEAR))
    near = apart[ours, theirs] < NEAR
    return ours[near], theirs[near]


def nearest(
    features: Float[np.ndarray, "images features"],
    examples: Float[np.ndarray, "examples features"],
    places: Int[np.ndarray, " images"],
) -> tuple[Int[np.ndarray, " images"], Float[np.ndarray, " images"]]:
    """Finds the example with the largest cosine, after the examples' mean is taken off.

    Args:
        features: of images.
        examples: of examples.
        places: where each image is among the examples itself, which does not count; or -1.

    Returns:
        Which example it is, and the cosine.
    """
    mean = examples.mean(axis=0)
    indices, cosines = [], []
    for start in range(0, len(features), CHUNK):
        alike = cosine(features[start : start + CHUNK] - mean, examples - mean)
        place = places[start : start + CHUNK]
        rows = np.flatnonzero(place >= 0)
        alike[rows, place[rows]] = -np.inf
        indices.append(alike.argmax(axis=1))
        cosines.append(alike.max(axis=1))
    return np.concatenate(indices), np.concatenate(cosines)
