import numpy as np
import pytest

from evofool.analysis.class_families import Family
from evofool.analysis.image_measures import HORIZONTAL, RISING, VERTICAL, stroke_energy
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.regular.experiment import _directions, _means, _table, exceeds, strokes
from evofool.experiments.regular.imagenet import _by_group, _of_families, _rows, _same_classes
from evofool.experiments.regular.images import draw_distributions, draw_families, show_elites

GROUPS = np.repeat(["cats", "dogs", "fish"], (2, 4, 6))


def make_family(own: np.ndarray) -> Family:
    """Families that take half of the doubt."""
    return Family(own, own + (1 - own) / 2, np.full(len(own), 0.5), np.full(len(own), 0.25))


@pytest.fixture
def found():
    dogs, others = np.linspace(0.1, 0.3, 4), np.linspace(0.8, 0.95, 6)
    return [np.concatenate([[0.85, 0.9], dogs, others]) + shift for shift in (0.0, 0.02)]


def test_strokes_are_vertical_or_low_and_horizontal():
    images = np.zeros((3, 28, 28, 1), np.uint8)
    images[0, :, 13:15] = 255  # a "1"
    images[1, 23:25] = 255  # the foot of a "2"
    images[2, 4:6] = 255  # the top of a "7"
    upright, low_bar = strokes(stroke_energy(images))
    assert (upright > 0.9).tolist() == [True, False, False]
    assert (low_bar > 0.9).tolist() == [False, True, False]


def test_directions_are_those_of_most_strokes():
    energy = np.zeros((4, 4, 3))
    energy[:3, VERTICAL, :2] = 0.4
    energy[:3, HORIZONTAL, 2] = 0.2
    energy[3, RISING] = 1 / 3
    assert _directions(energy) == "0 horizontal, 1 rising (/), 3 vertical, 0 falling (\\)"


def test_means_are_listed_greatest_first():
    text = _means(np.arange(20) / 100, np.tile(np.arange(10), 2))
    assert text.startswith("9: 0.14, 8: 0.13")


def test_a_digit_exceeds_the_others_where_it_does():
    digits, runs = np.tile(np.arange(10), 6), np.repeat(np.arange(6), 10)
    values = np.where(digits == 1, 0.8, 0.2) + np.random.default_rng(0).normal(0, 0.05, 60)
    assert exceeds(values, digits, 1, runs).p < 0.001
    assert exceeds(values, digits, 2, runs).p > 0.5


def test_strokes_are_tabled_beside_those_of_real_digits():
    digits, labels = np.repeat(np.arange(10), 3), np.arange(10)
    rows = _table((digits / 10, digits / 20), digits, (labels / 10, labels / 20), labels).rows
    assert rows[4] == ["4", "0.400 [0.400, 0.400]", 0.4, "0.200 [0.200, 0.200]", 0.2]


def test_rows_tell_pets_from_other_classes(found):
    rows = {row.what: row for row in _rows(found, np.zeros(12), GROUPS)}
    assert rows["median confidence"].paper == "88.11 %"
    assert rows["median of dogs"].ours == pytest.approx([0.2, 0.22])
    assert rows["median of cats"].ours == pytest.approx([0.875, 0.895])
    assert list(rows["classes >= 90 %"].ours) == [3, 4]
    assert rows["probability that a regular image beats an irregular one"].ours == [1.0, 1.0]


def test_the_hardest_group_comes_first(found):
    families = [make_family(each) for each in found]
    rows = _by_group(found, families, GROUPS).rows
    assert [row[0] for row in rows] == ["dogs", "cats", "fish"]
    assert rows[0][1] == 4
    assert rows[0][3] == 0  # of all pairs, none is won
    assert rows[0][5] == "0.50 (0.25)"


def test_families_are_told_beside_their_classes(found):
    text = _of_families([make_family(each) for each in found], GROUPS)
    assert "dogs: 21.0% for the class, 60.5% for its group; of the doubt 50% stays in it" in text


def test_runs_agree_on_which_classes_are_hard(found):
    assert "Rank correlation of their confidences: 1.00" in _same_classes(found)
    assert _same_classes(found[:1]).startswith("One seed does not tell")


def test_images_are_drawn(tmp_path, found):
    lab = Lab(
        experiment="t", domain="mnist", scale="small", seeds=1, out=tmp_path, supplies=Supplies()
    )
    lab.folder.mkdir(parents=True)
    run = lab.evolve("lenet", generations=0, batch_size=10)
    groups, values = np.repeat(["cats", "dogs"], 5), np.linspace(0, 1, 10)
    images = [
        draw_distributions(lab, [run], [values], run, values, groups),
        draw_families(lab, [make_family(values)], groups),
        show_elites(lab, run, groups),
    ]
    assert {image.file for image in images} == {path.name for path in lab.folder.iterdir()}
