"""Copies removed from elites of a run against a toy network, and lesions of its CPPNs."""

import numpy as np
import pytest

import evofool
from evofool.experiments.ablation import copies, lesions
from evofool.experiments.ablation.copies import ALL, REMOVED, Removed
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.report import judge
from evofool.measures.patch_ablation import FILLS
from evofool.support.errors import UserError

NAN = np.nan


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


def make_removed(*elites):
    """Elites of one run, each with log-odds for what is removed, alike for both ways of filling."""
    left = np.moveaxis(np.array(elites, float), 0, 1)
    copies = (np.isfinite(left[0]).sum(axis=1) - 1).astype(int)
    places = np.arange(len(elites))
    return Removed(0 * places, places, copies, np.stack([left] * len(FILLS)), len(elites), 0.5, 0.9)


def remove_all(run, similarity):
    return copies.remove_all([run.elites()], least_confidence=0.0, least_similarity=similarity)


def test_confidence_lost_is_the_difference_of_two_probabilities():
    removed = make_removed([[0, 0, -np.log(3), -np.log(9)], [0] * 4, [0] * 4])
    assert [removed.lost(patches)[0, 0] for patches in (1, 2, ALL)] == pytest.approx(
        [0, 0.5 - 0.25, 0.5 - 0.1]
    )


def test_elites_without_room_elsewhere_are_not_compared():
    roomy = [[1, 0, 0, 0, 0], [1] * 5, [1] * 5]
    tight = [[1, 0, 0, 0, NAN], [1, 1, NAN, NAN, NAN], [1] * 5]
    removed = make_removed(roomy, tight)
    assert removed.copies.tolist() == [4, 3]
    assert removed.comparable(1).tolist() == [True, True]
    assert removed.comparable(2).tolist() == [True, False]
    assert removed.comparable(ALL).tolist() == [True, False]


def test_differences_are_positive_where_copies_cost_more():
    elites = [[[2, 2 - n, 0, 0], [2, 2 - n / 2, 0, 0], [2, 2 - 2 * n, 0, 0]] for n in (1, 2, 3)]
    _, tests = copies.tabulate(make_removed(*elites))
    of_one = dict(zip(tests.header, tests.rows[0], strict=True))
    assert of_one["elites"] == 3
    assert "r = 1.000, median difference 1," in str(of_one["elsewhere, anywhere"])
    assert "r = -1.000, median difference -2," in str(of_one["elsewhere, alike"])


@pytest.mark.parametrize(
    ("lost", "outcome"), [(0.05, "reproduced"), (-0.05, "differs"), (0.4, "in part")]
)
def test_the_paper_is_reproduced_only_if_confidence_usually_falls_by_a_little(lost, outcome):
    """Ten elites of confidence 1/2 that all lose as much."""
    after = np.log((0.5 - lost) / (0.5 + lost))
    removed = make_removed(*[[[0, after, after, after], [0] * 4, [0] * 4]] * 10)
    rows = copies.loss_rows(removed)
    assert rows[0].ours == pytest.approx([lost])
    assert judge(rows).outcome == outcome


def test_lesions_are_counted_and_drawn(lab, cppn_run):
    elites = [elite for index in range(2) for elite in cppn_run.elites(index)]
    cut = lesions.cut_all(elites)
    findings = lesions.report(lab, [cut], [cppn_run])
    connections = sum(int(elite.genome.num_connections) for elite in elites)
    rows = {row.what: row for row in findings.rows}
    unchanged = rows["connection cut: the image stays as it is, bit for bit"]
    assert unchanged.n == f"{connections} connections of {len(elites)} elites"
    assert unchanged.ours == [np.mean(cut.of_part("connection").changed == 0)]
    assert 0 <= unchanged.ours[0] < 1
    assert {image.file for image in findings.images} == {
        path.name for path in lab.folder.iterdir() if path.is_file()
    }
    rows = lesions.compare([cut], [cut._replace(left=cut.whole)])
    assert [row.ours[0] for row in rows] == [
        pytest.approx(np.mean(cut.lost < 0.01)),
        pytest.approx(np.median(cut.whole - cut.left)),
        1.0,
        0.0,
    ]


@pytest.mark.slow
def test_copies_are_removed_from_elites(striped_run):
    elites = striped_run.elites()
    removed = remove_all(striped_run, 0.5)
    assert removed.looked_at == 20
    assert len(removed.cell)  # with so little similarity asked for, some repeat something
    assert removed.copies.min() >= copies.LEAST_COPIES
    fitness = [elites[cell].fitness for cell in removed.cell]
    for fill in FILLS:
        for whole in removed.after(0, fill):
            assert whole == pytest.approx(fitness, abs=1e-3)
        of_copies = removed.left[list(FILLS).index(fill), 0]
        assert (np.isfinite(of_copies).sum(axis=1) == 1 + removed.copies).all()


@pytest.mark.slow
def test_findings_hold_every_image_and_both_fills(lab, striped_run):
    removed = remove_all(striped_run, 0.5)
    findings = copies.report(lab, removed, [striped_run])
    assert {image.file for image in findings.images} == {
        path.name for path in lab.folder.iterdir() if path.is_file()
    }
    losses, tests = findings.tables
    assert losses.header[3:] == list(REMOVED)
    for table in (losses, tests):
        assert {row[0] for row in table.rows} == {"membrane", "mean"}
    assert f"({len(removed.cell)} of 20) repeat an element" in findings.notes[0]


@pytest.mark.slow
def test_elites_without_repeats_are_an_error_that_says_what_to_do(striped_run):
    with pytest.raises(UserError, match=r"none of 20 elites repeats .*; evolve longer"):
        remove_all(striped_run, 0.9999)
