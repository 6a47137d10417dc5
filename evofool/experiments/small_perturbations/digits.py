"""Small perturbations of digits: a linear classifier's templates, and FGSM beside the published."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, UInt8

from evofool.attacks import fgsm
from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    Claim,
    Findings,
    Row,
    Table,
    at_least,
    captioned_sheet,
    cells,
    near,
    notes,
    section,
)
from evofool.experiments.small_perturbations.perturbing import (
    Classes,
    classes_by_chance,
    draw_curves,
    fgsm_in_parts,
    share_of,
)
from evofool.images import Levels, Section
from evofool.measures import Share

LINEAR = "linear"
NETWORKS = (LINEAR, "mlp", "lenet", "lenet-sigmoid")
STRENGTHS = (3, 6, 9, 12, 16, 20, 25, 31, 38, 51, 63, 76)  # of 255 levels, that values change by
QUARTER = STRENGTHS.index(63)  # the levels that an epsilon of .25 leaves room for
TABULATED = (0, 3, 6, 9, QUARTER)  # places in `STRENGTHS`
SHOWN = 10  # digits of the sheet
EXTREME = 0.01  # share of the weights

ERROR = Claim(  # of a shallow softmax classifier; half its odds are accepted, and no upper bound
    what=f"{LINEAR}: error at epsilon .25", paper="99.9 %", tolerance=at_least(0.998)
)
CONFIDENCE = Claim(
    what=f"{LINEAR}: mean confidence in wrong classes at .25",
    paper="79.3 %",
    tolerance=near(0.793),
)
CLAIMS = (ERROR, CONFIDENCE)


class Fooled(NamedTuple):
    """A network's answers to perturbed test digits."""

    is_wrong: Bool[np.ndarray, "strengths images"]  # after FGSM
    by_chance: Bool[np.ndarray, "strengths images"]  # where signs are drawn at random
    certainty: Float[np.ndarray, " images"]  # after FGSM at .25, in the likeliest class
    error: float  # of the digits as they are, in [0, 1]

    @property
    def share(self) -> Share:
        """Error at epsilon .25."""
        return share_of(self.is_wrong[QUARTER])

    @property
    def confidence(self) -> float:
        """Mean confidence in the wrong classes at epsilon .25."""
        wrong = self.is_wrong[QUARTER]
        return float(self.certainty[wrong].mean()) if wrong.any() else float("nan")


class Measures(NamedTuple):
    """The answers of every network, by its name."""

    fooled: dict[str, Fooled]


def measure(lab: Lab) -> Measures:
    """Attacks test digits, for a linear classifier and deeper ones."""
    images, labels = _load_digits(lab)
    networks = lab.choose(full=NETWORKS, small=(LINEAR, "lenet"))
    return Measures({name: _fool(lab.network(name), images, labels) for name in networks})


def _load_digits(lab: Lab) -> tuple[Levels, Classes]:
    digits, count = lab.dataset(), lab.choose(full=None, small=500)
    return digits.test_images[:count], digits.test_labels[:count].astype(int)


def _fool(network: Classifier, images: Levels, labels: Classes) -> Fooled:
    attacked = list(fgsm_in_parts(network, images, labels, strengths=STRENGTHS))
    return Fooled(
        is_wrong=np.concatenate([result.success for result in attacked], axis=1),
        by_chance=classes_by_chance(network, images, strengths=STRENGTHS) != labels,
        certainty=np.concatenate([result.confidence[QUARTER] for result in attacked]),
        error=float(np.mean(recognize(network, images).classes != labels)),
    )


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks how often digits are mistaken, and with which confidence."""
    fooled = measures.fooled
    curves = {
        "FGSM": {name: answers.is_wrong.mean(axis=1) for name, answers in fooled.items()},
        "signs at random": {
            name: answers.by_chance.mean(axis=1) for name, answers in fooled.items()
        },
    }
    return Findings(
        rows=list(error_rows(fooled)),
        tables=[_tabulate(fooled)],
        images=[
            draw_curves(
                lab,
                "Error over epsilon, by FGSM and by random signs",
                curves,
                strengths=STRENGTHS,
            ),
            captioned_sheet(
                lab,
                "digits.png",
                "Templates, and the first test digits after FGSM",
                _show_digits(lab),
            ),
        ],
        notes=notes("small-perturbations", "mnist"),
    )


def error_rows(fooled: Mapping[str, Fooled]) -> Iterator[Row]:
    """Returns each network's error and confidence; those of the linear one decide."""
    for name, answers in fooled.items():
        error, confidence = [answers.share.share], [answers.confidence]
        n, mistaken = f"{answers.share.n} test digits", f"{answers.share.successes} digits"
        if name == LINEAR:
            yield ERROR.row(error, n=n)
            yield CONFIDENCE.row(confidence, n=mistaken)
        else:
            what = ERROR.what.replace(LINEAR, name), CONFIDENCE.what.replace(LINEAR, name)
            yield Row(what=what[0], ours=error, unit="%", n=n)
            yield Row(what=what[1], ours=confidence, unit="%", n=mistaken)


def _tabulate(fooled: Mapping[str, Fooled]) -> Table:
    rows = []
    for name, answers in fooled.items():
        for signs, wrong in (("FGSM", answers.is_wrong), ("random", answers.by_chance)):
            shares = [cells.share(float(wrong[place].mean())) for place in TABULATED]
            rows.append([name, signs, cells.share(answers.error), *shares])
    epsilons = (f"{STRENGTHS[place] / 255:.3f}" for place in TABULATED)
    return Table(
        title="Error by epsilon, in whole levels",
        header=["network", "signs", "as they are", *epsilons],
        rows=rows,
    )


def templates(network: Classifier) -> UInt8[np.ndarray, "classes height width channels"]:
    """Draws the weights of a linear classifier: grey is 0, white speaks for a class.

    They are the gradients of its outputs, which are the same at every image. Weights beyond all
    but `EXTREME` of them are drawn as those are.
    """
    blank = jnp.zeros(network.card.input_shape)
    weights = jax.jacrev(lambda image: network.apply(network.params, image[None])[0])(blank)
    scaled = np.asarray(weights) / np.quantile(np.abs(weights), 1 - EXTREME)
    return (128 + 127 * np.clip(scaled, -1, 1)).astype(np.uint8)


def _show_digits(lab: Lab) -> Iterator[Section]:
    """Shows the templates, and for two networks what they take digits for after FGSM."""
    linear = lab.network(LINEAR)
    yield section(
        "Templates of the linear classifier: what it adds up for each digit (white), or against it",
        templates(linear),
        [[label] for label in linear.card.labels],
    )
    images, labels = (values[:SHOWN] for values in _load_digits(lab))
    epsilons = (0.1, 0.25)
    for name in (LINEAR, "lenet"):
        attacked = fgsm(lab.network(name), images, labels, epsilon=epsilons)
        for row, epsilon in enumerate(epsilons):
            answers = zip(labels, attacked.label[row], attacked.confidence[row], strict=True)
            yield section(
                f"FGSM for {name}, epsilon {epsilon:g}: the right digit, what the network sees",
                attacked.images[row],
                [[f"{label}: {seen}, {cells.confidence(sure)}"] for label, seen, sure in answers],
            )
