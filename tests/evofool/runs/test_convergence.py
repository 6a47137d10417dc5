import contextlib
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evofool import Run
from evofool.images import on_axis
from evofool.runs import convergence

GENERATIONS = np.arange(50)


def axes_of(
    monkeypatch: pytest.MonkeyPatch, runs: int, median: np.ndarray, *, spread: float = 2.0
) -> Axes:
    """Draws runs whose medians (log-odds) differ by 0.1 nats; returns the axes."""
    axes = Figure().subplots()

    @contextlib.contextmanager
    def chart(path: Path) -> Iterator[Axes]:
        yield axes

    def confidence(log_odds: float) -> float:
        return float(1 / (1 + np.exp(-log_odds)))

    lines = [
        {
            "run": run,
            "generation": generation,
            "min_confidence": confidence(odds + 0.1 * run - spread),
            "median_confidence": confidence(odds + 0.1 * run),
            "max_confidence": confidence(odds + 0.1 * run + spread),
        }
        for generation, odds in enumerate(median.tolist())
        for run in range(runs)
    ]
    config = SimpleNamespace(seed=3, runs=runs, encoding="cppn")
    run = SimpleNamespace(config=config, metrics=lines, card=SimpleNamespace(name="net"))
    monkeypatch.setattr(convergence, "chart", chart)
    convergence.write_convergence(run, Path("unused.png"))
    return axes


def legend(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_few_runs_have_a_line_in_a_colour_each(monkeypatch: pytest.MonkeyPatch):
    axes = axes_of(monkeypatch, 2, np.linspace(-1, 9, 50))
    assert legend(axes) == ["seed 3", "seed 4"]
    assert len({line.get_color() for line in axes.get_lines()}) == 2


def test_of_many_runs_the_median_stands_out_in_one_span(monkeypatch: pytest.MonkeyPatch):
    axes = axes_of(monkeypatch, 30, np.linspace(-1, 9, 50))
    assert legend(axes) == ["median of 30 seeds"]
    assert len(axes.get_lines()) == 31
    assert len(axes.collections) == 1
    thick = axes.get_lines()[-1]
    np.testing.assert_allclose(thick.get_ydata(), np.linspace(-1, 9, 50) + 1.45, atol=0.01)
    assert all(line.get_linewidth() < thick.get_linewidth() for line in axes.get_lines()[:-1])


def test_a_run_that_ends_at_38_percent_fills_its_chart(monkeypatch: pytest.MonkeyPatch):
    median = np.linspace(-6, float(on_axis(0.38)), 50)
    low, high = axes_of(monkeypatch, 1, median).get_ylim()
    assert high < on_axis(0.9)
    assert np.ptp(median) > 0.5 * (high - low)


def test_a_run_without_a_generation_has_an_empty_chart(monkeypatch: pytest.MonkeyPatch):
    axes = axes_of(monkeypatch, 6, np.array([]))
    assert legend(axes) == ["median of 6 seeds"]


def test_the_script_that_plots_runs_draws_every_independent_run(
    cppn_run: Run,
):
    script = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "plot_runs.py"))
    axes = Figure().subplots()
    script["draw"](axes, [cppn_run, cppn_run], ["one", "two"], x="generation")
    assert legend(axes) == ["one", "two"]
    lines = axes.get_lines()
    assert [line.get_color() for line in lines] == ["C0", "C0", "C1", "C1"]
    for index in range(2):
        medians = [m["median_confidence"] for m in cppn_run.metrics if m["run"] == index]
        np.testing.assert_array_equal(lines[index].get_ydata(), on_axis(medians))


def test_the_script_compares_runs_by_the_minutes_that_they_took(cppn_run: Run):
    script = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "plot_runs.py"))
    axes = Figure().subplots()
    script["draw"](axes, [cppn_run] * 2, ["same"] * 2, x="generation", minutes=[3.0, 6.0])
    assert legend(axes) == ["same"]
    lines = axes.get_lines()
    assert [line.get_linestyle() for line in lines] == ["-", "-", "--", "--"]
    assert {line.get_color() for line in lines} == {"C0"}
    for line, minutes in zip(lines, [3.0, 3.0, 6.0, 6.0], strict=True):
        mine = [m["evaluations"] for m in cppn_run.metrics if m["run"] == 0]
        np.testing.assert_allclose(line.get_xdata(), minutes * np.array(mine) / mine[-1])
