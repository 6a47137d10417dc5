import numpy as np
import pytest

from evofool.data.datasets import Dataset
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.report import cells, judge
from evofool.experiments.retraining import experiment, finetuning
from evofool.experiments.retraining.finetuning import AccuracyChange, Elites, Fooled, Tuned
from evofool.experiments.retraining.rounds import Longer, Round, Series

CLAIMS = experiment.CLAIMS


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Lab:
    nothing = np.zeros((40, 28, 28, 1), np.uint8)
    empty = Dataset(nothing, nothing[:, 0, 0, 0], nothing, nothing[:, 0, 0, 0])
    monkeypatch.setattr(Lab, "dataset", lambda lab: empty)
    made = Lab(
        experiment="retraining",
        domain="mnist",
        scale="full",
        seeds=1,
        out=tmp_path,
        supplies=Supplies(),
    )
    made.folder.mkdir(parents=True)
    return made


def series(*medians: float, polished: float = 0.99995) -> Series:
    """Rounds as they would be; only the medians differ, and after polishing the last one's."""
    rounds = [
        Round(
            training_set=60_000 + 1000 * number,
            fooling_share=number / (60 + number),
            error=0.01,
            rejected=0.001 * number,
            error_among_classes=0.01,
            confidence=np.full((2, 10), median),
            images=np.full((10, 28, 28, 1), 100, np.uint8),
            polished=np.full((2, 10), polished if number == len(medians) - 1 else 0.99999),
            polished_images=np.full((10, 28, 28, 1), 200, np.uint8),
        )
        for number, median in enumerate(medians)
    ]
    longer = Longer(
        np.array([0, 50, 100]),
        np.array([[0.1, 0.3], [0.3, 0.4], [0.5, 0.9]]),
        np.full((2, 10), 0.97),
    )
    return Series(rounds, longer)


@pytest.mark.parametrize(
    ("medians", "polished", "outcome"),
    [
        ((0.99999, 0.9999), 0.9999, "reproduced"),
        ((0.99999, 0.9998), 0.9999, "in part"),
        ((0.99999, 0.3, 0.95), 0.9998, "in part"),
        ((0.99999, 0.95, 0.2), 0.9999, "in part"),
        ((0.99999, 0.95, 0.2), 0.9998, "differs"),
    ],
    ids=[
        "certain",
        "less certain",
        "certain in the end",
        "certain when polished",
        "not certain in the end",
    ],
)
def test_the_verdict_is_about_all_rounds_the_last_and_polishing(medians, polished, outcome):
    made = series(*medians, polished=polished)
    rows = experiment.rows_of([made], 40, CLAIMS)
    assert judge(rows).outcome == outcome
    last, longer, lowest, *_ = rows
    assert list(last.ours) == [pytest.approx(medians[-1])]
    assert list(lowest.ours) == [pytest.approx(min(medians))]
    assert (longer.what, list(longer.ours)) == ("the same after 100 generations", [0.7])
    assert judge(experiment.rows_of([made], 40)).outcome == "new"


def test_polishing_is_judged_by_the_round_that_it_does_worst_in():
    made = series(0.99999, 0.95, 0.2, polished=0.9)
    rows = {row.what: list(row.ours) for row in experiment.rows_of([made], 40)}
    assert rows["lowest median confidence of a round, polished"] == [pytest.approx(0.9)]
    assert rows["retrained networks with a polished median >= 99.99 %"] == [0.5]  # not round 0
    assert rows["the same after 100 generations, polished"] == [pytest.approx(0.97)]


def test_the_sets_are_the_paper_s(lab):
    plan = experiment.plan_digits(lab)
    sizes = [20 * plan.first_runs] + [20 * plan.later_runs] * (plan.rounds - 1)
    assert sizes[:2] == [6000, 1000]
    assert sum(sizes) / (60_000 + sum(sizes)) == 0.25


