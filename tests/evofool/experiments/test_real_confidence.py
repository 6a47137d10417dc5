import numpy as np
import pytest

from evofool.experiments import real_confidence
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.real_confidence import CLAIMS, Certainty, Measures, name_nearest, rows_of
from evofool.experiments.report import judge


def log_odds(*confidences: float) -> np.ndarray:
    values = np.array(confidences)
    return np.log(values / (1 - values))


def test_groups_are_those_recognised_and_mistaken():
    groups = Certainty(np.array([3.0, 1.0, 2.0]), np.array([True, False, True])).groups
    assert {group: values.tolist() for group, values in groups.items()} == {
        "all": [3.0, 1.0, 2.0],
        "recognised": [3.0, 2.0],
        "mistaken": [1.0],
    }
    flawless = Certainty(np.array([3.0]), np.array([True]))
    assert list(flawless.groups) == ["all", "recognised"]


# medians of all, recognised and mistaken photographs
AS_PUBLISHED = Certainty(log_odds(0.6, 0.87, 0.9, 0.3, 0.35), np.array([0, 1, 1, 0, 0], bool))
LESS_CERTAIN = Certainty(log_odds(0.2, 0.3, 0.31, 0.1, 0.15), np.array([0, 1, 1, 0, 0], bool))
REVERSED = Certainty(log_odds(0.95, 0.1, 0.11, 0.96, 0.97), np.array([0, 1, 1, 0, 0], bool))


@pytest.mark.parametrize(
    ("real", "fooling", "holds", "outcome"),
    [
        (AS_PUBLISHED, 0.9, [True] * 5, "reproduced"),
        (AS_PUBLISHED, 0.6, [True] * 3 + [False] * 2, "in part"),
        (LESS_CERTAIN, 0.9, [False] * 3 + [True] * 2, "in part"),
        (REVERSED, 0.1, [False] * 5, "differs"),
    ],
    ids=["as published", "fooling images uncertain", "order alone", "neither"],
)
def test_the_published_medians_and_their_order_are_what_is_reproduced(
    real, fooling, holds, outcome
):
    rows = rows_of(Measures({"net": real}, log_odds(fooling)[None]), CLAIMS)
    assert [row.holds for row in rows] == holds
    assert judge(rows).outcome == outcome


def test_a_group_without_images_does_not_hold():
    flawless = Certainty(log_odds(0.6, 0.9), np.array([True, True]))
    rows = rows_of(Measures({"net": flawless}, log_odds(0.9)[None]), CLAIMS)
    (mistaken,) = (row for row in rows if row.what == "median confidence, mistaken")
    assert (list(mistaken.ours), mistaken.n, mistaken.holds) == ([], "0 images", False)


def test_a_nearer_network_is_named():
    real = {"first": LESS_CERTAIN, "far": REVERSED, "near": AS_PUBLISHED}
    (text,) = name_nearest(real)
    assert text.startswith("near is nearest to the paper: all 60.0 %, recognised ")
    assert name_nearest({"first": LESS_CERTAIN, "far": REVERSED}) == []


@pytest.mark.parametrize("claims", [(), CLAIMS], ids=["new", "published"])
def test_a_report_has_all_networks_and_its_chart(tmp_path, claims):
    lab = Lab(
        experiment="real-confidence",
        domain="imagenet",
        scale="small",
        seeds=1,
        out=tmp_path,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    measures = Measures({"a": AS_PUBLISHED, "b": REVERSED}, log_odds(0.9, 0.95)[None])
    findings = real_confidence.report(lab, measures, "photographs", claims)
    (table,) = findings.tables
    assert [row[:2] for row in table.rows] == [["a", "40.0 %"], ["b", "40.0 %"]]
    assert "all 60.0 %" in findings.verdict.because
    assert (
        "100 %" in findings.notes[1]
    )  # all that are recognised are below the median fooling image
    assert all((lab.folder / image.file).exists() for image in findings.images)
    assert (findings.verdict.outcome == "new") == (not claims)
