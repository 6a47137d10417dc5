from pathlib import Path

import pytest
from PIL import Image

from evofool.experiments.reproduce import reproduce
from tests.evofool.real_data import data_folder

pytestmark = pytest.mark.slow


@pytest.mark.data
def test_two_runs_are_compared_within_and_across(tmp_path: Path):
    [report] = reproduce("similarity", scale="small", out=tmp_path, data=data_folder())
    groups, tests = report.findings.tables
    assert sum(row[1] for row in groups.rows) <= 100
    by_kind = [row[0] for row in tests.rows]
    # four likenesses in each of two runs, three across them, photographs, three of one class
    assert len(by_kind) == 8 + 3 + 1 + 3
    assert by_kind.count("common ancestors") == 2
    kin = next(row for row in report.findings.rows if row.what.startswith("common ancestors"))
    assert len(kin.ours) == 2
    for levels in report.findings.images:
        path = tmp_path / "similarity" / "imagenet" / levels.file
        assert path.stat().st_size < 500_000
        with Image.open(path) as image:
            image.load()
