"""Small perturbations of digits: a linear classifier's templates, and FGSM beside the published."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, UInt8

from evofool.analysis import Share, proportion_interval
from evofool.attacks import fgsm
from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.experiments.small_perturbations.perturbing import (
    Classes,
    Levels,
    classes_by_chance,
    classes_by_fgsm,
    draw_curves,
    parts,
)
from evofool.images import Section, draw_sheet, save_image, thumbnail

LINEAR = "linear"
NETWORKS = (LINEAR, "mlp", "lenet", "lenet-sigmoid")
STRENGTHS = (3, 6, 9, 12, 16, 20, 25, 31, 38, 51, 63, 76)  # of 255 levels, that values change by
QUARTER = 63  # levels that an epsilon of .25 leaves room for
PUBLISHED = 0.999, 0.793  # error of a shallow softmax classifier, and its mean confidence
SHOWN = 10  # digits of the sheet
EXTREME = 0.01  # share of the weights


class Fooled(NamedTuple):
    """What a network makes of perturbed test digits.

    Attributes:
        is_wrong: whether it takes them for another class after FGSM.
        by_chance: the same where signs are drawn at random.
        certainty: confidence in the likeliest class, after FGSM at epsilon .25.
        error: share that it gets wrong as they are, in [0, 1].
    """

    is_wrong: Bool[np.ndarray, "strengths images"]
    by_chance: Bool[np.ndarray, "strengths images"]
    certainty: Float[np.ndarray, " images"]
    error: Float[np.ndarray, ""]

    @property
    def share(self) -> Share:
        """Error at epsilon .25."""
        wrong = self.is_wrong[STRENGTHS.index(QUARTER)]
        return proportion_interval(int(wrong.sum()), len(wrong))

    @property
    def confidence(self) -> float:
        """Mean confidence in the wrong classes at epsilon .25."""
        wrong = self.is_wrong[STRENGTHS.index(QUARTER)]
        return float(self.certainty[wrong].mean()) if wrong.any() else float("nan")


def mnist(lab: Lab) -> Findings:
    """Test digits, for a linear classifier and deeper ones."""
    digits, count = lab.dataset(), lab.choose(full=None, small=500)
    images, labels = digits.test_images[:count], digits.test_labels[:count].astype(int)
    networks = {
        name: lab.network(name) for name in lab.choose(full=NETWORKS, small=(LINEAR, "lenet"))
    }
    fooled = {}
    for name, network in networks.items():
        kept = lab.arrays(
            f"fgsm-{name}",
            lambda network=network: _fool(network, images, labels)._asdict(),
            key=[network.card.sha256, len(images), STRENGTHS],
        )
        fooled[name] = Fooled(**kept)
    draw_curves(
        lab.folder / "curves.png",
        {
            "FGSM": {name: one.is_wrong.mean(axis=1) for name, one in fooled.items()},
            "signs at random": {name: one.by_chance.mean(axis=1) for name, one in fooled.items()},
        },
        strengths=STRENGTHS,
    )
    sections = [_templates(networks[LINEAR])]
    for name in (LINEAR, "lenet"):
        sections += _changed(name, networks[name], images[:SHOWN], labels[:SHOWN])
    save_image(draw_sheet(sections), lab.folder / "digits.png")
    return _findings(fooled, len(images))


def _fool(network: Classifier, images: Levels, labels: Classes) -> Fooled:
    certainty = [
        fgsm(network, images[rows], labels[rows], epsilon=(QUARTER + 0.5) / 255).confidence
        for rows in parts(len(images))
    ]
    return Fooled(
        is_wrong=classes_by_fgsm(network, images, labels, strengths=STRENGTHS) != labels,
        by_chance=classes_by_chance(network, images, strengths=STRENGTHS) != labels,
        certainty=np.concatenate(certainty),
        error=np.mean(recognize(network, images).classes != labels),
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


def _templates(network: Classifier) -> Section:
    heading = (
        "Templates of the linear classifier: what it adds up for each digit (white), or against it"
    )
    shown = [thumbnail(image) for image in templates(network)]
    return Section(heading, shown, [[label] for label in network.card.labels])


def _changed(name: str, network: Classifier, images: Levels, labels: Classes) -> list[Section]:
    """Shows digits after FGSM, and what the network takes them for."""
    found = fgsm(network, images, labels, epsilon=[0.1, 0.25])
    return [
        Section(
            f"FGSM for {name}, epsilon {epsilon:g}: the right digit, what the network sees",
            [thumbnail(image) for image in levels],
            [
                [f"{label}: {seen}, {sure:.1%}"]
                for label, seen, sure in zip(labels, classes, certainty, strict=True)
            ],
        )
        for epsilon, levels, classes, certainty in zip(
            (0.1, 0.25), found.images, found.label, found.confidence, strict=True
        )
    ]


def _findings(fooled: Mapping[str, Fooled], count: int) -> Findings:
    n = f"{count} test digits"
    rows: list[Row] = []
    for name, one in fooled.items():
        error, certainty = (f"{value:.1%}" if name == LINEAR else "" for value in PUBLISHED)
        rows += [
            Row(
                what=f"{name}: error at epsilon .25",
                paper=error,
                ours=[one.share.share],
                unit="%",
                n=n,
            ),
            Row(
                what=f"{name}: mean confidence in wrong classes at .25",
                paper=certainty,
                ours=[one.confidence],
                unit="%",
                n=f"{one.share.successes} digits",
            ),
        ]
    linear = fooled[LINEAR].share
    return Findings(
        rows=rows,
        tables=[_table(fooled)],
        images=[
            Figure(file="curves.png", caption="Error over epsilon, by FGSM and by random signs"),
            Figure(file="digits.png", caption="Templates, and the first test digits after FGSM"),
        ],
        notes=[
            "Goodfellow et al. give 99.9 % error for a shallow softmax classifier (and 89.4 % for "
            "a maxout network, which is not tried here). Changes are whole levels: an epsilon of "
            ".25 is 63 of 255. Right answers that stay are counted in none of the confidences.",
            "Signs at random show what the size of a change does by itself.",
        ],
        verdict=Verdict(
            outcome="reproduced" if linear.high >= PUBLISHED[0] - 0.01 else "differs",
            because=f"the linear classifier gets {linear} wrong at epsilon .25, with a mean "
            f"confidence of {fooled[LINEAR].confidence:.1%}",
        ),
    )


def _table(fooled: Mapping[str, Fooled]) -> Table:
    chosen: Sequence[int] = [0, 3, 6, 9, 10]

    def texts(wrong: Bool[np.ndarray, "strengths images"]) -> list[str]:
        return [f"{wrong[place].mean():.1%}" for place in chosen]

    rows = []
    for name, one in fooled.items():
        clean = f"{float(one.error):.2%}"
        rows.append([name, "FGSM", clean, *texts(one.is_wrong)])
        rows.append([name, "random", clean, *texts(one.by_chance)])
    epsilons = [f"{STRENGTHS[place] / 255:.3f}" for place in chosen]
    return Table(
        title="Error by epsilon, in whole levels",
        header=["network", "signs", "as they are", *epsilons],
        rows=rows,
    )
