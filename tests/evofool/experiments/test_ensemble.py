import numpy as np
import pytest

from evofool.experiments import ensemble
from evofool.experiments.report import factor, judge

GROUP = ensemble.OBJECTS._replace(members=("lenet",) * 3, outsider="lenet")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory, direct_lab):
    """The LeNet three times, as its own ensemble and as the other network; findings and lab."""
    lab = direct_lab("ensemble", tmp_path_factory.mktemp("ensemble"))
    measures = ensemble.measure(lab, GROUP)
    return ensemble.report(lab, measures, GROUP), measures, lab


def test_the_published_figure_stands_beside_the_mean_of_three(made):
    first, *others = made[0].rows
    assert (first.what, first.paper) == ("mean of three: classes >= 90 %", "231")
    assert first.tolerance == factor(231)
    assert not any(row.paper for row in others)


@pytest.mark.parametrize(
    ("fooled", "outcome"), [(16, "differs"), (231, "reproduced"), (900, "differs")]
)
def test_the_number_of_classes_decides(fooled, outcome):
    assert judge([ensemble.FOOLED.row([fooled])]).outcome == outcome


def test_growth_ends_with_the_counts_of_the_rows(made):
    growth, _, _ = made[0].tables
    counts = {row.what: row.ours[0] for row in made[0].rows}
    assert [row[0] for row in growth.rows] == [0, 1]
    for name, text in zip(growth.header[1:], growth.rows[-1][1:], strict=True):
        assert text.startswith(f"{counts[f'{name}: classes >= 90 %']} / ")


def test_networks_judge_as_they_did_during_evolution(made):
    _, measures, lab = made
    run = lab.evolve("lenet+lenet+lenet", generations=1, batch_size=20)
    judged = measures.targets["mean of three"].judged["lenet"].confidence
    np.testing.assert_allclose(judged, [elite.confidence for elite in run.elites()], atol=1e-5)


def test_shares_are_of_all_members_at_once(made):
    findings, measures, _ = made
    _, who, _ = findings.tables
    fooled = measures.targets["lenet"].judged["lenet"].is_fooled
    alone, _ = who.rows
    assert alone[0] == "lenet"
    assert float(alone[5].rstrip(" %")) == pytest.approx(100 * fooled.mean(), rel=1e-3)
    assert alone[-1] == 10


def test_images_are_left(made):
    findings, _, lab = made
    assert all((lab.folder / image.file).exists() for image in findings.images)
