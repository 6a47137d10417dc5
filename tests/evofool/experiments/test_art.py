import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow


@pytest.mark.data
def test_art_is_drawn_and_shown_again(at_small_scale):
    report, folder = at_small_scale("art", "imagenet")
    drawings = sorted((folder / "poster").glob("*.png"))
    assert len(drawings) == 3
    for path in drawings:
        with Image.open(path) as drawing:
            assert drawing.size == (512, 512)
    (table,) = report.findings.tables
    lines = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert [line[""] for line in lines] == [1, 2, 3]
    again = [float(str(line["shrunk again"]).removesuffix(" %")) / 100 for line in lines]
    kept, confidence, jury = report.findings.rows
    assert confidence.ours[0] == pytest.approx(np.median(again), abs=0.001)
    # with at most half of the probability a class may still be the likeliest, with more it is
    assert kept.ours[0] >= np.mean(np.array(again) > 0.5)
    assert f"{round(3 * kept.ours[0])} of 3 keep their label" in report.findings.notes[1]
    assert not jury.ours
    assert report.findings.verdict.outcome == "new"
    (image,) = report.findings.images
    with Image.open(folder / image.file) as shown, Image.open(folder / "poster/poster.jpg") as made:
        assert shown.size == made.size
