import numpy as np
import pytest

from evofool.experiments import irregular
from evofool.experiments.bench import Lab, Supplies, shared_runs

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab in which the LeNet takes the place of the network for ImageNet."""
    monkeypatch.setattr(shared_runs, "NETWORK", "lenet")
    lab = Lab(
        experiment="irregular",
        domain="mnist",
        scale="small",
        seeds=1,
        out=tmp_path,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    return lab


def test_digits_are_compared_with_the_papers_generations(lab, monkeypatch):
    evolved = []

    def evolve(name, **settings):
        evolved.append((name, settings["runs"]))
        return Lab.evolve(lab, "lenet", **settings)

    monkeypatch.setattr(lab, "evolve", evolve)
    findings = irregular.EXPERIMENT.parts["mnist"].run(lab)
    every, _, _, _, by_then, *others = findings.rows
    assert evolved == [("lenet", 1), ("lenet", 1), ("lenet-b", 1), ("lenet", 1)]
    assert (every.paper, by_then.paper) == ("< 50", "10")
    assert by_then.what == "digits >= 99.99 % at generation 39"
    assert 0 < by_then.ours[0] <= 10
    assert len(others) == 2
    assert others[1].ours == every.ours  # here it is the same network
    # in part at best, unless every class was certain before generation 50
    assert every.holds == (len(every.ours) == lab.seeds)
    assert (findings.verdict.outcome == "reproduced") <= every.holds


def test_a_thousand_classes_say_what_the_schedule_left(lab):
    findings = irregular.EXPERIMENT.parts["imagenet"].run(lab)
    median, high, constant = findings.rows
    assert (median.paper, high.paper) == ("21.59 %", "45")
    assert "0.05% of the genes" in constant.what
    (table,) = findings.tables
    ends, _, medians, gains = np.array(table.rows).T
    assert ends.tolist() == list(range(2, 21, 2))
    np.testing.assert_allclose(np.cumsum(gains), medians - (medians[0] - gains[0]))
    assert {image.file for image in findings.images} == {
        path.name for path in lab.folder.iterdir() if path.is_file()
    }
