"""Many visitors at once, as `scripts/load_test.py` lets them come."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from evofool import Run

SCRIPT = Path(__file__).parents[3] / "scripts" / "load_test.py"


@pytest.mark.slow
def test_many_visitors_are_answered_and_leave_nothing_open(
    cppn_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    arguments = [str(SCRIPT), str(cppn_run.folder), "--clients", "15", "--seconds", "3"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    said = capsys.readouterr().out
    assert ended.value.code == 0, said
    found = re.search(r"all .* 0 of (\d+) failed\n.*open files: (\d+), (\d+), (\d+)", said)
    assert found is not None, said
    answered, before, meanwhile, after = map(int, found.groups())
    assert answered > 15
    assert meanwhile > before >= after
