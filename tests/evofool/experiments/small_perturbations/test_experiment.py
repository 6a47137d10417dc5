from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from evofool import Card, Classifier
from evofool.classifiers.views import with_views
from evofool.data.datasets import Dataset
from evofool.evaluation.recognition import recognize
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.report import Findings, judge
from evofool.experiments.small_perturbations.digits import (
    QUARTER,
    STRENGTHS,
    Fooled,
    error_rows,
    templates,
)
from evofool.experiments.small_perturbations.experiment import EXPERIMENT
from evofool.experiments.small_perturbations.gibbon import (
    DIFFERENCES,
    FGSM,
    GIBBON,
    PANDA,
    Way,
    way_rows,
)
from evofool.experiments.small_perturbations.perturbing import LEVELS
from evofool.experiments.small_perturbations.photographs import NETWORK, NETWORKS
from evofool.support.errors import UserError

SHAPE = (8, 8, 3)


def linear(classes: int) -> Classifier:
    labels = tuple(f"class {index}" for index in range(classes))
    card = Card(name="toy", input_shape=SHAPE, outputs=classes, labels=labels)
    weights = np.random.default_rng(0).normal(size=(np.prod(SHAPE), classes))
    return Classifier(
        card=card,
        params=jnp.asarray(weights, jnp.float32),
        apply=lambda weights, images: (images - 0.5).reshape(len(images), -1) @ weights,
    )


def noise(count: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *shape)).astype(np.uint8)


class Objects(Lab):
    """Images of noise that a linear classifier recognises, all but every fifth."""

    def network(self, name: str) -> Classifier:
        return linear(10)

    def dataset(self) -> Dataset:
        images = noise(60)
        labels = recognize(linear(10), images).classes
        labels[::5] = (labels[::5] + 1) % 10
        labels = labels.astype(np.uint8)
        return Dataset(images, labels, images, labels, is_lossy=True)


class Photographs(Lab):
    """Noise as a linear classifier sees it, at four sizes; at the first, one is of a panda."""

    def network(self, name: str) -> Classifier:
        side = 8 + 2 * NETWORKS.index(name)
        return with_views(linear(1000), (side, side, 3))

    def photographs(self, classifier: Classifier) -> tuple[np.ndarray, np.ndarray]:
        images = noise(60, classifier.card.input_shape)
        if classifier.card.input_shape == SHAPE:
            lead = np.asarray(classifier.params)[:, PANDA].reshape(SHAPE)
            images[7] = np.clip(128 + 40 * lead, 0, 255)
        return images, recognize(classifier, images).classes


