import numpy as np
import pytest

from evofool.attacks.ascent_step import Ascent
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.gradient_ascent import plain, regularised
from evofool.experiments.gradient_ascent.ascents import Ascents, ascend, show, stretched
from evofool.experiments.report.findings import Figure

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(tmp_path):
    return Lab(
        experiment="trial",
        domain="mnist",
        scale="small",
        seeds=1,
        out=tmp_path,
        supplies=Supplies(),
    )


def test_images_are_made_once(lab, mock_classifier):
    settings = Ascent(steps=3)
    first = ascend(lab, "trial", mock_classifier, [1, 3], settings=settings, starts=2)
    assert first.target.tolist() == [1, 1, 3, 3]
    assert not list((lab.folder / "steps").glob("*-state.npz"))
    again = ascend(lab, "trial", mock_classifier, [1, 3], settings=settings, starts=2)
    np.testing.assert_array_equal(first.images, again.images)


def test_digits_are_ascended_and_shown(lab):
    found = plain.mnist(lab)
    assert found.rows[0].n == "20 images of 10 classes"
    assert found.rows[1].what == "share whose class becomes the likeliest"
    assert found.rows[1].ours[0] > 0.8
    assert found.verdict.outcome == "new"
    assert (lab.folder / "sheet.jpg").stat().st_size < 500_000


def test_faint_images_are_shown_with_more_contrast(lab, mock_classifier):
    faint = np.full((2, 16, 16, 3), 100, np.uint8)
    faint[0, 0, 0, 0], faint[1] = 104, 7
    images, factors = stretched(faint)
    assert factors[0] == pytest.approx(25, rel=0.01)
    assert (images[0, 0, 0, 0], images[0, 1, 1, 1], set(images[1].flat)) == (200, 100, {7})
    full = np.array([[[[0], [255]]]], np.uint8)
    np.testing.assert_array_equal(stretched(full)[0], full)
    shown = Ascents(faint, np.ones(2), np.ones(2), np.zeros((2, 4), int), np.arange(2))
    image = show(lab, mock_classifier, {"": shown}, [0], "Some")
    assert image.caption == "Some; contrast around each image's mean enlarged, x 25"
    assert (lab.folder / image.file).exists()


@pytest.fixture
def made():
    """Makes ten images of a median confidence before rounding, and after, and of a contrast."""
    rng = np.random.default_rng(0)

    def make(before, contrast, *, rounded=0.01):
        levels = rng.integers(128 - contrast, 128 + contrast, (10, 16, 16, 3))
        chances = [rng.uniform(share - 0.01, share, 10) for share in (rounded, before)]
        first = np.array([[2, 9, -1, -1]] * 10)
        return Ascents(levels.astype(np.uint8), *chances, first, np.arange(10))

    return make


@pytest.mark.parametrize(
    ("plain", "regularised_ones", "said"),
    [(0.99, 0.95, "reproduced"), (0.99, 0.2, "in part"), (0.5, 0.95, "differs")],
)
def test_regularised_settings_are_compared_before_rounding(
    lab, made, plain, regularised_ones, said
):
    others = {name: made(regularised_ones, 10) for name in ("decay", "sparse", "blur")}
    found = _of(lab, {"plain": made(plain, 100 if said != "differs" else 5)} | others)
    assert found.verdict.outcome == said
    assert found.rows[1].ours[0] == pytest.approx(regularised_ones, abs=0.01)
    assert found.tables[0].rows[1][4:7] == ["2 (10 of 10)", "9 (10 of 10)", "never"]
    if said == "reproduced":
        assert found.tables[1].rows[0][1:5] == ["p = 0.00018", 0.0, "p = 0.00018", 0.0]


def test_where_the_rule_comes_to_rest_is_worked_out(lab, made):
    others = {name: made(0.085, 10) for name in ("decay", "sparse", "blur")}
    found = _of(lab, {"plain": made(0.99, 100)} | others)
    p = found.rows[1].ours[0]
    assert f"0.02 / (0.01 x {p:.3f}) = {2 / p:.0f} nats" in found.notes[2]
    assert f"it stands {np.log(p / (1 - p)) + 7.5:.1f} above" in found.notes[2]
    assert f"{100 * p:.1f} % to" in found.notes[1]


def _of(lab, found):
    sheet = Figure(file="sheet.jpg", caption="Some")
    return regularised._findings(lab, found, 1, sheet, -7.5)
