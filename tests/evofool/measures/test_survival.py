import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evofool
from evofool.images.wear import WEAR
from evofool.support.errors import UserError
from evofool.support.lock import locked


def test_survival_begins_with_the_archives_confidence_and_has_a_curve_for_each_wear(
    direct_run: evofool.Run, tmp_path: Path
):
    result = evofool.survive(direct_run, wear=["noise", "blur"], out=tmp_path)
    start, *points = result.points
    expected = [elite.confidence for elite in direct_run.all_elites()]
    assert start.median_confidence == pytest.approx(np.median(expected), abs=1e-6)
    assert (start.wear, start.same_label, start.is_held_out) == ("none", 1.0, False)
    assert [(p.wear, p.amount) for p in points] == [
        (name, amount) for name in ("noise", "blur") for amount in WEAR[name].amounts
    ]
    for point in result.points:
        assert 0 <= point.low <= point.median_confidence <= point.high <= 1
        assert point.same_label_low <= point.same_label <= point.same_label_high
    assert [p.is_held_out for p in points] == [p.amount > WEAR[p.wear].most for p in points]
    with result.table.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["median_confidence"]) for row in rows] == [
        p.median_confidence for p in result.points
    ]
    with Image.open(result.plot) as image:
        assert image.width > 300
    again = evofool.survive(direct_run, wear=["noise"], out=tmp_path)  # replaces its files
    assert again.points == result.points[:6]


def test_a_run_that_is_being_written_is_not_measured(direct_run: evofool.Run, tmp_path: Path):
    with (
        locked(direct_run.folder),
        pytest.raises(UserError, match="is being written by process"),
    ):
        evofool.survive(direct_run, wear=["noise"])
    assert not (direct_run.folder / "survival.csv").exists()
    assert evofool.survive(direct_run, wear=["noise"], out=tmp_path / "new").table.exists()


def test_the_elites_of_some_classes_may_be_shown_alone(direct_run: evofool.Run, tmp_path: Path):
    result = evofool.survive(direct_run, wear=["blur"], classes=[3], out=tmp_path)
    own = [elite.confidence for elite in direct_run.all_elites() if elite.class_index == 3]
    assert result.elites == len(own)
    assert result.points[0].median_confidence == pytest.approx(np.median(own), abs=1e-6)
    with pytest.raises(UserError, match="99"):
        evofool.survive(direct_run, classes=[99], out=tmp_path)


def test_an_unknown_wear_is_refused_before_anything_is_written(
    direct_run: evofool.Run, tmp_path: Path
):
    with pytest.raises(UserError, match="unknown wear 'rain'"):
        evofool.survive(direct_run, wear=["rain"], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
