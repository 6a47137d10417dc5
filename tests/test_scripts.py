"""The scripts a researcher starts from, run one after the other as they say."""

import re
import runpy
import sys
from pathlib import Path

import jax
import pytest

import evofool

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a script as its own program, in this process; returns what it printed."""
    update = jax.config.update

    def update_but_devices(name: str, value: object) -> None:
        if name != "jax_num_cpu_devices":  # which stay once something was computed
            update(name, value)

    monkeypatch.setattr(jax.config, "update", update_but_devices)

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_run_is_launched_resumed_and_taken_apart(in_tmp_path: Path, script):
    assert "3/3: median confidence" in script("launch_run", "mine", "--generations", "3")
    assert "now at generation 5" in script("resume_run", "mine", "--generations", "5")
    assert "out = " in script("inspect_archive", "mine", "--class", "7")
    assert (in_tmp_path / "lineage.png").exists()


def test_many_visitors_are_answered_and_leave_nothing_open(tmp_path: Path, script, capsys):
    run = evofool.evolve("mock:10", generations=2, batch_size=20, out=tmp_path / "run")
    with pytest.raises(SystemExit) as ended:
        script("load_test", str(run.folder), "--clients", "15", "--seconds", "3")
    said = capsys.readouterr().out
    assert ended.value.code == 0, said
    found = re.search(r"all .* 0 of (\d+) failed\n.*open files: (\d+), (\d+), (\d+)", said)
    assert found is not None, said
    answered, before, meanwhile, after = map(int, found.groups())
    assert answered > 15
    assert meanwhile > before >= after


def test_rows_of_a_score_card_that_were_not_made_again_stay(in_tmp_path: Path, script):
    card = "# Score card\n\n| a | b |\n| --- | --- |\n| [x](x/mnist/report.md) | {} |\n"
    other = "| [y](y/mnist/report.md) | 1 |\n"
    for folder, text in (("made", card.format(2)), ("kept", card.format(1) + other)):
        Path(folder).mkdir()
        Path(folder, "scorecard.md").write_text(text, encoding="utf-8")
    script("publish_reports", "made", "kept")
    assert Path("kept/scorecard.md").read_text(encoding="utf-8") == card.format(2) + other
    Path("made/scorecard.md").write_text(card.format(2).replace("x", "z"), encoding="utf-8")
    with pytest.raises(SystemExit, match="no rows of z/mnist"):
        script("publish_reports", "made", "kept")
