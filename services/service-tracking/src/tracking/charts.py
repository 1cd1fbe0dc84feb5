"""Small SVG drawings for the report: no library, no script, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.tracks import Source, Tracks
from tracking.palette import colour_of

WIDTH = 920
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 24, 12, 40
_PLOT_WIDTH = WIDTH - _LEFT - _RIGHT
_MOST_POINTS = 460
"""A line has no more points than half the pixels it is wide."""
_MOST_LANES = 120


class Line(NamedTuple):
    """A line of `players_per_frame`: a number per frame, drawn in the page's colour variable `--<colour>`."""

    name: str
    values: NDArray[np.floating] | NDArray[np.integer]
    colour: str
    filled: bool = False


def players_per_frame(lines: Sequence[Line]) -> str:
    """How many boxes each frame has. Long sequences are averaged over short spans."""
    frames = max((len(line.values) for line in lines), default=0)
    if frames == 0:
        return _nothing("No frames.")
    height = 220
    span = -(-frames // _MOST_POINTS)
    means = [_averaged(np.asarray(line.values, np.float64), span) for line in lines]
    top = _round_up(max(float(mean.max()) for mean in means))
    plot_height = height - _TOP - _BOTTOM
    parts = [_axes(height, frames, top, "players")]
    for line, mean in zip(lines, means, strict=True):
        x = _LEFT + (np.arange(len(mean)) * span + (span - 1) / 2) / max(1, frames - 1) * _PLOT_WIDTH
        x = np.clip(x, _LEFT, _LEFT + _PLOT_WIDTH)
        y = _TOP + plot_height * (1 - mean / top)
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        if line.filled:
            base = _TOP + plot_height
            parts.append(
                f'<polygon points="{x[0]:.1f},{base} {path} {x[-1]:.1f},{base}" '
                f'style="fill:var(--{line.colour});opacity:.18"/>'
            )
        parts.append(f'<polyline points="{path}" class="line" style="stroke:var(--{line.colour})"/>')
    legend = "".join(
        f'<span class="key"><i style="background:var(--{line.colour})"></i>{escape(line.name)}</span>' for line in lines
    )
    return f'<div class="legend">{legend}</div>' + _svg(height, "Players per frame", parts)


def track_lanes(tracks: Tracks) -> str:
    """When each track is in view: one lane per track, in its colour; filled-in stretches are paler."""
    if len(tracks) == 0:
        return _nothing("No tracks.")
    ids, counts = np.unique(tracks.track_id, return_counts=True)
    shown = ids if len(ids) <= _MOST_LANES else np.sort(ids[np.argsort(-counts, kind="stable")[:_MOST_LANES]])
    lane = max(4.0, min(12.0, 560 / len(shown)))
    height = round(_TOP + _BOTTOM + lane * len(shown))
    frames = tracks.frame_count
    scale = _PLOT_WIDTH / max(1, frames)
    parts = [_axes(height, frames, None, "")]
    order = np.lexsort((tracks.frame, tracks.track_id))
    frame, identity, source = tracks.frame[order], tracks.track_id[order], tracks.source[order]
    step = max(1, round(12 / lane))
    for position, track_id in enumerate(shown.tolist()):
        begin, end = np.searchsorted(identity, (track_id, track_id + 1))
        y = _TOP + position * lane
        colour = colour_of(track_id)
        title = f"track {track_id}: frames {frame[begin] + 1} to {frame[end - 1] + 1}, {end - begin} boxes"
        bars = [
            _lane_bar(_LEFT + first * scale, y + lane * 0.12, (last - first + 1) * scale, lane * 0.76, guessed)
            for first, last, guessed in _stretches(frame[begin:end], source[begin:end])
        ]
        parts.append(f'<g fill="{colour}"><title>{title}</title>{"".join(bars)}</g>')
        if position % step == 0:
            parts.append(f'<text x="{_LEFT - 6}" y="{y + lane * 0.5 + 3:.1f}" class="right">{track_id}</text>')
    note = "" if len(shown) == len(ids) else f'<p class="note">The {len(shown)} longest of {len(ids)} tracks.</p>'
    return _svg(height, "Tracks over time", parts) + note


def _lane_bar(left: float, top: float, width: float, height: float, pale: bool) -> str:
    box = f'x="{left:.1f}" y="{top:.1f}" width="{max(0.8, width):.1f}" height="{height:.1f}"'
    return f'<rect {box} rx="1.5" opacity="{0.4 if pale else 1}"/>'


def track_lengths(tracks: Tracks) -> str:
    """How many tracks there are of each length, in twenty steps or fewer."""
    if len(tracks) == 0:
        return _nothing("No tracks.")
    lengths = np.unique(tracks.track_id, return_counts=True)[1]
    height = 200
    step = _round_up(max(1.0, float(lengths.max()) / 20))
    edges = np.arange(0, lengths.max() + step, step)
    counts = np.histogram(lengths - 0.5, edges)[0]
    top = _round_up(float(counts.max()))
    plot_height = height - _TOP - _BOTTOM
    width = _PLOT_WIDTH / len(counts)
    parts = [_axes(height, round(float(edges[-1])), top, "tracks", "boxes in the track", start=0)]
    for position, count in enumerate(counts.tolist()):
        if count:
            bar = plot_height * count / top
            span = f"{edges[position] + 1:.0f} to {edges[position + 1]:.0f} boxes"
            words = f"{count} track{'s' if count > 1 else ''} of {span}"
            parts.append(
                f'<rect x="{_LEFT + position * width + 1:.1f}" y="{_TOP + plot_height - bar:.1f}" '
                f'width="{width - 2:.1f}" height="{bar:.1f}" rx="2" style="fill:var(--accent)">'
                f"<title>{words}</title></rect>"
            )
    return _svg(height, "Track lengths", parts)


def _stretches(frame: NDArray[np.int32], source: NDArray[np.uint8]) -> list[tuple[int, int, bool]]:
    """First and last frame of each run of successive boxes from one source, and whether they were filled in."""
    breaks = ((np.diff(frame) > 1) | (np.diff(source.astype(np.int8)) != 0)).nonzero()[0] + 1
    begins, ends = [0, *breaks.tolist()], [*breaks.tolist(), len(frame)]
    return [
        (int(frame[begin]), int(frame[end - 1]), bool(source[begin] == Source.INTERPOLATED))
        for begin, end in zip(begins, ends, strict=True)
    ]


def _averaged(values: NDArray[np.float64], span: int) -> NDArray[np.float64]:
    starts = np.arange(0, len(values), span)
    sums: NDArray[np.float64] = np.add.reduceat(values, starts)
    return sums / np.diff(np.append(starts, len(values)))


def _axes(height: int, last: int, top: float | None, y_name: str, x_name: str = "frame", start: int = 1) -> str:
    """Grid lines with numbers: upright at round positions up to `last`, level at round values up to `top`."""
    base = height - _BOTTOM
    parts = []
    step = max(1, round(_round_up(last / 8)))
    for tick in range(0, last + 1, step):
        x = _LEFT + _PLOT_WIDTH * tick / max(1, last)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{base}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 16}" class="middle">{max(tick, start):,}</text>')
    if top is not None:
        tall = base - _TOP
        step_up = max(1, round(_round_up(top / 5)))
        for tick in range(0, int(top) + 1, step_up):
            y = base - tall * tick / top
            parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="right">{tick}</text>')
    parts.append(f'<text x="{_LEFT + _PLOT_WIDTH / 2}" y="{height - 6}" class="middle name">{x_name}</text>')
    if y_name:
        middle = _TOP + (base - _TOP) / 2
        turn = f"rotate(-90 12 {middle})"
        parts.append(f'<text x="12" y="{middle}" class="middle name" transform="{turn}">{y_name}</text>')
    return "".join(parts)


def _round_up(value: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, 50, … that is not below `value`."""
    size = 10.0 ** max(0, int(np.floor(np.log10(max(value, 1)))))
    return next(size * step for step in (1, 2, 5, 10) if size * step >= value)


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _nothing(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'
