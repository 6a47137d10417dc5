import numpy as np
import pytest
from PIL import Image

from evofool.experiments.report import (
    CERTAIN_MEDIAN,
    cells,
    certainty,
    certainty_rows,
    confidences,
    every_class_by,
    save_sheet,
    show_runs,
)
from evofool.experiments.report.elites import NEVER, first_generations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory, direct_lab):
    return direct_lab("trial", tmp_path_factory.mktemp("elites"), seeds=6)


@pytest.fixture(scope="module")
def run(lab):
    return lab.evolve("lenet", generations=6, batch_size=10, runs=lab.seeds)


def test_confidences_are_those_of_the_elites(run):
    found = confidences(run)
    assert found.shape == (6, 10)
    assert found[5].tolist() == [elite.confidence for elite in run.elites(5)]


def test_first_generations_are_those_at_which_a_bar_is_reached(run):
    lines = [line for line in run.metrics if line["run"] == 0]
    bar = lines[3]["median_confidence"]
    first = next(line["generation"] for line in lines if line["median_confidence"] >= bar)
    assert first_generations(run, "median_confidence", bar)[0] == first <= 3
    assert first_generations(run, "median_confidence", 0.0).tolist() == [0] * 6
    assert first_generations(run, "median_confidence", 1.1).tolist() == [NEVER] * 6


def test_rows_say_how_many_runs_become_certain(run):
    every, soon, median, share = certainty_rows(
        certainty(run), every=every_class_by("< 50", 49), soon="soon", end=CERTAIN_MEDIAN
    )
    for row in (every, soon):
        assert row.n == f"{len(row.ours)} of 6 runs get there"
        assert row.total == 6
    assert list(median.ours) == np.median(confidences(run), axis=1).tolist()
    assert share.n == "60 images"
    assert (every.paper, soon.paper) == ("< 50", "soon")
    assert median.paper == CERTAIN_MEDIAN.paper
    assert every.tolerance is not None
    assert soon.tolerance is None


def test_sheet_shows_five_runs_at_most(lab, run):
    lab.folder.mkdir(parents=True, exist_ok=True)
    images = show_runs(lab, run, "Mock images")
    assert images[0].caption.startswith("Mock images: 5 run(s)")
    assert all((lab.folder / image.file).exists() for image in images)


@pytest.mark.parametrize("width", [900, 2800])
def test_sheets_are_no_wider_than_a_report_needs(tmp_path, width):
    save_sheet(Image.new("RGB", (width, 100)), tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as saved:
        assert saved.size == ((900, 100) if width == 900 else (1400, 50))


def test_sheets_of_noise_fit_too(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1400, 3), np.uint8)
    save_sheet(Image.fromarray(noise), tmp_path / "noise.jpg")
    assert 100_000 < (tmp_path / "noise.jpg").stat().st_size < 500_000


def test_shares_are_spelt_as_percentages():
    assert cells.each([0.9187, 0.934]) == "91.9 % and 93.4 %"
