from pathlib import Path

import numpy as np
import pytest

from evofool.data.datasets import Dataset
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.report.render import as_percentage
from evofool.experiments.retraining import experiment
from evofool.experiments.retraining.rounds import Longer, Round


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


def rounds_of(*medians: float) -> list[Round]:
    """Rounds as they would be; only the medians differ."""
    return [
        Round(
            network=Path(f"{number}.safetensors"),
            number=number,
            training_set=60_000 + 1000 * number,
            fooling_share=number / (60 + number),
            error=0.01,
            rejected=0.001 * number,
            error_among_classes=0.01,
            confidence=np.full((2, 10), value),
            images=np.full((2, 10, 28, 28, 1), 100, np.uint8),
        )
        for number, value in enumerate(medians)
    ]


@pytest.fixture(autouse=True)
def longer(monkeypatch):
    found = Longer(np.array([0, 50, 100]), np.array([[0.1, 0.3], [0.3, 0.4], [0.5, 0.9]]))
    monkeypatch.setattr(experiment, "fool_longer", lambda lab, plan, last, repetition: found)


@pytest.mark.parametrize(
    ("medians", "said"),
    [
        ((0.99999, 0.9999), "reproduced"),
        ((0.99999, 0.9998), "in part"),
        ((0.99999, 0.3, 0.95), "in part"),
        ((0.99999, 0.95, 0.2), "differs"),
    ],
    ids=["certain", "less certain", "certain in the end", "not certain in the end"],
)
def test_the_verdict_is_about_all_rounds_and_the_last(lab, monkeypatch, medians, said):
    monkeypatch.setattr(experiment, "retrain", lambda lab, plan, repetition: rounds_of(*medians))
    found = experiment.mnist(lab)
    assert found.verdict.outcome == said
    assert f"{as_percentage(medians[-1])} in the last" in found.verdict.because
    assert f"{as_percentage(min(medians))} in the lowest" in found.verdict.because


def test_the_sets_are_the_paper_s(lab, monkeypatch):
    plans = []

    def retrain(lab, plan, repetition):
        plans.append(plan)
        return rounds_of(1.0, 1.0)

    monkeypatch.setattr(experiment, "retrain", retrain)
    experiment.mnist(lab)
    (plan,) = plans
    sizes = [20 * plan.first_runs] + [20 * plan.later_runs] * (plan.rounds - 1)
    assert sizes[:2] == [6000, 1000]
    assert sum(sizes) / (60_000 + sum(sizes)) == 0.25


def test_the_report_has_a_line_per_round_and_its_images(lab, monkeypatch):
    monkeypatch.setattr(experiment, "retrain", lambda lab, plan, repetition: rounds_of(0.9, 0.5))
    found = experiment.cifar10(lab)
    assert [row[0] for row in found.tables[0].rows] == [0, 1]
    assert found.tables[1].rows[-1] == [100, "70.0000 %", "50.0000 %", "90.0000 %", 2]
    assert found.verdict.outcome == "new"
    assert all((lab.folder / image.file).stat().st_size > 0 for image in found.images)
