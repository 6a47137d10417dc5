import json
from pathlib import Path

import numpy as np
import pytest

from evofool.audits import METRICS, audit
from evofool.audits.elites import save_elites
from evofool.cli import main
from tests.evofool.cli.running import output_of


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three images of an audit, of which nothing else is left."""
    folder = tmp_path_factory.mktemp("earlier")
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    row = {"label": "class 0", "confidence": 0.9, "log_odds": 2.2, "likeliest": "class 0"}
    rows = [{**row, "index": 0, "run": run, "evaluations": None} for run in range(3)]
    part = {"source": "cppn", "is_aimed": True, "evaluations": 3, "rows": rows}
    save_elites(folder, [{**part, "curve": None, "metrics": {}}], {"cppn": images})
    return folder


def test_metrics_are_listed(capsys: pytest.CaptureFixture[str]):
    assert set(json.loads(output_of(capsys, "audit", "--metrics", "--json"))) == set(METRICS)
    assert "fooled@P" in output_of(capsys, "audit", "--metrics")


def test_an_audit_needs_a_classifier_and_a_folder(capsys: pytest.CaptureFixture[str]):
    assert main(["audit", "lenet"]) == 2
    assert "evofool audit ADDRESS --out DIR" in capsys.readouterr().err


@pytest.mark.parametrize(("gate", "code"), [("replay@0.5<0", 0), ("replay@0.5>=0", 1)])
def test_a_gate_decides_the_exit_code(
    earlier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    gate: str,
    code: int,
):
    out, replay = str(tmp_path / "out"), str(earlier)
    given = ["audit", "mock:10", "--out", out, "--replay", replay, "--fail-if", gate, "--quiet"]
    assert main(given) == code
    assert f"page: {out}" in capsys.readouterr().out
    assert main(given) == 2  # it is there
    assert main([*given, "--overwrite", "--json"]) == code
    shown = json.loads(capsys.readouterr().out)
    assert shown["gates"][0]["gate"] == gate


def test_an_invalid_and_a_stopped_audit_have_codes_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    factory = tmp_path / "certain.py"
    factory.write_text(
        "import evofool, dataclasses\n"
        "def make():\n"
        "    mock = evofool.load_classifier('mock:10')\n"
        "    sharp = lambda params, images: 1e4 * mock.apply(params, images)\n"
        "    return dataclasses.replace(mock, apply=sharp)\n",
        encoding="utf-8",
    )
    assert main(["audit", f"{factory}:make", "--out", str(tmp_path / "a"), "--quiet"]) == 3
    late = ["--max-seconds", "0.000001", "--out", str(tmp_path / "b"), "--quiet"]
    assert main(["audit", "mock:10", *late]) == 4
    assert "the same command goes on" in capsys.readouterr().out


def test_two_audits_side_by_side(
    earlier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    one, two = (
        audit(name, out=tmp_path / name[-1], replay=earlier) for name in ("mock:10", "mock:12")
    )
    text = output_of(capsys, "audit-diff", one.folder, two.folder)
    assert "replay@0.99" in text
    shown = json.loads(
        output_of(capsys, "audit-diff", one.folder, two.folder / "audit.json", "--json")
    )
    assert {row["metric"] for row in shown["differences"]} >= {"replay@0.99", "replay@0.5"}
    assert shown["after"]["about"]["classes"] == 12
