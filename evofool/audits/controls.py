"""Two controls beside every audit: a network that must be fooled, and a classifier that must not.

If the LeNet that ships with evofool is not fooled, the search is broken; if a forest of decision
trees is, the count of fooled classes is. A forest is certain only where all of its trees agree,
which they do on hardly any image that is unlike those it was grown on.
"""

from functools import cache

import numpy as np

from evofool.audits.evidence import CONTROL, Evidence, evolve_run, evolved
from evofool.audits.scikit import scikit
from evofool.audits.workshop import Workshop
from evofool.classifiers import Card, Classifier, confidence, load_classifier
from evofool.evaluation import Check, recognize
from evofool.support import rounded_percent

BAR = 0.99
MOST_FOREST, LEAST_LENET = 0.0, 0.5  # shares of the ten digits
TREES, LEAF, FOREST_SEED = 100, 3, 0  # a leaf of one image is as certain as can be
SIDE = 8  # pixels of scikit-learn's digits


@cache
def forest() -> Classifier:
    """Grows a forest on scikit-learn's 1797 digits of 8x8 pixels, in half a second."""
    digits = scikit("datasets").load_digits()
    grown = scikit("ensemble").RandomForestClassifier(
        TREES, min_samples_leaf=LEAF, random_state=FOREST_SEED
    )
    grown.fit(digits.data, digits.target)

    def apply(params: None, images: np.ndarray) -> np.ndarray:
        del params
        levels = 16 * images.reshape(len(images), -1)  # these digits have 17 levels
        return grown.predict_proba(levels).astype(np.float32)

    card = Card(
        name="random forest",
        input_shape=(SIDE, SIDE, 1),
        outputs=10,
        labels=tuple("0123456789"),
        notes=f"{TREES} trees on scikit-learn's digits",
    )
    return Classifier(card=card, params=None, apply=apply, kind="probabilities")


def evolve_control(
    classifier: Classifier, workshop: Workshop, *, evaluations: int, seed: int
) -> Evidence:
    """Evolves against a control, the way that the audited classifier is evolved against."""
    name = classifier.card.name.replace(" ", "-")
    run = evolve_run(
        classifier,
        "cppn",
        workshop,
        folder=workshop.runs / f"control-{name}",
        evaluations=evaluations,
        runs=1,
        batch=100,
        seed=seed,
        marks=1,
    )
    return evolved(run, CONTROL)


def shipped() -> Classifier:
    """Returns the LeNet that ships with evofool."""
    return load_classifier("lenet")


def fooled_share(classifier: Classifier, evidence: Evidence) -> float:
    """Returns the share of images of which a control is as certain as `BAR`."""
    odds = recognize(classifier, evidence.images).log_odds_in(evidence.aimed)
    return float(np.mean(confidence(odds) >= BAR))


def judge_controls(lenet: float, trees: float) -> list[Check]:
    """Says whether the controls behaved.

    Args:
        lenet: share of the digits of which the LeNet became certain.
        trees: the same of the forest.
    """
    return [
        Check(
            "positive control",
            lenet >= LEAST_LENET,
            f"the shipped LeNet is fooled for {_whole(lenet)} of the digits (expected "
            f"{_whole(LEAST_LENET)} or more)",
        ),
        Check(
            "negative control",
            trees <= MOST_FOREST,
            f"a forest of {TREES} trees is fooled for {_whole(trees)} of the digits (expected "
            "none)",
        ),
    ]


def _whole(share: float) -> str:
    return rounded_percent(share, digits=0)
