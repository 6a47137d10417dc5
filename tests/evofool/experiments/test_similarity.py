import pytest
from PIL import Image

pytestmark = pytest.mark.slow


@pytest.mark.data
def test_two_runs_are_compared_within_and_across(at_small_scale):
    report, folder = at_small_scale("similarity", "imagenet")
    groups, tests = report.findings.tables
    sizes = [int(str(row[1])) for row in groups.rows]
    assert sum(sizes) <= 100
    assert min(sizes) > 1
    by_kind = [row[0] for row in tests.rows]
    # four likenesses in each of two runs, three across them, photographs, three of one class
    assert len(by_kind) == 8 + 3 + 1 + 3
    rows = {row.what: row for row in report.findings.rows}
    kin = next(row for what, row in rows.items() if what.startswith("common ancestors: within"))
    assert len(kin.ours) == 2
    claims = [row for row in rows.values() if row.tolerance]
    assert [len(row.ours) for row in claims] == [2, 2, 1]
    assert all(0 < p <= 1 for row in claims if row.unit == "p" for p in row.ours)
    same = rows["same class in two runs, pixels: mean cosine"].ours[0]
    assert any(str(row[2]).startswith(f"{same:.4g} against") for row in tests.rows)
    for image in report.findings.images:
        path = folder / image.file
        assert path.stat().st_size < 500_000
        with Image.open(path) as shown:
            shown.load()
