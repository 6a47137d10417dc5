import numpy as np
import pytest

from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.gradient_ascent import ascents, regularised
from evofool.experiments.gradient_ascent.ascents import Ascents, ascend, show, stretched
from evofool.experiments.gradient_ascent.regularised import Measures

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


@pytest.fixture
def mock_lab(lab, mock_classifier, monkeypatch):
    """A lab that knows one network only."""
    monkeypatch.setattr(lab, "network", lambda name: mock_classifier)
    return lab


def test_images_are_made_class_by_class_and_leave_no_state(mock_lab):
    settings = [("plain", 0), ("plain", 1), ("decay", 0)]
    first, other, decayed = ascend(mock_lab, "mock", [1, 3], settings, starts=2)
    assert first.target.tolist() == [1, 1, 3, 3]
    assert first.images.shape == (4, 8, 8, 1)
    assert not list((mock_lab.folder / "steps").glob("*-state.npz"))
    assert (first.images != other.images).any()
    assert (first.images != decayed.images).any()


def test_what_an_interrupted_process_has_made_is_kept(mock_lab, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    settings = [("plain", 0)]
    with monkeypatch.context() as patch:
        patch.setattr(ascents, "recognize", stop)
        with pytest.raises(KeyboardInterrupt):
            ascend(mock_lab, "mock", [1, 3], settings, starts=2)
    (state,) = (mock_lab.folder / "steps").iterdir()
    [resumed] = ascend(mock_lab, "mock", [1, 3], settings, starts=2)
    assert not state.exists()
    [whole] = ascend(mock_lab, "mock", [1, 3], settings, starts=2)
    np.testing.assert_array_equal(resumed.images, whole.images)
    np.testing.assert_array_equal(resumed.first, whole.first)


@pytest.mark.data
def test_digits_are_ascended_and_shown(at_small_scale):
    report, folder = at_small_scale("gradient-ascent", "mnist")
    findings = report.findings
    assert findings.rows[0].n == "20 images of 10 classes"
    assert findings.rows[1].what == "share whose class becomes the likeliest"
    assert findings.rows[1].ours[0] > 0.8
    assert findings.verdict.outcome == "new"
    assert (folder / "sheet.jpg").stat().st_size < 500_000


def test_faint_images_are_shown_with_more_contrast(lab, mock_classifier):
    faint = np.full((2, 16, 16, 3), 100, np.uint8)
    faint[0, 0, 0, 0], faint[1] = 104, 7
    images, factors = stretched(faint)
    assert factors[0] == pytest.approx(25, rel=0.01)
    assert (images[0, 0, 0, 0], images[0, 1, 1, 1], set(images[1].flat)) == (200, 100, {7})
    full = np.array([[[[0], [255]]]], np.uint8)
    np.testing.assert_array_equal(stretched(full)[0], full)
    ones = np.ones(2)
    shown = Ascents(faint, ones, ones, np.zeros((2, 4), int), np.arange(2), ones, ones)
    image = show(lab, mock_classifier.card.labels, {"": shown}, [0], "Some")
    assert image.caption == "Some; contrast around each image's mean enlarged, x 25"
    assert (lab.folder / image.file).exists()


def make_ascents(before, contrast, *, rounded=0.01):
    """Ten images of a median confidence before rounding, and after, and of a contrast."""
    rng = np.random.default_rng(0)
    levels = rng.integers(128 - contrast, 128 + contrast, (10, 8, 8, 1)).astype(np.uint8)
    confidence, of_last = (share - 1e-5 * rng.uniform(size=10) for share in (rounded, before))
    first = np.array([[2, 9, -1, -1]] * 10)
    variation = contrast + rng.uniform(size=10)
    classes = np.arange(10) % 5
    return Ascents(levels, confidence, of_last, first, classes, variation, -variation)


def report_regularised(lab, plain, others):
    return regularised.report(
        lab, Measures(dict(zip(regularised.TITLES, [plain, *others], strict=True)), 1, -7.5)
    )


@pytest.mark.parametrize(
    ("plain", "others", "contrast", "outcome"),
    [
        (0.9999, 0.95, 100, "reproduced"),
        (0.9999, 0.2, 100, "in part"),  # less certain, but not slightly
        (0.5, 0.999995, 5, "differs"),
    ],
)
def test_regularised_settings_are_compared_before_rounding(
    mock_lab, plain, others, contrast, outcome
):
    findings = report_regularised(
        mock_lab, make_ascents(plain, contrast), [make_ascents(others, 10)] * 3
    )
    assert findings.verdict.outcome == outcome
    assert findings.rows[1].ours[0] == pytest.approx(others, abs=1e-4)
    by_setting, against = findings.tables
    assert by_setting.rows[1][4:7] == ["2 (10 of 10)", "9 (10 of 10)", "never"]
    if outcome == "reproduced":
        for cell in against.rows[0][1:3]:
            assert "p = 0.00018, P(a > b) = 0.000, n = 10 and 10" in str(cell)


def test_where_the_rule_comes_to_rest_is_worked_out(mock_lab):
    findings = report_regularised(mock_lab, make_ascents(0.99, 100), [make_ascents(0.085, 10)] * 3)
    p = findings.rows[1].ours[0]
    assert f"0.02 / (0.01 x {p:.3f}) = {2 / p:.0f} nats" in findings.notes[2]
    assert f"it stands {np.log(p / (1 - p)) + 7.5:.1f} above" in findings.notes[2]
    assert f"{100 * p:.1f} % to" in findings.notes[1]
