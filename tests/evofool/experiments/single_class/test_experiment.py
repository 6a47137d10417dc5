import numpy as np
import pytest

from evofool.experiments.report import judge
from evofool.experiments.single_class import experiment
from evofool.experiments.single_class.strategies import Strategy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def findings(tmp_path_factory, direct_lab):
    """Three digits of ten stand for twenty classes of a thousand; with the lab it was done in."""
    lab = direct_lab("single-class", tmp_path_factory.mktemp("single"), seeds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "NETWORK", "lenet")
        patch.setattr(experiment, "CLASSES", ("1", "4", "7"))
        return experiment.EXPERIMENT.parts["imagenet"].run(lab), lab


@pytest.mark.slow
def test_every_strategy_has_its_share_of_evaluations(findings):
    budgets, _, _ = findings[0].tables
    assert budgets.rows[0][:4] == ["MAP-Elites", 10, 840, 8400]
    assert budgets.rows[1][:4] == ["single-class of 100, equal", 3, 840, 2520]
    assert budgets.rows[2][:4] == ["single-class of 100, tenfold", 3, 8400, 25200]


def test_the_same_classes_are_compared(findings):
    _, tests, classes = findings[0].tables
    assert [row[0] for row in classes.rows] == ["1", "4", "7"]
    assert all("n = 6 and 6" in row[1] and "n = 3 pairs" in row[2] for row in tests.rows)
    assert [len(row.ours) for row in findings[0].rows] == [1] * 2 + [2] * 6


def test_images_are_left(findings):
    made, lab = findings
    assert all((lab.folder / image.file).exists() for image in made.images)


def strategy(log_odds: np.ndarray) -> Strategy:
    return Strategy(log_odds, classes=log_odds.shape[1], evaluations=1.0, seconds=1.0)


@pytest.mark.parametrize(
    ("equal", "tenfold", "outcome", "holding"),
    [
        (0.0, 0.0, "reproduced", [True, True]),
        (-20.0, 0.0, "in part", [False, True]),
        (-20.0, -20.0, "differs", [False, False]),
        (0.0, 20.0, "reproduced", [True, True]),
    ],
)
def test_the_better_strategy_of_each_budget_decides(equal, tenfold, outcome, holding):
    shared = np.random.default_rng(0).normal(5, 1, (5, 10))
    rows = experiment.similarity_rows(
        {
            "MAP-Elites": strategy(shared),
            "single-class of 1, equal": strategy(shared + equal),
            "single-class of 100, equal": strategy(shared - 40),
            "single-class of 1, tenfold": strategy(shared + tenfold),
            "single-class of 100, tenfold": strategy(shared - 40),
        }
    )
    assert [row.holds for row in rows] == holding
    assert judge(rows).outcome == outcome
