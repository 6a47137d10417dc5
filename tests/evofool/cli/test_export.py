"""export and verify as commands."""

import json

import pytest

from evofool import Run
from tests.evofool.cli.running import output_of


def test_verify_passes_on_the_machine_that_made_the_run(
    direct_run: Run, capsys: pytest.CaptureFixture[str]
):
    assert "verified" in output_of(capsys, "verify", direct_run.folder)
    content = json.loads(output_of(capsys, "verify", direct_run.folder, "--json"))
    assert content["passed"]
    assert content["is_same_platform"]
    assert content["elites"] == 3
