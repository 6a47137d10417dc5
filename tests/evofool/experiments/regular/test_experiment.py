import numpy as np
import pytest

from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.regular.digits import (
    Strokes,
    directions,
    exceeds,
    means_by_digit,
    tabulate_strokes,
)
from evofool.experiments.regular.imagenet import (
    confidence_rows,
    note_families,
    note_same_classes,
    tabulate_groups,
)
from evofool.experiments.regular.images import draw_distributions, draw_families, show_elites
from evofool.measures.class_families import FamilyConfidence
from evofool.measures.image_measures import HORIZONTAL, RISING, VERTICAL, stroke_energy

GROUPS = np.repeat(["cats", "dogs", "fish"], (2, 4, 6))


def make_family(own: np.ndarray) -> FamilyConfidence:
    """Families that take half of the doubt."""
    return FamilyConfidence(
        own, own + (1 - own) / 2, np.full(len(own), 0.5), np.full(len(own), 0.25)
    )


def make_strokes(labels: np.ndarray) -> Strokes:
    """Strokes of which a tenth of the digit is vertical, and half as many low and horizontal."""
    energy = np.zeros((len(labels), 4, 3))
    energy[:, VERTICAL, 0] = labels / 10
    energy[:, HORIZONTAL, 2] = labels / 20
    return Strokes(labels, energy)


@pytest.fixture
def regular():
    dogs, others = np.linspace(0.1, 0.3, 4), np.linspace(0.8, 0.95, 6)
    both = np.concatenate([[0.85, 0.9], dogs, others])
    return np.stack([both, both + 0.02])


def test_strokes_are_vertical_or_low_and_horizontal():
    images = np.zeros((3, 28, 28, 1), np.uint8)
    images[0, :, 13:15] = 255  # a "1"
    images[1, 23:25] = 255  # the foot of a "2"
    images[2, 4:6] = 255  # the top of a "7"
    strokes = Strokes(np.array([1, 2, 7]), stroke_energy(images))
    assert (strokes.upright > 0.9).tolist() == [True, False, False]
    assert (strokes.low_bar > 0.9).tolist() == [False, True, False]


def test_directions_are_those_of_most_strokes():
    energy = np.zeros((4, 4, 3))
    energy[:3, VERTICAL, :2] = 0.4
    energy[:3, HORIZONTAL, 2] = 0.2
    energy[3, RISING] = 1 / 3
    assert directions(energy) == "0 horizontal, 1 rising (/), 3 vertical, 0 falling (\\)"


def test_means_are_listed_greatest_first():
    text = means_by_digit(np.arange(20) / 100, np.tile(np.arange(10), 2))
    assert text.startswith("9: 0.14, 8: 0.13")


def test_a_digit_exceeds_the_others_where_it_does():
    digits, runs = np.tile(np.arange(10), 6), np.repeat(np.arange(6), 10)
    values = np.where(digits == 1, 0.8, 0.2) + np.random.default_rng(0).normal(0, 0.05, 60)
    assert exceeds(values, digits, 1, runs).p < 0.001
    assert exceeds(values, digits, 2, runs).p > 0.5


def test_strokes_are_tabled_beside_those_of_real_digits():
    digits, labels = np.repeat(np.arange(10), 3), np.arange(10)
    rows = tabulate_strokes(make_strokes(digits), make_strokes(labels)).rows
    assert rows[4] == ["4", "0.400 [0.400, 0.400]", 0.4, "0.200 [0.200, 0.200]", 0.2]


def test_rows_tell_pets_from_other_classes(regular):
    rows = {row.what: row for row in confidence_rows(regular, GROUPS)}
    assert rows["median confidence"].paper == "88.11 %"
    assert rows["median of dogs"].ours == pytest.approx([0.2, 0.22])
    assert rows["median of cats"].ours == pytest.approx([0.875, 0.895])
    assert list(rows["classes >= 90 %"].ours) == [3, 4]


def test_the_hardest_group_comes_first(regular):
    families = [make_family(each) for each in regular]
    rows = tabulate_groups(regular, families, GROUPS).rows
    assert [row[0] for row in rows] == ["dogs", "cats", "fish"]
    assert rows[0][1] == 4
    assert rows[0][3] == 0  # of all pairs, none is won
    assert rows[0][5] == "0.50 (0.25)"


def test_families_are_told_beside_their_classes(regular):
    text = note_families([make_family(each) for each in regular], GROUPS)
    assert "dogs: 21.0 % for the class, 60.5 % for its group; of the doubt 50.0 % stays" in text


def test_runs_agree_on_which_classes_are_hard(regular):
    assert "Rank correlation of their confidences: 1.00" in note_same_classes(regular)
    assert note_same_classes(regular[:1]).startswith("One seed does not tell")


@pytest.mark.slow
def test_images_are_drawn(tmp_path):
    lab = Lab(
        experiment="t", domain="mnist", scale="small", seeds=1, out=tmp_path, supplies=Supplies()
    )
    lab.folder.mkdir(parents=True)
    run = lab.evolve("lenet", generations=0, batch_size=10)
    groups, values = np.repeat(["cats", "dogs"], 5), np.linspace(0, 1, 10)
    images = [
        draw_distributions(lab, [run], values[None], run, values, groups),
        draw_families(lab, [make_family(values)], groups),
        show_elites(lab, run, groups),
    ]
    assert {image.file for image in images} == {path.name for path in lab.folder.iterdir()}
