import json
import shutil
from pathlib import Path

import pytest

from evofool import Run, UserError, compare


def test_compare_agrees_with_the_summary(cppn_run: Run):
    lines = compare([cppn_run])
    summary = cppn_run.summary
    assert summary is not None
    assert [line.seed for line in lines] == [0, 1]
    for line, per_run in zip(lines, summary["per_run"], strict=True):
        assert line.median_confidence == per_run["median_confidence"]
        assert line.min_confidence == per_run["min_confidence"]
        assert line.classes_ge_90 == per_run["classes_ge_90"]
        assert line.classes_ge_9999 == per_run["classes_ge_9999"]
        assert (line.generation, line.evaluations) == (12, 13 * 30)


def test_the_generation_at_which_the_median_arrived_is_the_first(cppn_run: Run):
    for index, line in enumerate(compare([cppn_run])):
        reached = [
            logged["generation"]
            for logged in cppn_run.metrics
            if logged["run"] == index and logged["median_confidence"] >= 0.9999
        ]
        assert line.median_at_9999 == (reached[0] if reached else None)
        assert line.median_at_90 is not None
        assert line.median_at_9999 is None or line.median_at_90 <= line.median_at_9999


def test_a_run_without_a_logged_generation_is_refused(direct_run: Run, tmp_path: Path):
    shutil.copy(direct_run.folder / "config.json", tmp_path)
    with pytest.raises(UserError, match="has logged no generation yet; go on"):
        compare([tmp_path])


def test_lines_that_did_not_count_classes_at_90_are_read(direct_run: Run, tmp_path: Path):
    shutil.copy(direct_run.folder / "config.json", tmp_path)
    with (tmp_path / "metrics.jsonl").open("w") as stream:
        for line in direct_run.metrics:
            del line["classes_ge_90"]
            stream.write(json.dumps(line) + "\n")
    (line,) = compare([tmp_path])
    assert line.classes_ge_90 is None
    assert line.classes_ge_99 == compare([direct_run])[0].classes_ge_99
