"""The frame of a report: how it looks, and the tables in it. It opens from disk, needs no network, and prints."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

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
.tiles { display:grid; grid-template-columns:repeat(5,1fr); gap:12px; margin:0 0 18px }
.tile { background:var(--card); border:1px solid var(--rule); border-radius:12px; padding:12px 16px }
.tile b { display:block; font-size:26px; line-height:1.25; font-variant-numeric:tabular-nums }
.tile span { color:var(--soft); font-size:13px }
.pair { display:grid; grid-template-columns:1fr 1fr; gap:18px } .pair section { min-width:0 }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums }
th,td { text-align:left; padding:5px 12px 5px 0; border-bottom:1px solid var(--rule); vertical-align:top }
th { font-weight:500; color:var(--soft); white-space:nowrap } td { overflow-wrap:anywhere }
tr:last-child th, tr:last-child td { border-bottom:0 } .list tr:first-child th { border-bottom:1px solid var(--rule) }
.list td+td, .list th+th { text-align:right; padding:5px 0 5px 16px; white-space:nowrap }
.list td:first-child { min-width:11em } .ours td { font-weight:600 } .narrow { max-width:560px }
.scroll { overflow-x:auto }
.remark { border-left:4px solid var(--second); background:var(--card); padding:10px 14px; border-radius:6px;
  margin:0 0 18px }
svg { width:100%; height:auto; display:block } svg text { fill:var(--soft); font-size:12px }
svg .middle { text-anchor:middle } svg .right { text-anchor:end }
svg .grid { stroke:var(--rule); stroke-width:1 } svg .line { fill:none; stroke-width:1.8 }
svg .mark { stroke:var(--ink); stroke-width:1.2; stroke-dasharray:4 4 }
.legend { display:flex; flex-wrap:wrap; gap:4px 16px; color:var(--soft); font-size:13px; margin:0 0 6px }
.key i { display:inline-block; width:12px; height:12px; border-radius:3px; margin-right:6px; vertical-align:-1px }
.note { color:var(--soft); font-size:13px; margin:10px 0 0 } .words p { margin:0 0 8px; max-width:76ch }
.confusions { display:grid; grid-template-columns:repeat(auto-fill,minmax(280px,1fr)); gap:14px }
.confusion { border:1px solid var(--rule); border-radius:10px; padding:10px; display:grid;
  grid-template-columns:repeat(3,1fr); gap:8px }
figure { margin:0; min-width:0 }
figure img { width:100%; height:auto; display:block; border-radius:6px; background:var(--rule) }
figcaption { font-size:12px; line-height:1.35; color:var(--soft); margin-top:5px; overflow-wrap:anywhere }
figcaption b { color:var(--ink); display:block }
.asked img { outline:2px solid var(--third) } .wrong img { outline:2px solid var(--second) }
.right img { outline:2px solid var(--accent) }
@media (max-width: 720px) { .tiles { grid-template-columns:repeat(2,1fr) } .pair { grid-template-columns:1fr; gap:0 } }
@media print { :root { color-scheme:light; --paper:#fff; --card:#fff; --ink:#16202c; --soft:#5d6b7a; --rule:#dfe4ea;
  --accent:#1273de; --second:#e07a1f; --third:#8894a2 } main { max-width:none; padding:0 }
  body { font-size:12px } .scroll { overflow:visible } .list td+td, .list th+th { padding-left:10px }
  .confusions { grid-template-columns:repeat(3,1fr) }
  figcaption, .note { font-size:10px }
  .tile, .confusion, .pair, tr, section:has(svg) { break-inside:avoid } h2 { break-after:avoid }
  * { print-color-adjust:exact; -webkit-print-color-adjust:exact } }
"""


def page(title: str, subtitle: str, body: Sequence[str]) -> str:
    """One HTML page; `body` is HTML, the rest plain text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f'<body><main>\n<h1>{escape(title)}</h1>\n<p class="sub">{escape(subtitle)}</p>\n'
        f"{chr(10).join(body)}\n</main></body></html>\n"
    )


def tiles(values: Sequence[tuple[str, str]]) -> str:
    """A few figures that are seen first, each with the words below it."""
    cells = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(words)}</span></div>' for value, words in values
    )
    return f'<div class="tiles">{cells}</div>'


def facts_table(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values."""
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<div class="scroll"><table>{cells}</table></div>'


def figures_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, narrow: bool = False, first_is_ours: bool = False
) -> str:
    """Rows of numbers under the names of `columns`; the first column names the row. Ours stands out."""
    head = "".join(f"<th>{escape(words)}</th>" for words in columns)
    lines = ["".join(f"<td>{escape(value)}</td>" for value in row) for row in rows]
    marks = ['<tr class="ours">' if first_is_ours and position == 0 else "<tr>" for position in range(len(rows))]
    body = "".join(f"{mark}{line}</tr>" for mark, line in zip(marks, lines, strict=True))
    place = "scroll narrow" if narrow else "scroll"
    return f'<div class="{place}"><table class="list"><tr>{head}</tr>{body}</table></div>'
