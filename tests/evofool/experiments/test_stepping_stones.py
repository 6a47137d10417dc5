import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.evolution.lineage import class_changes
from evofool.experiments.stepping_stones import grow
from evofool.runs import goal_switches

pytestmark = pytest.mark.slow


def test_a_tree_has_a_line_for_every_elite(cppn_run: Run):
    tree, elites = grow(cppn_run, 1), cppn_run.elites(1)
    assert len(elites) == 10
    assert tree.changes.tolist() == [class_changes(elite.steps) for elite in elites]
    assert (tree.held >= 1).all()
    assert (tree.held <= tree.changes + 1).all()
    assert tree.founders.sum() == 10
    assert tree.founders.tolist() == sorted(tree.founders, reverse=True)


def test_periods_add_up_to_the_run(cppn_run: Run):
    tree, switches = grow(cppn_run, 0), goal_switches(cppn_run, 0)
    assert len(tree.entries) == 4
    assert (tree.entries.sum(), tree.switches.sum()) == (switches.entries, switches.switches)


@pytest.mark.data
def test_digits_are_done_at_small_scale(at_small_scale):
    report, folder = at_small_scale("stepping-stones", "mnist")
    shares = {row.what: row.ours for row in report.findings.rows}
    assert all(len(ours) == 1 for ours in shares.values())
    (claim,) = (row for row in report.findings.rows if row.tolerance)
    held = claim.ours[0] >= 0.5
    assert report.findings.verdict.outcome == ("reproduced" if held else "differs")
    for image in report.findings.images:
        with Image.open(folder / image.file) as shown:
            assert np.ptp(np.asarray(shown)) > 0
    (periods,) = report.findings.tables
    assert [row[0] for row in periods.rows] == ["1..5", "6..10", "11..15", "16..20"]
