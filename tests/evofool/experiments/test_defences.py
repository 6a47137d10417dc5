from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.experiments import defences
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.defences import (
    DEFENCES,
    FGSM,
    Defence,
    Evolved,
    Measures,
    evaluations_needed,
    report,
)


def test_evaluations_are_counted_until_every_class_is_certain(
    cppn_run: Run, monkeypatch: pytest.MonkeyPatch
):
    def line(run: int, generation: int, confidence: float) -> dict[str, Any]:
        of_all = {"min_confidence": confidence, "median_confidence": confidence}
        return {"run": run, "generation": generation, **of_all}

    lines = [line(0, 2, 0.9), line(0, 3, 0.9999), line(0, 4, 0.99999), line(1, 4, 0.9998)]
    monkeypatch.setattr(Run, "metrics", property(lambda run: lines))
    # generations 0 to 3, of 30 children each
    assert evaluations_needed(cppn_run).tolist() == [120.0, np.inf]


def test_one_table_holds_every_defence(
    cppn_run: Run, direct_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lab = Lab(
        experiment="defences",
        domain="mnist",
        scale="full",
        seeds=3,
        out=tmp_path,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    runs = {"cppn": [cppn_run] * 3, "direct": [direct_run] * 3}
    monkeypatch.setattr(defences, "evolve_all", lambda lab: dict.fromkeys(DEFENCES, runs))
    shares = {what: np.array([0.25, 0.5, 0.75]) for what in ("clean digits recognised", FGSM)}
    even = np.zeros((3, 2, 10))  # log-odds of a half
    evolved = {
        "cppn": Evolved(even, np.array([[600.0] * 2, [1200.0] * 2, [1800.0] * 2])),
        "direct": Evolved(even, np.array([[800.0] * 2, [np.inf] * 2, [np.inf] * 2])),
    }
    measures = Measures(dict.fromkeys(DEFENCES, Defence(shares, evolved)))
    findings = report(lab, measures)
    table, tests = findings.tables
    assert table.header == ["measure", "plain", "FGSM", "VAT"]
    cells = {row[0]: row[1] for row in table.rows}
    assert cells["clean digits recognised"] == "50.0 % [25.0 %, 75.0 %]"
    needed = "evaluations until every class is certain"
    assert cells[f"CPPN images: {needed}"] == "1,200 [600, 1,800]"
    assert cells[f"directly encoded images: {needed}"] == "never [800, never]"
    assert all("P(a > b) = 0.500" in str(row[2]) for row in tests.rows), "the same runs"
    assert [row[:2] for row in tests.rows] == [
        [images, name] for images in ("CPPN", "directly encoded") for name in ("FGSM", "VAT")
    ]
    assert findings.verdict.outcome == "new"
    fooled = findings.verdict.because
    assert fooled.startswith(
        "plain / FGSM / VAT: FGSM .25 fools 50.0 % / 50.0 % / 50.0 %; CPPN images"
    )
    assert "directly encoded images reach 50.0 % / 50.0 % / 50.0 %" in fooled
    assert "after 1,200 / 1,200 / 1,200 evaluations" in fooled
    assert fooled.endswith("after never / never / never evaluations")
    published = {row.what: row.paper for row in findings.rows if row.paper}
    assert published == {f"{FGSM}, plain": "89.4 %", f"{FGSM}, FGSM": "17.9 %"}
    sheet, curves = (lab.folder / image.file for image in findings.images)
    assert curves.stat().st_size < 500_000
    with Image.open(sheet) as shown:
        assert shown.height > 6 * 100
