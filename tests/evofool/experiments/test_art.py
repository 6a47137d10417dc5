from pathlib import Path

import pytest
from PIL import Image

from evofool.experiments.reproduce import reproduce
from tests.evofool.real_data import data_folder

pytestmark = pytest.mark.slow


@pytest.mark.data
def test_art_is_drawn_and_shown_again(tmp_path: Path):
    [report] = reproduce("art", scale="small", out=tmp_path, data=data_folder())
    folder = tmp_path / "art" / "imagenet"
    drawings = sorted((folder / "poster").glob("*.png"))
    assert len(drawings) == 3
    for path in drawings:
        with Image.open(path) as drawing:
            assert drawing.size == (512, 512)
    kept, confidence, jury = report.findings.rows
    assert kept.ours[0] * 3 == pytest.approx(round(kept.ours[0] * 3))
    assert 0 < confidence.ours[0] < 1
    assert not jury.ours
    (table,) = report.findings.tables
    assert len(table.rows) == 3
    (image,) = report.findings.images
    assert (folder / image.file).stat().st_size < 500_000
