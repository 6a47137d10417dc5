import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run, Sweep, UserError, compare_by, plot_comparison, write_comparison
from evofool.measures import holm, mann_whitney, median_interval
from tests.evofool.cli.running import output_of

RATE = "direct.mutation_rate"


def lines_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_groups_hold_the_runs_of_their_settings(finished_sweep: Sweep):
    compared = compare_by([finished_sweep], by=[RATE])
    values = [run.finished["median_confidence"] for run in finished_sweep.runs]
    low, high = compared.groups
    assert (low.settings, high.settings) == ({RATE: 0.02}, {RATE: 0.3})
    assert (list(low.values), list(high.values)) == (values[:3], values[3:])
    assert low.median == median_interval(values[:3])
    assert (low.test, high.test) == (None, mann_whitney(values[3:], values[:3]))
    assert (compared.baseline, compared.unfinished) == ("0.02", 0)


def test_p_values_are_corrected_for_their_number(finished_sweep: Sweep):
    compared = compare_by([finished_sweep], by=["seed"], over=[RATE], baseline="1")
    tests = [group.test.p for group in compared.groups if group.test]
    assert [group.label for group in compared.groups] == ["0", "1", "2"]
    assert compared.groups[1].p is None
    assert [group.p for group in compared.groups if group.test] == holm(tests)


def test_runs_are_sorted_by_number_and_given_as_folders(finished_sweep: Sweep):
    folders = [run.folder for run in reversed(finished_sweep.runs)]
    assert [group.label for group in compare_by(folders, by=[RATE]).groups] == ["0.02", "0.3"]


def test_independent_runs_have_seeds_of_their_own(cppn_run: Run):
    (group,) = compare_by([cppn_run], by=["encoding"]).groups
    assert len(group.values) == 2


def test_what_never_happened_is_later_than_anything(finished_sweep: Sweep, tmp_path: Path):
    compared = compare_by([finished_sweep], by=[RATE], measure="median_at_9999")
    assert [math.isinf(value) for group in compared.groups for value in group.values] == [True] * 6
    write_comparison(compared, tmp_path / "t.csv")
    rows = lines_of(tmp_path / "t.csv")
    assert [(row["n"], row["median"]) for row in rows] == [("3", ""), ("3", "")]
    plot_comparison(compared, tmp_path / "t.png")
    assert pixels_of(tmp_path / "t.png").shape[0] == 880


@pytest.mark.parametrize("measure", ["median_confidence", "classes_ge_90"])
def test_a_plot_shows_every_run(finished_sweep: Sweep, tmp_path: Path, measure):
    compared = compare_by([finished_sweep], by=[RATE], measure=measure)
    plot_comparison(compared, tmp_path / "p.png")
    levels = pixels_of(tmp_path / "p.png")
    is_blue = (levels[..., 2] - levels[..., 0]) > 60
    assert is_blue.sum() > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": ["mutation_rat"]}, "unknown setting 'mutation_rat'"),
        ({"by": []}, "name at least one setting"),
        ({"by": [RATE], "over": [RATE]}, "to compare by or over, not both"),
        ({"by": ["encoding"]}, f"the runs also differ in {RATE}; add that to --by or to --over"),
        ({"by": [RATE], "baseline": "0.5"}, "unknown baseline '0.5'; .*valid: 0.02; 0.3"),
        ({"by": [RATE], "measure": "beauty"}, "unknown measure 'beauty'"),
    ],
)
def test_what_cannot_be_compared_is_refused(finished_sweep: Sweep, options: dict, message: str):
    with pytest.raises(UserError, match=message):
        compare_by([finished_sweep], **options)


def test_a_run_counts_once(finished_sweep: Sweep):
    with pytest.raises(UserError, match="have the same settings and count once"):
        compare_by([finished_sweep, finished_sweep.runs[0]], by=[RATE])


def test_compare_prints_groups_and_leaves_files(
    finished_sweep: Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = ("compare", finished_sweep.folder, "--by", RATE, "--over", "seed")
    shown = output_of(capsys, *command, "--csv", tmp_path / "a.csv", "--plot", tmp_path / "a.png")
    assert [line.split()[:2] for line in shown.splitlines()[1:]] == [["0.02", "3"], ["0.3", "3"]]
    rows = json.loads(output_of(capsys, *command, "--json"))
    written = lines_of(tmp_path / "a.csv")
    assert [float(row["median"]) for row in written] == [row["median"] for row in rows]
    assert (tmp_path / "a.png").exists()
    lines = json.loads(output_of(capsys, "compare", finished_sweep.folder, "--json"))
    assert len(lines) == 6
