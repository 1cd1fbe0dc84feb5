"""One HTML file that shows how well vectors tell people apart, for those who did not measure it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
import numpy.typing as npt

from training.dataset.crop_set import CropSet
from training.evaluation.charts import Axis, Line, Mark, plot
from training.evaluation.confusions import AT_MOST_PER_PAIR, Confusion
from training.evaluation.measuring import Scores
from training.evaluation.page import facts_table, figures_table, page, tiles
from training.evaluation.verification import BINS, FALSE_ACCEPTS, accepts, edges

_LINE_COLOURS = ("accent", "second", "third", "ink")
"""Of the model's own line, and of the baselines' after it."""
_HALF, _WHOLE = (460, 300), (940, 260)
"""Width and height of the plots."""
_RANKS = 20
_LEAST_RATE = 1e-4
_STEPS = 90
"""Steps of likeness that the plot of its distribution has at most."""
_MOST_PEOPLE = 15
_JPEG_QUALITY = 92
_NOTHING = "Nothing could be measured: no crop has both a right answer and a wrong one among the others."


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the report says beyond the scores themselves."""

    title: str
    subtitle: str
    name: str
    """Of whose scores they are, in tables and legends."""
    data: Sequence[tuple[str, str]] = ()
    """Further rows of the table "Data": name and value."""
    baselines: Sequence[tuple[str, Scores]] = ()
    """Others measured on the same crops, each with its name."""
    remark: str = ""
    """What has to be said before anything else."""


def report_html(scores: Scores, about: ReportFacts, crops: CropSet) -> str:
    """The report on `scores`, as `measure` gave them for `crops`, as one HTML page."""
    remarks = [about.remark, "" if scores.ranking.queries else _NOTHING]
    body = [f'<p class="remark">{escape(remark)}</p>' for remark in remarks if remark]
    if scores.ranking.queries:
        rows = [(about.name, scores), *about.baselines]
        body += [
            _headline(scores),
            _comparison(rows),
            f'<div class="pair">{_matches(rows)}{_receiver(rows)}</div>',
            _likenesses(scores),
            _confusions(scores, crops),
            _people(scores, crops),
        ]
    body += [_protocol(scores), _data(about, crops)]
    return page(about.title, about.subtitle, body)


def _headline(scores: Scores) -> str:
    ranking, verification = scores.ranking, scores.verification
    return tiles(
        [
            (_percent(ranking.rank1), "rank-1"),
            (_percent(ranking.mean_average_precision), "mAP"),
            (_percent(ranking.mean_inverse_negative_penalty), "mINP"),
            (_percent(verification.equal_error_rate), "equal-error rate"),
            (f"{ranking.queries:,}", "queries"),
        ]
    )


def _comparison(rows: Sequence[tuple[str, Scores]]) -> str:
    columns = ("", "rank-1", "rank-5", "rank-10", "mAP", "mINP", "rank-1 by person", "AUC", "equal error")
    return (
        "<section><h2>Scores</h2>"
        f"{figures_table(columns, [_scores_row(name, scores) for name, scores in rows], first_is_ours=True)}"
        '<p class="note">In per cent. More is better, but for the equal error. By person: the mean over people, so '
        "that those with many crops do not outweigh the rest.</p></section>"
    )


def _scores_row(name: str, scores: Scores) -> list[str]:
    ranking, verification = scores.ranking, scores.verification
    shares = (
        ranking.rank1,
        ranking.rank5,
        ranking.rank10,
        ranking.mean_average_precision,
        ranking.mean_inverse_negative_penalty,
        ranking.rank1_by_identity,
        verification.area_under_curve,
        verification.equal_error_rate,
    )
    return [name, *map(_percent, shares)]


def _matches(rows: Sequence[tuple[str, Scores]]) -> str:
    ranks = np.arange(1, _RANKS + 1)
    lines = [
        Line(name, ranks.astype(np.float64), scores.ranking.cumulative_matches(_RANKS), colour, dotted=True)
        for (name, scores), colour in zip(rows, _LINE_COLOURS, strict=False)
    ]
    x_axis = Axis("rank", 0.5, _RANKS + 0.5, [(rank, str(rank)) for rank in (1, 5, 10, 15, 20)])
    return (
        "<section><h2>Right person among the first (CMC)</h2>"
        f"{plot('CMC curve', _HALF, x_axis, _per_cent_axis('queries, %'), lines)}{_left_out(rows)}</section>"
    )


