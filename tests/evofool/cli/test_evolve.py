"""evolve and resume as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evofool import Run
from evofool.cli import main
from evofool.cli.flags import starting_config

SMALL = ["--classifier", "mock:10", "--encoding", "direct", "--batch-size", "20"]


def evofool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evofool", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_user_evolves_looks_and_goes_on(tmp_path: Path):
    evolved = evofool("evolve", *SMALL, "--generations", "4", folder=tmp_path)
    assert evolved.returncode == 0, evolved.stderr
    assert "class 9" in evolved.stdout
    assert "100 evaluations" in evolved.stdout
    assert "runs/direct-0/gallery.png" in evolved.stdout
    assert "generation 4/4" in evolved.stderr
    assert "\x1b" not in evolved.stdout + evolved.stderr  # no colours in a pipe
    folder = tmp_path / "runs/direct-0"
    made = {path.name for path in folder.iterdir()}
    assert made >= {"config.json", "summary.json", "metrics.jsonl", "checkpoints"}
    assert made >= {"gallery.png", "convergence.png"}

    resumed = evofool("resume", str(folder), "--generations", "8", "--json", folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    summary = json.loads(resumed.stdout)
    assert (summary["generations"], summary["evaluations"]) == (8, 180)

    whole = evofool(
        "evolve",
        *SMALL,
        "--generations",
        "8",
        "--devices",
        "2",
        "--json",
        "--quiet",
        folder=tmp_path,
    )
    assert whole.stderr == ""
    assert json.loads(whole.stdout)["run"] == "runs/direct-0-2"
    assert json.loads(whole.stdout)["archive_sha256"] == summary["archive_sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cppn", "direct"])
def test_a_later_command_finds_the_program_and_leaves_the_same_archive(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EVOFOOL_CACHE", str(tmp_path / "cache"))
    shas, programs = set(), []
    for name, devices in {"first": "2", "again": "2", "other": "1"}.items():
        command = ["evolve", "--encoding", encoding, "--generations", "2", "--devices", devices]
        done = evofool(*command, "--out", name, "--json", "--quiet", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        shas.add(json.loads(done.stdout)["archive_sha256"])
        programs.append(len(list((tmp_path / "cache" / "programs").iterdir())))
    assert len(shas) == 1
    assert programs == [1, 1, 2]


@pytest.mark.slow
def test_of_many_elites_both_ends_and_one_sheet_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = ["--classifier", "mock:101:8x8x1", "--generations", "1", "--batch-size", "20"]
    assert main(["evolve", *arguments, "--out", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "101 elites: median" in shown
    assert "and 81 between these" in shown
    assert f"(100 of 101; all: evofool gallery {tmp_path / 'run'} --out sheet.jpg)" in shown


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(tmp_path: Path):
    command = [sys.executable, "-m", "evofool", "evolve", *SMALL, "--generations", "1000000"]
    process = subprocess.Popen(
        [*command, "--out", "my run"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    log = tmp_path / "my run/metrics.jsonl"
    for _ in range(600):
        if log.exists() and log.stat().st_size:
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    stopped = Run.open(tmp_path / "my run")
    assert f"stopped after generation {stopped.generation}; continue with:" in said
    assert said.splitlines()[-1] == "  evofool resume 'my run'"
    assert "Traceback" not in said


@pytest.mark.slow
def test_resuming_a_finished_run_changes_nothing(
    direct_run: Run, capsys: pytest.CaptureFixture[str]
):
    before = (direct_run.folder / "summary.json").read_bytes()
    assert main(["resume", str(direct_run.folder), "--quiet"]) == 0
    assert (direct_run.folder / "summary.json").read_bytes() == before
    assert capsys.readouterr().out == ""


def test_a_target_that_is_missed_is_said_and_exit_code_1(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    evolve = ["evolve", *SMALL, "--quiet", "--generations", "1", "--target-confidence"]
    assert main([*evolve, "0.999999", "--out", "missed", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["target_reached"] is False
    assert "target confidence 0.999999 not reached: the least certain class is at" in shown.err
    assert shown.err.endswith("continue with:\n  evofool resume missed --generations 2\n")

    polish = ["--encoding", "direct", "--polish", "1", "--out", "polished"]  # is not extended
    assert main([*evolve, "0.999999", *polish]) == 1
    assert capsys.readouterr().err.endswith("--generations, --polish.steps or --polish.rounds\n")

    assert main([*evolve, "0.01", "--out", "reached", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["target_reached"] is True
    assert shown.err == ""

    assert main([*evolve, "0.999999", "--max-evaluations", "20", "--out", "capped"]) == 1
    assert capsys.readouterr().err.endswith("its evaluations are used up\n")


@pytest.mark.slow
def test_an_out_that_is_there_is_refused_until_overwrite(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    evolve = ["evolve", *SMALL, "--generations", "1", "--out", "mine", "--quiet"]
    assert main(evolve) == 0
    assert main(evolve) == 2
    said = capsys.readouterr().err
    assert "mine is there already" in said
    assert "evofool resume mine" in said
    assert "--overwrite" in said
    assert main([*evolve, "--overwrite", "--seed", "1"]) == 0
    assert Run.open("mine").config.seed == 1


def test_overwrite_leaves_other_folders_alone(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (in_tmp_path / "thesis").mkdir()
    (in_tmp_path / "thesis/chapter.tex").write_text("years of work")
    assert main(["evolve", *SMALL, "--out", "thesis", "--overwrite"]) == 2
    assert "not a run directory" in capsys.readouterr().err
    assert (in_tmp_path / "thesis/chapter.tex").exists()


def test_flags_win_over_the_file_over_the_preset_over_the_defaults(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (in_tmp_path / "mine.toml").write_text(
        'classifier = "mock:10"\nencoding = "direct"\ngenerations = 7\n'
        '[cppn]\nrounding = "nearest"\n'
    )
    given = ["--preset", "mnist-cppn-released", "--config=mine.toml", "--generations", "0"]
    assert main(["evolve", *given, "--batch-size", "20", "--json", "--quiet"]) == 0
    summary = json.loads(capsys.readouterr().out)
    config = Run.open(summary["run"]).config
    assert summary["run"] == "runs/mnist-cppn-released-0"
    assert (config.generations, config.batch_size) == (0, 20)  # flags
    assert (config.encoding, config.cppn.rounding) == ("direct", "nearest")  # file
    assert config.cppn.coordinates == "pixels"  # preset
    assert config.cppn.weight_rate == 0.1  # default


def test_a_preset_without_a_name_is_left_to_the_parser():
    assert starting_config(["--preset"]) == starting_config([])
