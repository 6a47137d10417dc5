import numpy as np
import pytest

from evofool.experiments import polish
from evofool.experiments.bench import Recognition
from evofool.images import WEAR

POINTS = 1 + sum(len(wear.amounts) for wear in WEAR.values())


def made(odds: list[float], judged: list[float]) -> polish.Kind:
    """Images of four classes, of which the judge sees those of log-odds above 0."""
    classes, given = np.arange(4), np.array(judged)
    look = Recognition(classes, np.where(given > 0, classes, 9), given)
    worn = np.full(POINTS, 0.25)
    worn[0] = 1.0
    sizes = np.full(4, 7)
    return polish.Kind(np.array(odds), {"mlp": look}, worn, sizes, sizes + 1, 100)


@pytest.fixture
def kinds():
    """Polished images are surer, and seen as before."""
    seen = [1.0, -2.0, -3.0, -4.0]
    evolved = made([4.0, 3.0, 2.0, 1.0], seen)
    return {polish.EVOLVED: evolved, polish.POLISHED: made([1.0, 9.0, 9.5, 9.9], seen)}


def test_judges_are_asked_whether_they_see_more_in_surer_images(kinds):
    rows = polish.tabulate_judges(kinds).rows
    assert [row[4] for row in rows] == pytest.approx([1.0, -1.0])
    assert all("(1 of 4)" in str(row[2]) for row in rows)
    own, other = polish.tabulate_gain(kinds, "lenet").rows
    assert (own[0], other[0]) == ("lenet", "mlp")
    assert "median difference 6.75" in str(own[1])
    assert "median difference 0" in str(other[1])


def test_seeds_have_a_figure_each(kinds):
    assert kinds[polish.EVOLVED].seen(2) == [0.5, 0.0]
    assert kinds[polish.EVOLVED].medians(4) == sorted(kinds[polish.EVOLVED].medians(4))[::-1]


def test_wear_is_averaged_over_amounts_without_the_image_as_it_is(kinds):
    table = polish.tabulate_wear(kinds)
    assert [row[0] for row in table.rows] == list(WEAR)
    assert {cell for row in table.rows for cell in row[1:]} == {"25.0 %"}
    assert kinds[polish.EVOLVED].kept == 0.25


@pytest.mark.slow
@pytest.mark.data
def test_digits_are_done_at_small_scale(at_small_scale):
    report, folder = at_small_scale("polish", "mnist")
    medians = {row.what: row.ours[0] for row in report.findings.rows}
    assert medians["polished: median confidence"] >= medians["evolved: median confidence"]
    size, judges, gain, _ = report.findings.tables
    nodes = {row[0]: row[4] for row in size.rows}
    assert nodes[polish.PIXELS] is None
    assert nodes[polish.POLISHED] >= nodes[polish.EVOLVED] + 16
    assert len(judges.rows) == len(nodes) == 4
    assert [row[0] for row in gain.rows] == ["lenet", "lenet-b"]
    assert (folder / report.findings.images[0].file).exists()
