"""The one axis on which charts show confidence: log-odds, with confidences at its ticks.

Log-odds tell apart what is near 0 and what is near 1, and are what evolution maximises. Plot
`on_axis(confidence)`, then call `confidence_axis`.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAREST = (
    2.0**-53
)  # of a float64 to 1 that is not 1 itself; 0 and 1 are drawn that far from the end
# the most telling first: those that follow fill the gaps
_TICKS = (
    0.5,
    0.9,
    0.1,
    0.99,
    0.01,
    1 - 1e-4,
    1e-4,
    1 - 1e-6,
    1e-6,
    1 - 1e-8,
    1e-8,
    1 - 1e-10,
    1e-10,
)
_TICKS += (
    1 - 1e-12,
    1e-12,
    1 - 1e-15,
    1e-15,
    0.999,
    0.001,
    0.7,
    0.3,
    0.97,
    0.03,
    0.8,
    0.2,
    0.6,
    0.4,
)
_TICKS += (0.95, 0.05, 0.98, 0.02)
_TICKS += tuple(end for power in (5, 7, 9, 11, 13) for end in (1 - 10.0**-power, 10.0**-power))
_MOST_TICKS = 11
_LEAST_SPAN = 0.5  # nats: figures that hardly differ are not blown up


def on_axis(confidences: ArrayLike) -> Float[np.ndarray, "*shape"]:
    """Returns where confidences in [0, 1] lie on the axis: log-odds, finite also for 0 and 1."""
    p = np.clip(np.asarray(confidences, np.float64), NEAREST, 1 - NEAREST)
    return np.asarray(np.log(p) - np.log1p(-p))


def confidence_axis(axes: "Axes", label: str, *, which: Literal["x", "y"] = "y") -> None:
    """Labels an axis whose data are log-odds with confidences, and scales it to the data.

    Args:
        axes: on which everything is drawn already.
        label: of the axis.
        which: of the axes.
    """
    axis, (low, high) = (
        (axes.yaxis, axes.get_ylim()) if which == "y" else (axes.xaxis, axes.get_xlim())
    )
    if high - low < _LEAST_SPAN:
        middle = (low + high) / 2
        low, high = middle - _LEAST_SPAN / 2, middle + _LEAST_SPAN / 2
    ticks = _ticks_between(low, high)
    axis.set_ticks(on_axis(ticks).tolist(), labels=list(map(_text, ticks)))
    if which == "x":  # long ones stand side by side
        axes.tick_params("x", labelrotation=30)
    (axes.set_ylim if which == "y" else axes.set_xlim)(low, high)
    axis.set_label_text(label)


def _ticks_between(low: float, high: float) -> list[float]:
    """Chooses confidences whose log-odds lie in a range, none too near to another."""
    chosen: list[float] = []
    for tick in _TICKS:
        place = float(on_axis(tick))
        distance = min((abs(place - float(on_axis(other))) for other in chosen), default=np.inf)
        if low <= place <= high and distance >= (high - low) / _MOST_TICKS:
            chosen.append(tick)
    if len(chosen) >= 3:
        return sorted(chosen)
    # in so short a range, confidence is nearly linear
    from matplotlib.ticker import MaxNLocator

    first, last = (float(1 / (1 + np.exp(-end))) for end in (low, high))
    round_ones = MaxNLocator(6).tick_values(first, last)
    return [float(tick) for tick in round_ones if first <= tick <= last]


def _text(confidence: float) -> str:
    """Writes a tick with the digits that tell it from 0 and 1."""
    if confidence > 1 - 1e-8:
        return f"1 - {1 - confidence:.0e}"
    return f"{100 * confidence:.10g} %" if confidence > 1e-7 else f"{confidence:.0e}"
