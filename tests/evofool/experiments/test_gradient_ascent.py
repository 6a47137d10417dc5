import numpy as np
import pytest

from evofool.attacks import Ascent
from evofool.experiments import Lab, gradient_ascent
from evofool.experiments import gradient_ascent_regularised as regularised
from evofool.experiments.ascents import Ascents, ascend
from evofool.experiments.supplies import Supplies


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


def test_pictures_are_made_once(lab, mock_classifier):
    settings = Ascent(steps=3)
    first = ascend(lab, "trial", mock_classifier, [1, 3], settings=settings, starts=2)
    assert first.target.tolist() == [1, 1, 3, 3]
    assert not list((lab.folder / "steps").glob("*-state.npz"))
    again = ascend(lab, "trial", mock_classifier, [1, 3], settings=settings, starts=2)
    np.testing.assert_array_equal(first.images, again.images)


def test_digits_are_ascended_and_shown(lab):
    found = gradient_ascent.mnist(lab)
    assert found.rows[0].n == "20 pictures of 10 classes"
    assert found.rows[1].what == "share whose class becomes the likeliest"
    assert found.rows[1].ours[0] > 0.8
    assert found.verdict.said == "new"
    assert (lab.folder / "sheet.jpg").stat().st_size < 500_000


def test_regularised_settings_are_compared_with_none(lab):
    rng = np.random.default_rng(0)

    def made(certain, contrast):
        levels = rng.integers(128 - contrast, 128 + contrast, (10, 16, 16, 3))
        confidence = rng.uniform(certain - 0.01, certain, 10)
        first = np.array([[2, 9, -1, -1]] * 10)
        return Ascents(levels.astype(np.uint8), confidence, confidence, first, np.arange(10))

    others = {name: made(0.9, 10) for name in ("decay", "sparse", "blur")}
    found = regularised._findings(lab, {"plain": made(0.99, 100)} | others, starts=1)
    assert found.verdict.said == "reproduced"
    assert found.tables[0].rows[1][3:6] == ["2 (10 of 10)", "9 (10 of 10)", "never"]
    assert found.tables[1].rows[0][1:5] == ["p = 0.00018", 0.0, "p = 0.00018", 0.0]
    certain = regularised._findings(lab, {"plain": made(0.5, 100)} | others, starts=1)
    assert certain.verdict.said == "differs"
