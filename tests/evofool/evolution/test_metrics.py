import json
from typing import get_type_hints

import numpy as np
import pytest

from evofool.evolution import metrics
from evofool.evolution.generation import Log
from evofool.support.errors import UserError


def log_odds(confidence: list[float]) -> np.ndarray:
    p = np.array(confidence)
    return np.log(p) - np.log1p(-p)


def test_summary_takes_the_mean_of_the_two_middle_confidences():
    summary = metrics.summarize(log_odds([0.2, 0.991, 0.4, 0.99995]))
    assert summary["min_confidence"] == pytest.approx(0.2)
    assert summary["median_confidence"] == pytest.approx((0.4 + 0.991) / 2)
    assert summary["mean_confidence"] == pytest.approx((0.2 + 0.991 + 0.4 + 0.99995) / 4)
    assert summary["max_confidence"] == pytest.approx(0.99995)
    assert (summary["classes_ge_99"], summary["classes_ge_9999"]) == (2, 1)


def test_an_empty_cell_counts_as_no_confidence():
    summary = metrics.summarize(np.array([-np.inf, 0.0]))
    assert (summary["min_confidence"], summary["max_confidence"]) == (0.0, 0.5)


def test_lines_have_one_entry_per_run():
    winner = np.array([[0, -1, 4], [-1, -1, -1]], np.int32)
    parents = np.zeros((2, 5, 1), np.int32)
    log = Log(np.zeros((2, 3), np.float32), winner, parents, np.array([0, 6], np.int32))
    lines = metrics.lines_of(7, log, np.array([1, 0]), seed=40, evaluations=40)
    assert [line["seed"] for line in lines] == [40, 41]
    assert [line["replacements"] for line in lines] == [2, 0]
    assert [line["class_changes"] for line in lines] == [1, 0]
    assert [line["num_invalid"] for line in lines] == [0, 6]
    assert all(line["evaluations"] == 40 and line["generation"] == 7 for line in lines)


def line_of(generation: int, run: int = 0, median: float = 0.0) -> metrics.MetricsLine:
    zeros = {name: 0 for name in get_type_hints(metrics.MetricsLine)}
    return zeros | {"generation": generation, "run": run, "median_confidence": median}


def text_of(*generations: int) -> str:
    return "".join(json.dumps(line_of(generation)) + "\n" for generation in generations)


def test_lines_are_appended_over_reopenings_and_cut_by_generation(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for generations in ((0, 1), (2, 3)):
        log = metrics.MetricsLog(path, log_every=1)
        log.append([line_of(generation) for generation in generations])
        log.close()
    assert [line["generation"] for line in metrics.read(path)] == [0, 1, 2, 3]
    metrics.cut(path, lambda generation: generation <= 1)
    assert [line["generation"] for line in metrics.read(path)] == [0, 1]
    metrics.cut(tmp_path / "none.jsonl", lambda generation: True)
    assert not (tmp_path / "none.jsonl").exists()


def test_a_half_written_last_line_is_left_out_and_cut_off(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(text_of(0, 1) + '{"genera')
    assert [line["generation"] for line in metrics.read(path)] == [0, 1]
    metrics.cut(path, lambda generation: True)
    assert path.read_text() == text_of(0, 1)


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(text_of(0) + "nonsense\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2 is not JSON"):
        list(metrics.read(path))


def test_a_full_disk_is_a_clear_error(tmp_path):
    log = metrics.MetricsLog(tmp_path / "file" / "metrics.jsonl", log_every=1)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cannot write"):
        log.append([line_of(0)])


def test_the_generation_that_reached_a_bar_is_the_first_of_its_run():
    lines = [line_of(g, run, 0.1 * g + 0.4 * run) for g in range(6) for run in range(2)]
    assert metrics.generation_reaching(lines, 0.35, run=0) == 4
    assert metrics.generation_reaching(lines, 0.35, run=1) == 0
    assert metrics.generation_reaching(lines, 0.95, run=1) is None