def test_the_report_has_a_line_per_round_and_its_images(lab, monkeypatch):
    headings, section = [], experiment.section
    monkeypatch.setattr(experiment, "section", lambda *of: headings.append(of[0]) or section(*of))
    measures = experiment.Measures([series(0.9, 0.5)])
    findings = experiment.report(lab, measures, experiment.plan_objects)
    assert [row[0] for row in findings.tables[0].rows] == [0, 1]
    assert findings.tables[1].rows[1] == [
        1,
        20,
        "50.0 % [50.0 %, 50.0 %]",
        "99.9950 % [99.9950 %, 99.9950 %]",
        "99.9950 %",
        "100 % [83.9 %, 100 %] (20 of 20)",
    ]
    assert findings.tables[2].rows[-1] == [100, *map(cells.share, (0.7, 0.5, 0.9)), 2]
    assert findings.summary == ("", "median confidence, last round: 50.0 %, polished 99.9950 %")
    assert findings.verdict.outcome == "new"
    assert "90.0 % before any retraining and 50.0 % after 5 rounds" in findings.verdict.because
    assert headings == ["round 0", "round 0, polished", "round 1", "round 1, polished"]
    assert all((lab.folder / image.file).stat().st_size > 0 for image in findings.images)


def fooled(median: float, polished: float = 0.9) -> Fooled:
    spread, images = np.linspace(0.9, 1.1, 1000), np.full((20, 32, 32, 3), 100, np.uint8)
    return Fooled(Elites(median * spread, images), Elites(polished * spread, images))


@pytest.mark.parametrize(
    ("after", "outcome"),
    [(0.12, "reproduced"), (0.4, "in part"), (0.7, "differs")],
    ids=["as far", "not as far", "no fall"],
)
def test_fine_tuning_is_judged_by_how_far_confidence_falls(after, outcome):
    assert judge(finetuning.rows_of(fooled(0.6), fooled(after))).outcome == outcome


def test_the_over_weight_of_the_paper_is_reported(lab, monkeypatch):
    class Network:
        class card:  # noqa: N801
            labels = tuple(f"class {index}, other name" for index in range(1000))

    monkeypatch.setattr(Lab, "network", lambda lab, name: Network)
    tuned = [
        Tuned(
            weight,
            AccuracyChange(0.5, 0.4, 0.8, 0.01 * weight, 500),
            {"random": 0.9},
            fooled(median, polished),
        )
        for weight, median, polished in ((1.0, 0.5, 0.85), (7.0, 0.3, 0.8))
    ]
    findings = finetuning.report(lab, finetuning.Measures(fooled(0.6), tuned))
    weights, polished, groups = findings.tables
    assert [row[0] for row in weights.rows] == ["as it was", "1", "7"]
    assert [row[3] for row in weights.rows] == ["50.0 %", "40.0 %", "40.0 %"]
    assert [row[2] for row in polished.rows] == [
        "90.0 % [89.4 %, 90.6 %]",
        "85.0 % [84.5 %, 85.5 %]",
        "80.0 % [79.5 %, 80.5 %]",
    ]
    assert polished.rows[0][3] == "50.0 % [46.9 %, 53.1 %] (500 of 1000)"  # of 81 to 99 %
    assert [row[-1][:4] for row in polished.rows] == ["", "Mann", "Mann"]
    assert groups.rows == [["random", "90.0 %", "90.0 %"]]
    rows = {row.what: row.ours[0] for row in findings.rows}
    assert rows["median confidence with the new class"] == pytest.approx(0.3)
    assert rows["median confidence with the new class, polished"] == pytest.approx(0.8)
    assert rows["photographs called fooling"] == pytest.approx(0.07)
    assert findings.summary == ("88.1 % to 11.7 %", "60.0 % to 30.0 %; polished 90.0 % to 80.0 %")
    assert all((lab.folder / image.file).exists() for image in findings.images)
