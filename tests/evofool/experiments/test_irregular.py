import numpy as np
import pytest

from evofool.experiments import Lab, irregular
from evofool.experiments.supplies import Supplies


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab in which the LeNet takes the place of the network for ImageNet."""
    monkeypatch.setattr(irregular, "NETWORK", "lenet")
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


def test_digits_are_compared_with_the_papers_generations(lab):
    findings = irregular.mnist(lab)
    assert [row.paper for row in findings.rows[:2]] == ["< 50", "<= 200"]
    # nothing is reproduced unless every class was certain before generation 50
    assert (findings.verdict.said == "reproduced") == (len(findings.rows[0].ours) == lab.seeds)
    assert "0 of 1 runs" in findings.verdict.because or "1 of 1 runs" in findings.verdict.because


def test_a_thousand_classes_say_what_the_schedule_left(lab):
    findings = irregular.imagenet(lab)
    median, high, constant = findings.rows
    assert (median.paper, high.paper) == ("21.59 %", "45")
    assert "0.05% of the genes" in constant.what
    (table,) = findings.tables
    ends, _, medians, gains = np.array(table.rows).T
    assert ends.tolist() == list(range(2, 21, 2))
    np.testing.assert_allclose(np.cumsum(gains), medians - (medians[0] - gains[0]))
    assert {picture.file for picture in findings.pictures} == {
        path.name for path in lab.folder.iterdir()
    }
