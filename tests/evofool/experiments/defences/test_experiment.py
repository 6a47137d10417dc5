from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.defences.experiment import DEFENCES, evaluations_needed
from evofool.experiments.defences.report import EVALUATIONS, SHARES, report


def test_evaluations_are_counted_until_every_class_is_certain(
    cppn_run: Run, monkeypatch: pytest.MonkeyPatch
):
    def line(run: int, generation: int, confidence: float) -> dict[str, Any]:
        return {"run": run, "generation": generation, "min_confidence": confidence}

    lines = [line(0, 2, 0.9), line(0, 3, 0.9999), line(0, 4, 0.99999), line(1, 4, 0.9998)]
    monkeypatch.setattr(Run, "metrics", property(lambda run: lines))
    # generations 0 to 3, of 30 children each
    assert evaluations_needed(cppn_run) == [120.0, np.inf]


def test_one_table_holds_every_defence(cppn_run: Run, direct_run: Run, tmp_path: Path):
    lab = Lab(
        experiment="defences",
        domain="mnist",
        scale="full",
        seeds=3,
        out=tmp_path,
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)

    def measures(seed: int) -> dict[str, float]:
        needed = {"cppn": 600.0 * (1 + seed), "direct": np.inf if seed else 800.0}
        return {what: 0.25 * (1 + seed) for what in SHARES} | {
            f"{encoding} {EVALUATIONS}": value for encoding, value in needed.items()
        }

    networks = [measures(seed) for seed in range(3)]
    runs = {"cppn": [cppn_run] * 3, "direct": [direct_run] * 3}
    of_all, against_all = dict.fromkeys(DEFENCES, networks), dict.fromkeys(DEFENCES, runs)
    findings = report(lab, of_all, against_all, epochs=5)
    table, tests = findings.tables
    assert table.header == ["measure", "plain", "FGSM", "VAT"]
    cells = {row[0]: row[1] for row in table.rows}
    assert cells["clean digits recognised"] == "50 % [25, 75]"
    assert cells[f"CPPN images: {EVALUATIONS}"] == "1,200 [600, 1,800]"
    assert cells[f"directly encoded images: {EVALUATIONS}"] == "never [800, never]"
    assert all("P(a > b) = 0.500" in str(row[2]) for row in tests.rows), "the same runs"
    assert [row[:2] for row in tests.rows] == [
        [images, name] for images in ("CPPN", "directly encoded") for name in ("FGSM", "VAT")
    ]
    fooled = findings.verdict.because
    assert fooled.startswith(
        "plain / FGSM / VAT: FGSM .25 fools 50.0% / 50.0% / 50.0%; CPPN images"
    )
    assert "directly encoded images reach 50.0000 % / 50.0000 % / 50.0000 %" in fooled
    assert "after 1,200 / 1,200 / 1,200 evaluations" in fooled
    assert fooled.endswith("after never / never / never evaluations")
    sheet, curves = (lab.folder / image.file for image in findings.images)
    assert curves.stat().st_size < 500_000
    with Image.open(sheet) as sheet:
        assert sheet.height > 6 * 100