def lab_of(kind: type[Lab], domain: str, folder: Path) -> Lab:
    lab = kind(
        experiment="small-perturbations",
        domain=domain,
        scale="full",
        seeds=1,
        out=folder,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    return lab


def run_part(lab: Lab) -> Findings:
    return EXPERIMENT.parts[lab.domain].run(lab)


@pytest.mark.slow
def test_recognised_images_are_attacked_by_finite_differences_and_by_the_gradient(
    tmp_path: Path,
):
    lab = lab_of(Objects, "cifar10", tmp_path)
    findings = run_part(lab)
    assert findings.verdict.outcome == "reproduced", "a linear classifier is soon fooled"
    shares = {row.what: row.ours[0] for row in findings.rows}
    assert shares["lost at epsilon 0.05, finite differences, r = 0.01"] > 0.9
    assert shares["lost at epsilon 0.05, FGSM"] > 0.9
    assert shares["lost at epsilon 0.05, with the sign as written, r = 0.01"] == 0
    assert shares["lost at epsilon 0.05, signs at random"] < 0.5
    assert {row.n for row in findings.rows if "cats" not in row.what} == {
        "48 recognised test images"
    }
    success, steps = findings.tables
    counts = {str(row[1]): row[2] for row in success.rows}
    assert set(counts.values()) == {48}
    assert [row[1] for row in steps.rows[:-1]] == ["100 %"] * 4, "whatever r, the weights' signs"
    assert "80.0 %" in findings.notes[0]
    assert "lossy" in findings.notes[0]
    for image in findings.images:
        assert (lab.folder / image.file).stat().st_size < 500_000


@pytest.mark.slow
def test_photographs_are_attacked_and_shown_to_other_networks(tmp_path: Path):
    lab = lab_of(Photographs, "imagenet", tmp_path)
    findings = run_part(lab)
    assert findings.rows[0].what.startswith(f"class {PANDA} to gibbon, FGSM")
    assert not findings.rows[2].tolerance, "finite differences are not published"
    success, travel = findings.tables
    counts = {row[0]: row[1] for row in success.rows}
    assert counts["finite differences"] == 20
    assert counts["FGSM"] == 60
    assert [row[0] for row in travel.rows] == [
        *(f"FGSM for {name}" for name in NETWORKS),
        f"one change for {NETWORK}",
        "its values in disorder",
        "signs at random",
    ]
    lost = [[float(str(cell).split("%")[0]) for cell in row[1:]] for row in travel.rows]
    assert min(lost[place][place] for place in range(4)) > 2 * lost[-1][0], "more than by chance"
    assert "of 30)" in str(travel.rows[4][1]), "those that the change was not made with"
    assert "193 forward passes" in findings.notes[0]
    assert f"{NETWORKS[2]} 60" in findings.notes[0], "each network's own"
    assert str(travel.rows[4][1]) in "".join(findings.notes)
    for image in findings.images:
        assert (lab.folder / image.file).stat().st_size < 500_000


class Mislabelled(Photographs):
    """Photographs of which none is what its label says."""

    def photographs(self, classifier: Classifier) -> tuple[np.ndarray, np.ndarray]:
        images, labels = super().photographs(classifier)
        return images, (labels + 1) % 1000


def test_photographs_that_are_not_recognised_are_said_to_be(tmp_path: Path):
    with pytest.raises(UserError, match=r"recognises none of 60 labelled photographs.*--labels"):
        run_part(lab_of(Mislabelled, "imagenet", tmp_path))


def way(*classes: int, sure: float = 0.5, attack: str = FGSM) -> Way:
    """A way on which photographs are taken for classes, and for the last one from there on."""
    seen = np.array([*classes, *[classes[-1]] * (len(LEVELS) - len(classes))])
    return Way(attack, np.zeros(SHAPE, np.int8), seen, np.full(len(LEVELS), sure))


@pytest.mark.parametrize(
    ("taken", "outcome", "levels"),
    [
        (way(GIBBON, sure=0.99), "reproduced", [1]),
        (way(GIBBON, sure=0.5), "in part", [1]),
        (way(PANDA, GIBBON, sure=0.5), "differs", [2]),
        (way(PANDA, 3), "differs", []),
    ],
    ids=["sure", "unsure", "late", "never"],
)
def test_the_gibbon_has_to_arrive_within_the_published_level_and_be_sure(taken, outcome, levels):
    rows = list(way_rows([taken, way(GIBBON, sure=0.99, attack=DIFFERENCES)], "panda"))
    assert judge(rows).outcome == outcome, "finite differences decide nothing"
    assert taken.arrives == levels
    assert [row.ours for row in rows] == [[taken.at_least], levels, [0.99], [1]]


def test_a_way_says_when_it_arrives_once():
    assert str(way(GIBBON)) == "by 1 level of 255 with FGSM (50.0 % gibbon)"
    assert str(way(PANDA, GIBBON)) == "by 2 levels of 255 with FGSM (50.0 % gibbon at 1)"
    assert str(way(PANDA)) == "never with FGSM (50.0 % gibbon at 1)"


def test_templates_are_the_weights_around_grey():
    drawn, weights = templates(linear(10)), np.asarray(linear(10).params).T
    weights = weights.reshape(drawn.shape)
    assert drawn[weights > 3].min() == 255, "extremes are cut off"
    assert drawn[weights < -3].max() == 1
    common = np.abs(weights) < 2
    assert np.corrcoef(drawn[common], weights[common])[0, 1] > 0.999


def fooled(wrong: int, confidence: float) -> Fooled:
    """A thousand digits, so many of which are taken for another one."""
    is_wrong = np.zeros((len(STRENGTHS), 1000), bool)
    is_wrong[QUARTER, :wrong] = True
    certainty = np.where(is_wrong[QUARTER], confidence, 0.2)
    return Fooled(is_wrong, ~is_wrong, certainty, 0.25)


def test_confidence_is_that_in_wrong_answers():
    answers = fooled(400, 0.8)
    assert (answers.share.successes, answers.share.n) == (400, 1000)
    assert answers.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("wrong", "confidence", "outcome"),
    [
        (1000, 0.8, "reproduced"),
        (998, 0.86, "reproduced"),
        (990, 0.8, "in part"),
        (1000, 0.95, "in part"),
        (0, 0.8, "differs"),
    ],
)
def test_the_linear_classifier_decides(wrong, confidence, outcome):
    answers = {"linear": fooled(wrong, confidence), "lenet": fooled(1000, 0.8)}
    rows = list(error_rows(answers))
    assert judge(rows).outcome == outcome
    assert [row.what.split(":")[0] for row in rows] == ["linear", "linear", "lenet", "lenet"]


@pytest.mark.slow
@pytest.mark.data
def test_a_linear_classifier_of_digits_is_fooled_at_a_quarter(at_small_scale):
    report, folder = at_small_scale("small-perturbations", "mnist")
    error, certainty, *_ = report.findings.rows
    assert error.what == "linear: error at epsilon .25"
    assert error.ours[0] > 0.9
    assert 0.1 < certainty.ours[0] < 1
    for image in report.findings.images:
        assert (folder / image.file).exists()
