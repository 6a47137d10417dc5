"""The scripts a researcher starts from, run one after the other as they say."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[1] / "scripts"


def script(name: str, *arguments: str, folder: Path) -> str:
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_run_is_launched_resumed_and_taken_apart(tmp_path: Path):
    assert "3/3: median confidence" in script(
        "launch_run", "mine", "--generations", "3", folder=tmp_path
    )
    assert "now at generation 5" in script(
        "resume_run", "mine", "--generations", "5", folder=tmp_path
    )
    shown = script("inspect_archive", "mine", "--class", "7", folder=tmp_path)
    assert "out = " in shown
    assert (tmp_path / "lineage.png").exists()