def _receiver(rows: Sequence[tuple[str, Scores]]) -> str:
    rates = np.geomspace(_LEAST_RATE, 1, 161)
    lines = []
    for (name, scores), colour in zip(rows, _LINE_COLOURS, strict=False):
        let_through = accepts(scores.verification.wrong)
        # The lowest edge of a bin at which no more than each rate gets through.
        edge = np.searchsorted(-let_through, -rates, side="left")
        lines.append(Line(name, rates, accepts(scores.verification.right)[edge], colour))
    ticks = [(1e-4, "0.01 %"), (1e-3, "0.1 %"), (1e-2, "1 %"), (1e-1, "10 %"), (1.0, "100 %")]
    x_axis = Axis("different people taken for one", _LEAST_RATE, 1, ticks, logarithmic=True)
    return (
        "<section><h2>Same person or not (ROC)</h2>"
        f"{plot('ROC curve', _HALF, x_axis, _per_cent_axis('same person recognised, %'), lines)}</section>"
    )


def _likenesses(scores: Scores) -> str:
    verification = scores.verification
    used = (verification.right + verification.wrong).nonzero()[0]
    first, last = int(used[0]), int(used[-1]) + 1
    step = -(-(last - first) // _STEPS)
    starts = np.arange(first, last, step)
    middle = edges()[starts] + step / BINS
    right, wrong = (
        100 * np.add.reduceat(counts[:last], starts) / counts.sum()
        for counts in (verification.right, verification.wrong)
    )
    top = _round_up(float(max(right.max(), wrong.max())))
    lines = [
        Line("different people", middle, wrong, "second", filled=True),
        Line("same person", middle, right, "accent", filled=True),
    ]
    low, high = float(middle[0]) - 0.02, float(middle[-1]) + 0.02
    apart = next(apart for apart in (0.2, 0.1, 0.05, 0.02, 0.01, 0.005) if (high - low) / apart > 5)
    ticks = [(apart * n, f"{apart * n:g}") for n in range(math.ceil(low / apart), math.floor(high / apart) + 1)]
    x_axis = Axis("likeness (cosine)", low, high, ticks)
    y_axis = Axis("pairs, %", 0, top, [(top * part / 4, f"{top * part / 4:g}") for part in range(5)])
    threshold = verification.equal_error_threshold
    mark = Mark(threshold, f"equal errors at {threshold:.3f}")
    return (
        f"<section><h2>How alike two crops are</h2>{plot('Likenesses', _WHOLE, x_axis, y_axis, lines, mark)}"
        f'<p class="note">{verification.right_pairs:,} pairs of one person, {verification.wrong_pairs:,} of two. Taken '
        f"for one from {threshold:.3f} on, {_percent(verification.equal_error_rate)} % of either kind are wrong. From "
        f"{verification.strict_threshold:.3f} on, at most {100 * FALSE_ACCEPTS:g} % of different people are taken for "
        f"one, and {_percent(verification.strict_accepts)} % of the same are recognised.</p></section>"
    )


def _confusions(scores: Scores, crops: CropSet) -> str:
    first = scores.ranking.answers.first_rank
    confused = int((first > 1).sum())
    if not confused:
        return "<section><h2>Worst confusions</h2><p>None: the right person came first every time.</p></section>"
    cards = "".join(_card(confusion, crops) for confusion in scores.confusions)
    more = confused - len(scores.confusions)
    rest = f"And {more:,} more. " if more else ""
    return (
        f'<section><h2>Worst confusions</h2><div class="confusions">{cards}</div>'
        f'<p class="note">{rest}In {confused:,} of {scores.ranking.queries:,} queries '
        "somebody else was more alike than the right person, or as much; here are those in which by most, at most "
        f"{AT_MOST_PER_PAIR} of the same two people.</p></section>"
    )


def _card(confusion: Confusion, crops: CropSet) -> str:
    pictures = (
        ("asked", "Query", confusion.query, ""),
        ("wrong", "Taken for", confusion.wrong, f"{confusion.wrong_likeness:.3f} alike"),
        ("right", "Right one", confusion.right, f"{confusion.right_likeness:.3f} alike"),
    )
    return f'<div class="confusion">{"".join(_figure(*picture, crops) for picture in pictures)}</div>'


def _figure(kind: str, words: str, crop: int, likeness: str, crops: CropSet) -> str:
    name = escape(crops.identities[crops.identity[crop]])
    lines = "<br>".join(filter(None, (name, _clock(float(crops.time[crop])), likeness)))
    return (
        f'<figure class="{kind}" title="{escape(crops.names[crop], quote=True)}">'
        f'<img src="{_picture(crops.pictures[crop])}" alt="{words}: {name}" '
        f'width="{crops.width}" height="{crops.height}"><figcaption><b>{words}</b>{lines}</figcaption></figure>'
    )


def _people(scores: Scores, crops: CropSet) -> str:
    answers = scores.ranking.answers
    asked = answers.first_rank > 0
    whose, first, precision = crops.identity[asked], answers.first_rank[asked], answers.average_precision[asked]
    people = len(crops.identities)
    queries = np.bincount(whose, minlength=people)
    per_query = np.maximum(1, queries)
    found = np.bincount(whose, first == 1, minlength=people) / per_query
    mean_precision = np.bincount(whose, precision, minlength=people) / per_query
    measured = queries.nonzero()[0]
    hardest = measured[np.lexsort((mean_precision[measured], found[measured]))]
    cells = [
        (crops.identities[person], f"{queries[person]:,}", _percent(found[person]), _percent(mean_precision[person]))
        for person in hardest[:_MOST_PEOPLE].tolist()
    ]
    notes = [f"And {len(hardest) - _MOST_PEOPLE:,} more."] if len(hardest) > _MOST_PEOPLE else []
    if len(measured) < people:
        notes.append(
            f"{people - len(measured):,} of {people:,} could not be measured: too few crops, or all of a moment."
        )
    note = f'<p class="note">{" ".join(notes)}</p>' if notes else ""
    table = figures_table(("", "queries", "rank-1", "mAP"), cells, narrow=True)
    return f"<section><h2>People, hardest first</h2>{table}{note}</section>"


def _protocol(scores: Scores) -> str:
    return (
        '<section class="words"><h2>How this was measured</h2>'
        "<p>Each crop in turn is the query, and all others are put in the order of their likeness to it. Rank-k is the "
        "share of queries with a right answer among the first k. mAP also counts how far up the other right ones are, "
        "mINP only how far down the last of them is. Equally alike answers are counted against the vectors.</p>"
        f"<p>Crops of the same person less than {scores.same_moment_seconds:g} s apart are left out, since one picture "
        "and the next are alike whatever the vectors are worth; where times are not known, only the query itself is. "
        "People who may be the same are left out, too. A query counts if a right and a wrong answer remain: "
        f"{scores.ranking.queries:,} of {scores.ranking.gallery:,} do.</p>"
        "<p>The equal-error rate is the share of wrong decisions on pairs of crops, by the threshold of likeness where "
        "it is the same for pairs of one person and for pairs of two. mINP is that of Ye et al., 2021.</p></section>"
    )


def _data(about: ReportFacts, crops: CropSet) -> str:
    people, games = len(crops.identities), len(np.unique(crops.game))
    pairs = people * (people - 1) // 2
    certain = int(crops.different.sum()) // 2
    rows = [
        *about.data,
        ("Crops", f"{len(crops):,}, compared at {crops.width} × {crops.height} pixels"),
        ("People", f"{people:,}, in {games:,} game{'' if games == 1 else 's'}"),
        ("Known to be two people", f"{certain:,} of {pairs:,} pairs of them"),
    ]
    return f"<section><h2>Data</h2>{facts_table(rows)}</section>"


def _left_out(rows: Sequence[tuple[str, Scores]]) -> str:
    more = len(rows) - len(_LINE_COLOURS)
    return f'<p class="note">And {more:,} more in the table above.</p>' if more > 0 else ""


def _per_cent_axis(name: str) -> Axis:
    return Axis(name, 0, 1, [(part / 5, str(20 * part)) for part in range(6)])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _clock(seconds: float) -> str:
    """Minutes and seconds; nothing where the time is not known."""
    if np.isnan(seconds):
        return ""
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest / 10:04.1f}"


def _picture(picture: npt.NDArray[np.uint8]) -> str:
    """A picture, RGB, as a link that holds it."""
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")


def _round_up(value: float) -> float:
    """The smallest of …, 0.4, 0.8, 1.2, 2, 4, 8, … that is not below `value`: a quarter of it is short to write."""
    size = 10.0 ** int(np.floor(np.log10(value)))
    return next(size * step for step in (1.2, 2, 4, 8, 12) if size * step >= value)
