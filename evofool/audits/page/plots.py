"""Plots as SVG, in the colours of the page's style sheet, light and dark."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from evofool.audits.calibration import Bin
from evofool.audits.page.markup import escaped
from evofool.images import on_axis

Points = Sequence[tuple[float, float]]
Ticks = Sequence[tuple[float, str]]

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 14, 42
ROW = 34  # pixels of a row of the histogram
SHARES: Ticks = [(0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1, "100 %")]
CONFIDENCES = (0.01, 0.1, 0.5, 0.9, 0.99, 0.9999, 1 - 1e-6, 1 - 1e-8)
LEAST, MOST = -5.0, 21.0  # log-odds at the ends of the histogram
BARS = 52


class Frame(NamedTuple):
    """Where data lie in a plot.

    Attributes:
        x: least and largest value of the horizontal axis.
        y: of the vertical axis.
        height: of the plot in pixels.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    height: float = HEIGHT

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Returns where a point lies, in pixels; what is outside lies at the edge."""
        across, up = (
            min(1.0, max(0.0, (value - low) / (high - low)))
            for value, (low, high) in ((x, self.x), (y, self.y))
        )
        inner = self.height - TOP - BOTTOM
        return LEFT + across * (WIDTH - LEFT - RIGHT), TOP + (1 - up) * inner

    def axes(self, x_ticks: Ticks, y_ticks: Ticks, *, label: str) -> str:
        """Draws a line and a text for every tick, and the label of the horizontal axis."""
        left, bottom = self.place(self.x[0], self.y[0])
        right, top = self.place(self.x[1], self.y[1])
        parts = []
        for value, text in y_ticks:
            _, y = self.place(0, value)
            parts.append(_line(left, y, right, y, "grid"))
            parts.append(_text(left - 6, y + 4, text, "end"))
        for value, text in x_ticks:
            x, _ = self.place(value, 0)
            parts.append(_line(x, top, x, bottom, "grid"))
            parts.append(_text(x, bottom + 17, text, "middle"))
        parts.append(_text((left + right) / 2, self.height - 6, label, "middle"))
        return "".join(parts)


def curves(
    lines: Mapping[str, Points], *, title: str, x_label: str, x_ticks: Ticks, dots: bool = False
) -> str:
    """Draws shares as lines over anything, with a legend."""
    most = max(x for points in lines.values() for x, _ in points)
    frame = Frame((0.0, most * 1.02), (0.0, 1.0))
    parts = [frame.axes(x_ticks, SHARES, label=x_label)]
    for number, points in enumerate(lines.values()):
        places = [frame.place(x, y) for x, y in points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="line s{number}" points="{joined}"/>')
        if dots:
            parts += [
                f'<circle class="fill s{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
                for x, y in places
            ]
    return _svg("".join(parts), HEIGHT, title) + legend(list(lines))


def histograms(groups: Mapping[str, Sequence[float]], *, threshold: float, title: str) -> str:
    """Draws the confidences of several groups of images on one axis, a row for each group.

    Args:
        groups: log-odds of the images of each group.
        threshold: the confidence that counts, at which a line is drawn.
        title: of the plot, for those who cannot see it.
    """
    height = TOP + BOTTOM + ROW * len(groups)
    frame = Frame((LEAST, MOST), (0.0, float(len(groups))), height)
    ticks = [(float(on_axis(p)), _confidence(p)) for p in CONFIDENCES]
    parts = [frame.axes(ticks, [], label="confidence")]
    edges = np.linspace(LEAST, MOST, BARS + 1)
    for number, (name, values) in enumerate(groups.items()):
        below = float(len(groups) - 1 - number)
        counts, _ = np.histogram(np.clip(values, LEAST, MOST), edges)
        tallest = max(1, counts.max())
        _, base = frame.place(0, below)
        for bar, count in enumerate(counts):
            if count:
                left, top = frame.place(edges[bar], below + 0.86 * count / tallest)
                right, _ = frame.place(edges[bar + 1], 0)
                parts.append(
                    f'<rect class="fill s{0 if number else 1}" x="{left:.1f}" y="{top:.1f}" '
                    f'width="{right - left - 1:.1f}" height="{base - top:.1f}"/>'
                )
        parts.append(_line(LEFT, base, WIDTH - RIGHT, base, "grid"))
        parts.append(_text(LEFT - 6, base - 4, name, "end"))
    x, top = frame.place(float(on_axis(threshold)), float(len(groups)))
    parts.append(_line(x, top, x, height - BOTTOM, "bar"))
    return _svg("".join(parts), height, title)


def reliability_plot(bins: Sequence[Bin], *, title: str) -> str:
    """Draws accuracy over confidence; a calibrated classifier lies on the diagonal."""
    frame = Frame((0.0, 1.0), (0.0, 1.0))
    parts = [frame.axes(SHARES, SHARES, label="confidence")]
    (x0, y0), (x1, y1) = frame.place(0, 0), frame.place(1, 1)
    for one in bins:
        if one["n"]:
            left, top = frame.place(one["low"], one["accuracy"])
            right, _ = frame.place(one["high"], 0)
            parts.append(
                f'<rect class="fill s0" x="{left + 1:.1f}" y="{top:.1f}" '
                f'width="{right - left - 2:.1f}" height="{y0 - top:.1f}">'
                f"<title>{one['n']} images</title></rect>"
            )
    parts.append(_line(x0, y0, x1, y1, "bar"))
    return _svg("".join(parts), HEIGHT, title)


def round_ticks(most: float, count: int = 5) -> Ticks:
    """Returns round numbers from 0 to at most `most`, with thousands separated."""
    step: float = 10 ** np.floor(np.log10(max(most, 1) / count))
    step *= next(factor for factor in (1, 2, 5, 10) if most / (step * factor) <= count)
    return [(value, f"{value:,.0f}") for value in np.arange(0, most * 1.0001, step).tolist()]


def legend(names: Sequence[str]) -> str:
    """Returns the names of lines, each with its colour."""
    items = (
        f'<li><i class="s{number}"></i>{escaped(name)}</li>' for number, name in enumerate(names)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _confidence(p: float) -> str:
    return f"{100 * p:.10g} %" if p < 1 - 1e-5 else f"1 - 1e{np.log10(1 - p):.0f}"


def _svg(content: str, height: float, title: str) -> str:
    return (
        f'<div class="wide"><svg viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{escaped(title)}">{content}</svg></div>'
    )


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(text)}</text>'
