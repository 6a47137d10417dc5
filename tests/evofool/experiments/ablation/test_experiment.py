"""Copies removed from elites of a run against a toy network, and lesions of its CPPNs."""

import numpy as np
import pytest

import evofool
from evofool.analysis.repeats import Repeats
from evofool.experiments.ablation import copies, lesions, measures
from evofool.experiments.ablation.measures import Removed
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.support.errors import UserError

CORNERS = np.array([[2, 2], [2, 20], [20, 2]])


@pytest.fixture
def lab(tmp_path):
    lab = Lab(
        experiment="ablation",
        domain="mnist",
        scale="small",
        seeds=1,
        out=tmp_path,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    return lab


@pytest.fixture(scope="module")
def striped_run(tmp_path_factory):
    """Twenty classes of images that are large enough to repeat something."""
    folder = tmp_path_factory.mktemp("striped")
    return evofool.evolve("mock:20:48x48x3", batch_size=20, generations=2, out=folder)


def removed(copies, anywhere, alike):
    """An elite with the same log-odds, the whole image's first, for both ways of filling."""
    names = ("copies", "anywhere", "alike")
    left = {
        name: np.array(odds, float)
        for name, odds in zip(names, (copies, anywhere, alike), strict=True)
    }
    return Removed(0, Repeats(4, CORNERS, np.ones(3)), {"membrane": left, "mean": left})


def test_confidence_lost_is_the_difference_of_two_probabilities():
    one = removed([0, 0, -np.log(3), -np.log(9)], [0] * 4, [0] * 4)
    assert one.lost("copies", 1) == 0
    assert one.lost("copies", 2) == pytest.approx(0.5 - 0.25)
    assert one.lost("copies", -1) == pytest.approx(0.5 - 0.1)


def test_elites_without_room_elsewhere_are_not_compared():
    roomy, tight = (
        removed([1, 0, 0, 0], [1] * 4, [1] * 4),
        removed([1, 0, 0, 0], [1, 1, np.nan, np.nan], [1] * 4),
    )
    assert measures.comparable([roomy, tight], 1) == [roomy, tight]
    assert measures.comparable([roomy, tight], 2) == [roomy]
    assert measures.comparable([roomy, tight], 4) == []


def test_paired_differences_are_positive_where_copies_cost_more():
    elites = [
        removed([2, 2 - n, 0, 0], [2, 2 - n / 2, 0, 0], [2, 2 - 2 * n, 0, 0]) for n in (1, 2, 3)
    ]
    assert measures.paired(elites, "anywhere", 1).median == 1
    assert measures.paired(elites, "anywhere", 1).rank_biserial == 1
    assert measures.paired(elites, "alike", 1).rank_biserial == -1


@pytest.mark.parametrize(
    ("lost", "said"), [(0.05, "reproduced"), (-0.05, "differs"), (0.4, "differs")]
)
def test_the_paper_is_reproduced_only_if_confidence_usually_falls_by_a_little(lab, lost, said):
    """Ten elites of confidence 1/2 that all lose as much."""
    after = np.log((0.5 - lost) / (0.5 + lost))
    elites = [removed([0, after, after, after], [0] * 4, [0] * 4)] * 10
    falls = copies.proportion_interval(10 if lost > 0 else 0, 10)
    verdict = copies._verdict(elites, falls)
    assert verdict.outcome == said
    assert f"{lost:.1%}" in verdict.because


def test_lesions_are_counted_drawn_and_kept(lab, cppn_run, monkeypatch):
    findings = lesions.findings(lab, [cppn_run], least_confidence=0.0)
    elites = [elite for index in range(2) for elite in cppn_run.elites(index)]
    connections = sum(int(elite.genome.num_connections) for elite in elites)
    rows = {row.what: row for row in findings.rows}
    unchanged = rows["connection cut: the image stays as it is, bit for bit"]
    assert unchanged.n == f"{connections} connections of {len(elites)} elites"
    assert 0 <= unchanged.ours[0] < 1
    assert {image.file for image in findings.images} == {
        path.name for path in lab.folder.iterdir() if path.is_file()
    }
    monkeypatch.setattr(lesions, "_cut", None)  # would fail: it was kept
    assert lesions.findings(lab, [cppn_run], least_confidence=0.0).rows == findings.rows


@pytest.mark.slow
def test_copies_are_removed_from_elites_and_the_result_is_kept(lab, striped_run, monkeypatch):
    run = striped_run
    elites = run.elites()
    first = measures.remove_all(lab, run, elites, 0.5)
    assert first  # with so little similarity asked for, some repeat something
    for one in first:
        elite = elites[one.cell]
        assert len(one.repeats.corners) >= measures.LEAST_COPIES
        for of_fill in one.left.values():
            assert all(
                odds[0] == pytest.approx(elite.fitness, abs=1e-3) for odds in of_fill.values()
            )
            assert all(len(odds) == 1 + len(one.repeats.corners) for odds in of_fill.values())
    monkeypatch.setattr(measures, "find_repeats", None)
    again = measures.remove_all(lab, run, elites, 0.5)
    np.testing.assert_equal([one.left for one in again], [one.left for one in first])


@pytest.mark.slow
def test_findings_hold_every_image_and_both_fills(lab, striped_run, monkeypatch):
    monkeypatch.setattr(lab, "choose", lambda full, small: 0.5)
    findings = copies.findings(lab, [striped_run], least_confidence=0.0)
    assert {image.file for image in findings.images} == {
        path.name for path in lab.folder.iterdir() if path.is_file()
    }
    for table in findings.tables:
        assert {row[0] for row in table.rows} == {"membrane", "mean"}


def test_elites_without_repeats_are_an_error_that_says_what_to_do(lab, striped_run, monkeypatch):
    monkeypatch.setattr(measures, "find_repeats", lambda image, **options: None)
    with pytest.raises(UserError, match=r"none of 20 elites repeats .*; evolve longer"):
        copies.findings(lab, [striped_run], least_confidence=0.0)
