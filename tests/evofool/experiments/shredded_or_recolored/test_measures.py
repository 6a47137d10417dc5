from typing import Any

import numpy as np
import pytest

from evofool import Card, Classifier, intensity_table
from evofool.experiments.report import judge
from evofool.experiments.shredded_or_recolored.experiment import accuracy_rows
from evofool.experiments.shredded_or_recolored.measures import (
    CONDITIONS,
    RANDOM,
    Digits,
    accuracies,
    accuracy_by_side,
    by_table,
)
from evofool.images.recoloring import disordered_table

SIDE = 28
CARD = Card(name="rows", input_shape=(SIDE, SIDE, 1), outputs=4, labels=tuple("0123"), scale=1.0)


def brightness(params: Any, images: Any) -> Any:
    """Logits: how bright every quarter of the rows is."""
    return images.reshape(len(images), 4, -1).mean(axis=2)


BANDS = Classifier(card=CARD, params=(), apply=brightness)


def banded(labels: np.ndarray) -> np.ndarray:
    """Images that are bright in one of four bands of seven rows."""
    images = np.zeros((len(labels), 4, 7, SIDE, 1), np.uint8)
    images[np.arange(len(labels)), labels] = 250
    return images.reshape(-1, SIDE, SIDE, 1)


LABELS = np.arange(40) % 4
DIGITS = Digits(banded(LABELS), LABELS)


def test_every_condition_is_measured_once_per_seed():
    found = accuracies(BANDS, DIGITS, seeds=2)
    assert found.keys() == CONDITIONS.keys()
    assert {name: len(values) for name, values in found.items()} == {
        name: 2 if name in RANDOM else 1 for name in CONDITIONS
    }
    assert found["as they are"] == [1.0]
    assert found["rows shuffled"].tolist() == [1.0, 1.0], "bands are as high as windows"
    assert found["inverted"] == [0.0], "the band is now the darkest"


def test_windows_larger_than_the_bands_mix_them():
    found = accuracy_by_side(BANDS, DIGITS, [1, 7, 28])
    for name in RANDOM:
        assert found[name][:2].tolist() == [1.0, 1.0]
        assert found[name][2] < 0.9


def test_tables_are_described_by_order_and_contrast():
    tables = [disordered_table(0.0), intensity_table("invert")]
    found = by_table(BANDS, DIGITS, tables)
    assert found.accuracy.tolist() == [1.0, 0.0]
    assert found.commonest.tolist() == [0.25, 0.75], "of equals the first"
    assert found.non_monotonicity.tolist() == [0.0, 0.0]
    assert found.contrast.tolist() == [250.0, -250.0]


@pytest.mark.parametrize(
    ("accuracies", "outcome"),
    [
        ((0.992, 0.65, 0.12, 0.994), "reproduced"),
        ((0.992, 0.5, 0.12, 0.994), "in part"),
        ((0.992, 0.65, 0.12, 0.98), "in part"),
        ((0.992, 0.65, 0.4, 0.994), "in part"),
        ((0.92, 0.1, 0.4, 0.93), "differs"),
    ],
)
def test_the_verdict_compares_with_the_articles_accuracies(accuracies, outcome):
    names = ("as they are", "rows shuffled", "recoloured")
    *values, another_epoch = accuracies
    ours = {name: np.array([value]) for name, value in zip(names, values, strict=True)}
    ours["inverted"] = np.array([0.5])
    rows = accuracy_rows(ours, another_epoch, "")
    assert judge(rows).outcome == outcome
    assert [row.what for row in rows if not row.tolerance] == ["accuracy, inverted"]
