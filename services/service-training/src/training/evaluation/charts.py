"""Small SVG drawings of curves: no library, no script, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 24, 12, 42


class Axis(NamedTuple):
    """What an axis shows: `low` to `high`, with a word at each of `ticks`; powers of ten where logarithmic."""

    name: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def place(self, values: npt.ArrayLike) -> Float64:
        """Where on the axis values are, 0 to 1; those beyond its ends at the ends."""
        low, high = np.float64(self.low), np.float64(self.high)
        clipped = np.clip(np.asarray(values, np.float64), low, high)
        if self.logarithmic:
            low, high, clipped = np.log10(low), np.log10(high), np.log10(clipped)
        return np.asarray((clipped - low) / (high - low), np.float64)


class Line(NamedTuple):
    """Points joined by a line in the page's colour variable `--<colour>`; the area below it is tinted if `filled`."""

    name: str
    x: Float64
    y: Float64
    colour: str
    filled: bool = False
    dotted: bool = False
    """With a dot at each point: there is nothing between them."""


class Mark(NamedTuple):
    """An upright line at x, with words beside it."""

    x: float
    words: str


def plot(
    title: str, size: tuple[int, int], x_axis: Axis, y_axis: Axis, lines: Sequence[Line], mark: Mark | None = None
) -> str:
    """The lines on their axes, of width and height `size`, and a legend above."""
    width, height = size
    wide, tall = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    base = _TOP + tall
    parts = [_grid(x_axis, y_axis, wide, tall)]
    for line in lines:
        x, y = _LEFT + wide * x_axis.place(line.x), base - tall * y_axis.place(line.y)
        points = np.column_stack([x, y])
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points.tolist())
        colour = f"var(--{line.colour})"
        if line.filled:
            area = f"{points[0, 0]:.1f},{base} {path} {points[-1, 0]:.1f},{base}"
            parts.append(f'<polygon points="{area}" style="fill:{colour};opacity:.18"/>')
        parts.append(f'<polyline points="{path}" class="line" style="stroke:{colour}"/>')
        if line.dotted:
            dots = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in points.tolist())
            parts.append(f'<g style="fill:{colour}">{"".join(dots)}</g>')
    if mark is not None:
        place = float(x_axis.place(mark.x))
        at = _LEFT + wide * place
        side, shift = ("right", -6) if place > 0.5 else ("", 6)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{base}" class="mark"/>')
        parts.append(f'<text x="{at + shift:.1f}" y="{_TOP + 12}" class="{side}">{escape(mark.words)}</text>')
    legend = "".join(
        f'<span class="key"><i style="background:var(--{line.colour})"></i>{escape(line.name)}</span>' for line in lines
    )
    return (
        f'<div class="legend">{legend}</div><svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def _grid(x_axis: Axis, y_axis: Axis, wide: int, tall: int) -> str:
    base = _TOP + tall
    parts = []
    for value, words in x_axis.ticks:
        x = _LEFT + wide * float(x_axis.place(value))
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{base}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 16}" class="middle">{escape(words)}</text>')
    for value, words in y_axis.ticks:
        y = base - tall * float(y_axis.place(value))
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="right">{escape(words)}</text>')
    middle = _TOP + tall / 2
    parts.append(f'<text x="{_LEFT + wide / 2}" y="{base + 35}" class="middle">{escape(x_axis.name)}</text>')
    parts.append(
        f'<text x="12" y="{middle}" class="middle" transform="rotate(-90 12 {middle})">{escape(y_axis.name)}</text>'
    )
    return "".join(parts)
