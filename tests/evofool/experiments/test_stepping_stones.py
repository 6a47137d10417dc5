from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.evolution.lineage import class_changes
from evofool.experiments.reproduce import reproduce
from evofool.experiments.stepping_stones import grow

pytestmark = pytest.mark.slow


def test_a_tree_has_a_line_for_every_elite(cppn_run: Run):
    tree = grow(cppn_run, 1)
    assert len(tree.elites) == len(tree.lines) == 10
    for elite, line in zip(tree.elites, tree.lines, strict=True):
        assert line.ancestors == len(elite.steps) - 1
        assert line.changes == class_changes(elite.steps)
        assert 1 <= line.classes <= line.changes + 1
    assert sum(tree.founders) == 10
    assert tree.founders == sorted(tree.founders, reverse=True)


def test_digits_are_done_at_small_scale(tmp_path: Path):
    [report] = reproduce("stepping-stones", scale="small", on=("mnist",), out=tmp_path)
    shares = {row.what: row.ours for row in report.findings.rows}
    assert all(len(ours) == 1 for ours in shares.values())
    assert report.findings.verdict.outcome in ("reproduced", "differs")
    folder = tmp_path / "stepping-stones" / "mnist"
    for levels in report.findings.images:
        with Image.open(folder / levels.file) as image:
            assert np.ptp(np.asarray(image)) > 0
    (periods,) = report.findings.tables
    assert [row[0] for row in periods.rows] == ["1..5", "6..10", "11..15", "16..20"]
