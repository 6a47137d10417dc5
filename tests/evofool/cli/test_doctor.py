"""doctor as a command."""

import json

import pytest

from evofool.cli import main
from tests.evofool.cli.running import output_of


def test_doctor_forecasts_and_tests(capsys: pytest.CaptureFixture[str]):
    small = ["--classifier", "mock:10", "--encoding", "direct", "--batch-size", 20]
    shown = output_of(capsys, "doctor", *small)
    assert "evaluations/s" in shown
    assert "ok: mock:10 tells images apart" in shown


def test_doctor_fails_when_the_classifier_cannot_be_loaded(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--classifier", "mock:1", "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert not content["passed"]
    assert content["forecast"] is None
    assert "expected mock:CLASSES" in content["checks"][0]["detail"]
