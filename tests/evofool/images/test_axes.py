import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from evofool.images import chart, confidence_axis, on_axis


def axes_of(confidences: list[float], which: str = "y"):
    axes = Figure().subplots()
    places = on_axis(confidences)
    axes.plot(*((range(len(places)), places) if which == "y" else (places, range(len(places)))))
    confidence_axis(axes, "confidence", which=which)
    return axes


def test_the_axis_is_one_of_log_odds_and_finite_at_its_ends():
    assert on_axis(0.5) == 0
    assert on_axis(0.9) == pytest.approx(math.log(9))
    places = on_axis([0.0, 1e-300, 0.3, 1 - 1e-12, 1.0])
    assert np.isfinite(places).all()
    assert (np.diff(places) >= 0).all()


RANGES = {
    "a median of 38 %": ([1e-6, 0.02, 0.38], ["0.01 %", "0.1 %", "1 %", "10 %"]),
    "near certain": ([0.5, 0.9999, 1 - 1e-8], ["50 %", "90 %", "99 %", "99.99 %", "99.9999 %"]),
    "hardly different": ([0.37, 0.38], ["36 %", "38 %", "40 %"]),
    "the same": ([0.5, 0.5], ["45 %", "50 %", "55 %"]),
    "beyond what float64 tells apart": ([0.0, 1.0], ["1e-12", "50 %", "1 - 1e-12"]),
}


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("which", ["x", "y"])
def test_ticks_are_confidences_spread_over_the_data(name: str, which: str):
    confidences, expected = RANGES[name]
    axes = axes_of(confidences, which)
    axis = axes.yaxis if which == "y" else axes.xaxis
    ticks, (low, high) = axis.get_ticklocs(), axis.get_view_interval()
    texts = [text.get_text() for text in axis.get_ticklabels()]
    assert set(expected) <= set(texts)
    assert len(texts) == len(set(texts))
    assert 3 <= len(ticks) <= 12
    assert ((ticks >= low) & (ticks <= high)).all()
    assert np.diff(ticks).min() >= (high - low) / 12
    data = on_axis(confidences)
    assert low <= data.min() <= data.max() <= high
    # the data fill the axis, unless they hardly differ
    assert np.ptp(data) >= 0.9 * (high - low) or high - low == pytest.approx(0.5)


def test_an_axis_of_confidence_can_be_written(tmp_path: Path):
    with chart(tmp_path / "a.png") as axes:
        axes.plot(on_axis([0.1, 0.9]))
        confidence_axis(axes, "confidence")
    assert (tmp_path / "a.png").stat().st_size > 1000
