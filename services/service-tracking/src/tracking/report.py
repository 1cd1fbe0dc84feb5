"""One HTML file that shows a run: it opens from disk, needs no network, and is read by people who did not run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from shared_libs.common.tracks import Source, Tracks
from tracking.charts import Line, players_per_frame, track_lanes, track_lengths

_STYLE = """
:root { color-scheme: light dark; --paper:#f6f7f9; --card:#fff; --ink:#16202c; --soft:#5d6b7a; --rule:#dfe4ea;
  --accent:#1273de; --second:#e07a1f; --third:#8894a2 }
@media (prefers-color-scheme: dark) { :root { --paper:#10151b; --card:#18202a; --ink:#e8edf3; --soft:#93a1b1;
  --rule:#2a3542; --accent:#4aa3ff; --second:#ffab5c; --third:#8291a1 } }
* { box-sizing:border-box }
body { margin:0; background:var(--paper); color:var(--ink); font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
  "DejaVu Sans",sans-serif }
main { max-width:1000px; margin:0 auto; padding:28px 20px 60px }
h1 { font-size:26px; margin:0 0 2px; overflow-wrap:anywhere } h2 { font-size:17px; margin:0 0 12px }
.sub { color:var(--soft); margin:0 0 22px }
section { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:18px 20px; margin:0 0 18px }
.tiles { display:grid; grid-template-columns:repeat(var(--columns),1fr); gap:12px; margin:0 0 18px }
@media (max-width: 640px) { .tiles { grid-template-columns:repeat(2,1fr) } }
.tile { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:12px 16px }
.tile b { display:block; font-size:26px; line-height:1.25; font-variant-numeric:tabular-nums }
.tile span { color:var(--soft); font-size:13px }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums }
th,td { text-align:left; padding:5px 12px 5px 0; border-bottom:1px solid var(--rule); vertical-align:top }
th { font-weight:500; color:var(--soft); white-space:nowrap } td { overflow-wrap:anywhere }
tr:last-child th, tr:last-child td { border-bottom:0 }
.list tr:last-child td { border-bottom:0 } .list th { border-bottom:1px solid var(--rule) !important }
.remark { border-left:4px solid var(--second); background:var(--card); padding:10px 14px; border-radius:6px;
  margin:0 0 18px } .scroll { overflow-x:auto }
video { width:100%; border-radius:8px; background:#000; display:block }
svg { width:100%; height:auto; display:block } svg text { fill:var(--soft); font-size:12px }
svg .middle { text-anchor:middle } svg .right { text-anchor:end }
svg .grid { stroke:var(--rule); stroke-width:1 } svg .line { fill:none; stroke-width:1.8 }
.legend { display:flex; flex-wrap:wrap; gap:16px; color:var(--soft); font-size:13px; margin:0 0 6px }
.key i { display:inline-block; width:12px; height:12px; border-radius:3px; margin-right:6px; vertical-align:-1px }
.note { color:var(--soft); font-size:13px; margin:8px 0 0 } code { font-size:13px } details summary { cursor:pointer;
  font-weight:600 } details table { margin-top:10px } a { color:var(--accent) }
"""

_METRICS = (
    ("hota", "HOTA", "overall: finding players and keeping who is who, in equal parts"),
    ("det_a", "DetA", "finding players"),
    ("ass_a", "AssA", "keeping who is who"),
    ("loc_a", "LocA", "how well the boxes fit"),
    ("idf1", "IDF1", "share of boxes under the right identity"),
    ("mota", "MOTA", "1 minus misses, false boxes and switches per true box"),
)
_COUNTS = (
    ("switches", "identity switches"),
    ("false_positives", "false boxes"),
    ("false_negatives", "missed boxes"),
    ("fragmentations", "interruptions"),
    ("truth_ids", "true identities"),
    ("track_ids", "tracks"),
)


@dataclass(frozen=True, slots=True)
class ReportPlayer:
    """A row of the table of players. name, team and role are empty where they are not known; `appearances`: how often
    the player came into view; `first_second`: when for the first time."""

    player_id: int
    name: str
    team: str
    role: str
    seconds: float
    appearances: int
    first_second: float


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the report says about a run beyond the tracks themselves."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    """Rows of the table "This run": name and value."""
    settings: Mapping[str, object]
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Results by name; with those of `evaluate.Scores` where there was truth."""
    detections_per_frame: Sequence[int] = ()
    truth_per_frame: Sequence[int] = ()
    video: str | None = None
    """File name of the annotated video beside the report."""
    players: Sequence[ReportPlayer] = ()
    """Who was found; none where the tracks are the online tracker's."""
    remark: str = ""
    """What has to be said before anything else."""


def report_html(tracks: Tracks, about: ReportFacts) -> str:
    """The report as one HTML page."""
    body = [
        f"<h1>{escape(about.title)}</h1>",
        f'<p class="sub">{escape(about.subtitle)}</p>',
        *([f'<p class="remark">{escape(about.remark)}</p>'] if about.remark else []),
        _tiles(tracks, about),
    ]
    if about.video:
        name = escape(about.video, quote=True)
        body.append(
            f'<section><h2>Video</h2><video src="{name}" controls muted loop playsinline preload="metadata"></video>'
            f'<p class="note"><a href="{name}">{name}</a> lies beside this page. A box with corners only is filled in '
            "between two detections.</p></section>"
        )
    if "hota" in about.metrics:
        body.append(_accuracy(about.metrics))
    body += [
        f"<section><h2>Players per frame</h2>{players_per_frame(_lines(tracks, about))}</section>",
        *([_players(about.players)] if about.players else []),
        f"<section><h2>Tracks over time</h2>{track_lanes(tracks)}</section>",
        f"<section><h2>Track lengths</h2>{track_lengths(tracks)}</section>",
        f"<section><h2>This run</h2>{_table(about.facts)}</section>",
        "<section><details><summary>Settings of the tracker</summary>"
        f"{_table([(name, str(value)) for name, value in about.settings.items()])}</details></section>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(about.title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def _tiles(tracks: Tracks, about: ReportFacts) -> str:
    lengths = np.unique(tracks.track_id, return_counts=True)[1]
    tiles = [(f"{100 * about.metrics[name]:.1f}", title) for name, title, _ in _METRICS if name in about.metrics][:1]
    tiles += [(f"{100 * about.metrics[name]:.1f}", name.upper()) for name in ("idf1", "mota") if name in about.metrics]
    tiles += [
        (f"{len(lengths):,}", "tracks"),
        (f"{tracks.frame_count:,}", "frames"),
        (f"{len(tracks) / tracks.frame_count:.1f}" if tracks.frame_count else "0", "players per frame, mean"),
        (f"{np.median(lengths):,.0f}" if len(lengths) else "0", "boxes per track, median"),
    ]
    return (
        f'<div class="tiles" style="--columns:{min(4, len(tiles)) if len(tiles) > 7 else len(tiles)}">'
        + "".join(f'<div class="tile"><b>{value}</b><span>{escape(name)}</span></div>' for value, name in tiles)
        + "</div>"
    )


def _accuracy(metrics: Mapping[str, float]) -> str:
    rows = "".join(
        f"<tr><td><b>{title}</b></td><td>{100 * metrics[name]:.2f}</td><td>{escape(words)}</td></tr>"
        for name, title, words in _METRICS
        if name in metrics
    )
    counts = ", ".join(f"{metrics[name]:,.0f} {words}" for name, words in _COUNTS if name in metrics)
    return (
        "<section><h2>Accuracy against the truth</h2><table>"
        f'{rows}</table><p class="note">In per cent; 100 is perfect. {escape(counts)}.</p></section>'
    )


def _players(players: Sequence[ReportPlayer]) -> str:
    rows = "".join(
        f"<tr><td><b>{player.player_id}</b></td><td>{escape(player.name)}</td><td>{escape(player.team)}</td>"
        f"<td>{escape(player.role)}</td><td>{player.seconds:.1f} s</td><td>{player.appearances}</td>"
        f"<td>{_clock(player.first_second)}</td></tr>"
        for player in players
    )
    head = "".join(f"<th>{words}</th>" for words in ("Player", "Name", "Team", "Role", "Seen", "Times", "From"))
    return (
        f'<section><h2>Players</h2><div class="scroll"><table class="list"><tr>{head}</tr>{rows}</table></div>'
        '<p class="note">Found by how people move and what they wear; correct them in the log of edits.</p></section>'
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _lines(tracks: Tracks, about: ReportFacts) -> list[Line]:
    tracked = np.bincount(tracks.frame, minlength=tracks.frame_count)
    lines = [Line("tracked", tracked, "accent", filled=True)]
    if len(about.detections_per_frame):
        lines.insert(0, Line("detected", np.asarray(about.detections_per_frame), "third"))
    if len(about.truth_per_frame):
        lines.append(Line("truth", np.asarray(about.truth_per_frame), "second"))
    guessed = tracks.frame[tracks.source == Source.INTERPOLATED]
    if len(guessed):
        lines.append(Line("of these filled in", np.bincount(guessed, minlength=tracks.frame_count), "ink"))
    return lines


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return (
        '<div class="scroll"><table>'
        + "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        + "</table></div>"
    )
