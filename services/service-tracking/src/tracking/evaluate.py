"""How good tracks are, measured against the truth: HOTA, CLEAR and IDF1.

Definitions: HOTA with DetA, AssA and LocA from Luiten et al., "HOTA: a higher order metric for evaluating multi-object
tracking" (2020); CLEAR with MOTA from Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance"
(2008); IDF1 from Ristani et al., "Performance measures and a data set for multi-target, multi-camera tracking" (2016).
Overlap is plain intersection over union; classes are not looked at.

Only pairs of boxes that overlap can ever be matched, so everything works on one list of those pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracking.exact_tracks import Boxes

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

THRESHOLDS: Float = np.arange(0.05, 0.99, 0.05)
"""The 19 overlaps, 0.05 to 0.95, over which HOTA and its parts are averaged."""

CLEAR_THRESHOLD = 0.5
"""Least overlap of a match in CLEAR and IDF1."""

_EPSILON = float(np.finfo(np.float64).eps)
_CONTINUITY = 1000.0
"""CLEAR keeps last frame's match whenever it is still valid; its weight outdoes any sum of overlaps in a frame."""
_NO_ROWS: Index = np.zeros(0, np.int64)
_CHUNK = 1 << 20
"""Number of box pairs whose overlap is computed at once; bounds memory."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The result for one sequence, or for several together. Ratios are fractions, 1 is perfect; the rest are counts."""

    hota: float
    det_a: float
    ass_a: float
    loc_a: float
    idf1: float
    id_precision: float
    id_recall: float
    mota: float
    motp: float
    switches: int
    fragmentations: int
    false_positives: int
    false_negatives: int
    true_positives: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    truth_boxes: int
    track_boxes: int
    truth_ids: int
    track_ids: int
    frames: int

    def to_dict(self) -> dict[str, float | int]:
        """Names and numbers, as they stand in run.json and in `evaluate --json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over frames, of one sequence or of several: adding two of them pools their sequences.

    Pooled ratios weigh every box alike, as TrackEval's COMBINED_SEQ does. Sequences share no identity.
    """

    matches: Index
    """(19,) matched boxes at each of THRESHOLDS"""
    association: Float
    """(19,) the association score of each of those matches, summed"""
    overlap: Float
    """(19,) their overlaps, summed"""
    identity_agreements: float
    true_positives: int
    overlap_of_true_positives: float
    switches: int
    fragmentations: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    truth_boxes: int
    track_boxes: int
    truth_ids: int
    track_ids: int
    frames: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def scores(self) -> Scores:
        """The ratios that these sums give."""
        boxes, track_boxes, hits = self.truth_boxes, self.track_boxes, self.true_positives
        det_a = self.matches / np.maximum(1, boxes + track_boxes - self.matches)
        ass_a = self.association / np.maximum(1, self.matches)
        loc_a = np.divide(self.overlap, self.matches, out=np.ones(len(THRESHOLDS)), where=self.matches > 0)
        return Scores(
            hota=float(np.sqrt(det_a * ass_a).mean()),
            det_a=float(det_a.mean()),
            ass_a=float(ass_a.mean()),
            loc_a=float(loc_a.mean()),
            idf1=self.identity_agreements / max(1.0, (boxes + track_boxes) / 2),
            id_precision=self.identity_agreements / max(1, track_boxes),
            id_recall=self.identity_agreements / max(1, boxes),
            mota=(hits - (track_boxes - hits) - self.switches) / max(1, boxes),
            motp=self.overlap_of_true_positives / max(1, hits),
            switches=self.switches,
            fragmentations=self.fragmentations,
            false_positives=track_boxes - hits,
            false_negatives=boxes - hits,
            true_positives=hits,
            mostly_tracked=self.mostly_tracked,
            partly_tracked=self.partly_tracked,
            mostly_lost=self.mostly_lost,
            truth_boxes=boxes,
            track_boxes=track_boxes,
            truth_ids=self.truth_ids,
            track_ids=self.track_ids,
            frames=self.frames,
        )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """All pairs of a true box and a tracked box that overlap in the same frame, sorted by frame; arrays (p,)."""

    frame: Index
    truth: Index
    """row of the true box in its sequence"""
    track: Index
    overlap: Float

    def where(self, mask: Mask) -> _Pairs:
        return _Pairs(self.frame[mask], self.truth[mask], self.track[mask], self.overlap[mask])


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two sequences with its ids renumbered 0..ids-1."""

    frame: Index
    identity: Index
    ids: int
    boxes_of: Index
    """(ids,) number of boxes of each identity"""

    @staticmethod
    def of(tracks: Boxes) -> _Side:
        unique, identity, counts = np.unique(tracks.track_id, return_inverse=True, return_counts=True)
        return _Side(tracks.frame.astype(np.int64), identity.astype(np.int64), len(unique), counts.astype(np.int64))


def evaluate(truth: Boxes, tracks: Boxes) -> Scores:
    """Scores of `tracks` against `truth`; frames correspond by number. Neither needs to have boxes."""
    return count(truth, tracks).scores()


def count(truth: Boxes, tracks: Boxes) -> Counts:
    """What the scores of one sequence are computed from; the sum over sequences gives their combined scores."""
    true, mine = _Side.of(truth), _Side.of(tracks)
    pairs = _overlapping_pairs(truth, tracks)
    measured: dict[str, Any] = {
        **_hota(true, mine, pairs),
        "identity_agreements": _identity(true, mine, pairs),
        **_clear(true, mine, pairs),
    }
    return Counts(
        **measured,
        truth_boxes=len(truth.frame),
        track_boxes=len(tracks.frame),
        truth_ids=true.ids,
        track_ids=mine.ids,
        frames=max(truth.frame_count, tracks.frame_count),
    )


def _overlapping_pairs(truth: Boxes, tracks: Boxes) -> _Pairs:
    """Every pair with an overlap above zero. Rows of both sequences are sorted by frame."""
    true_boxes, boxes = truth.xyxy.astype(np.float64), tracks.xyxy.astype(np.float64)
    first = np.searchsorted(tracks.frame, truth.frame, side="left")
    partners = np.searchsorted(tracks.frame, truth.frame, side="right") - first
    ends = np.cumsum(partners)
    found: list[tuple[Index, Index, Float]] = []
    begin = 0
    while begin < len(truth.frame):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
        count = partners[begin:end]
        left = np.repeat(np.arange(begin, end), count)
        within = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        right = np.repeat(first[begin:end], count) + within
        overlap = _iou(true_boxes[left], boxes[right])
        positive = overlap > 0
        found.append((left[positive], right[positive], overlap[positive]))
        begin = end
    lefts = np.concatenate([_NO_ROWS, *(pair[0] for pair in found)])
    rights = np.concatenate([_NO_ROWS, *(pair[1] for pair in found)])
    overlaps = np.concatenate([np.zeros(0), *(pair[2] for pair in found)])
    return _Pairs(truth.frame[lefts].astype(np.int64), lefts, rights, overlaps)


def _iou(first: Float, second: Float) -> Float:
    """Intersection over union of boxes pair by pair, xyxy (n, 4) both."""
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    np.maximum(sides, 0, out=sides)
    shared: Float = sides[:, 0] * sides[:, 1]
    union = _area(first) + _area(second) - shared
    overlap: Float = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def _area(boxes: Float) -> Float:
    area: Float = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _alone(pairs: _Pairs) -> Mask:
    """Pairs whose two boxes occur in no other pair: matched in any best assignment, so nothing has to be solved."""
    if len(pairs.truth) == 0:
        return np.zeros(0, np.bool_)
    uses_of_truth, uses_of_track = np.bincount(pairs.truth), np.bincount(pairs.track)
    alone: Mask = (uses_of_truth[pairs.truth] == 1) & (uses_of_track[pairs.track] == 1)
    return alone


def _certain(pairs: _Pairs, weight: Float) -> Mask:
    """Pairs in every best assignment, seen without solving it: each outweighs the two pairs it excludes together."""
    rival_of_truth, rival_of_track = (_greatest_other(box, weight) for box in (pairs.truth, pairs.track))
    certain: Mask = weight > rival_of_truth + rival_of_track
    return certain


def _greatest_other(box: Index, weight: Float) -> Float:
    """For each pair (p,), the greatest weight among the other pairs of the same box; 0 where there is none."""
    order = np.lexsort((weight, box))
    owner, sorted_weight = box[order], weight[order]
    last = np.searchsorted(owner, owner, side="right") - 1
    here = np.arange(len(order))
    before = np.maximum(here - 1, 0)
    second = np.where((here > 0) & (owner[before] == owner), sorted_weight[before], 0)
    other = np.empty(len(order))
    other[order] = np.where(here == last, second, sorted_weight[last])
    return other


def _best(truth: Index, track: Index, weight: Float) -> Index:
    """Positions of the pairs in the one-to-one assignment with the greatest summed weight (positive, (p,))."""
    rows, row = np.unique(truth, return_inverse=True)
    columns, column = np.unique(track, return_inverse=True)
    matrix = np.zeros((len(rows), len(columns)))
    position = np.full(matrix.shape, -1, np.int64)
    matrix[row, column] = weight
    position[row, column] = np.arange(len(weight))
    chosen: Index = position[linear_sum_assignment(matrix, maximize=True)]
    return chosen[chosen >= 0]


def _hota(true: _Side, mine: _Side, pairs: _Pairs) -> dict[str, Index | Float]:
    """Frames are matched once, by overlap weighted with how well two identities agree over the whole sequence; each
    threshold then counts those matches that reach it."""
    boxes, track_boxes = len(true.frame), len(mine.frame)
    key = true.identity[pairs.truth] * max(mine.ids, 1) + mine.identity[pairs.track]
    keys, pair_of = np.unique(key, return_inverse=True)
    true_id, my_id = keys // max(mine.ids, 1), keys % max(mine.ids, 1)
    together = true.boxes_of[true_id] + mine.boxes_of[my_id]

    sum_of_truth = np.bincount(pairs.truth, pairs.overlap, minlength=boxes)
    sum_of_track = np.bincount(pairs.track, pairs.overlap, minlength=track_boxes)
    share = pairs.overlap / (sum_of_truth[pairs.truth] + sum_of_track[pairs.track] - pairs.overlap)
    potential = np.bincount(pair_of, share, minlength=len(keys))
    alignment = potential / (together - potential)
    weight = alignment[pair_of] * pairs.overlap

    matched = _certain(pairs, weight)
    truth_taken, track_taken = np.zeros(boxes, np.bool_), np.zeros(track_boxes, np.bool_)
    truth_taken[pairs.truth[matched]], track_taken[pairs.track[matched]] = True, True
    open_pairs = (~truth_taken[pairs.truth] & ~track_taken[pairs.track]).nonzero()[0]
    for begin, end in _runs(pairs.frame[open_pairs]):
        here = open_pairs[begin:end]
        matched[here[_best(pairs.truth[here], pairs.track[here], weight[here])]] = True
    overlap, pair_of = pairs.overlap[matched], pair_of[matched]

    matches: Index = np.zeros(len(THRESHOLDS), np.int64)
    association, overlaps = np.zeros(len(THRESHOLDS)), np.zeros(len(THRESHOLDS))
    for position, threshold in enumerate(THRESHOLDS):
        reached = overlap >= threshold - _EPSILON
        matches[position] = reached.sum()
        times = np.bincount(pair_of[reached], minlength=len(keys))
        association[position] = (times * (times / np.maximum(1, together - times))).sum()
        overlaps[position] = overlap[reached].sum()
    return {"matches": matches, "association": association, "overlap": overlaps}


def _identity(true: _Side, mine: _Side, pairs: _Pairs) -> float:
    """Identities are assigned one to one over the whole sequence so that the most boxes agree: how many do."""
    agree = pairs.overlap >= CLEAR_THRESHOLD
    agreements = np.zeros((true.ids, mine.ids))
    np.add.at(agreements, (true.identity[pairs.truth[agree]], mine.identity[pairs.track[agree]]), 1)
    return float(agreements[linear_sum_assignment(agreements, maximize=True)].sum())


def _clear(true: _Side, mine: _Side, pairs: _Pairs) -> dict[str, float | int]:
    """Frame by frame: last frame's matches stay while valid, the rest are assigned by overlap."""
    pairs = pairs.where(pairs.overlap >= CLEAR_THRESHOLD - _EPSILON)
    identity, partner = true.identity[pairs.truth], mine.identity[pairs.track]
    # Frames in which one side has no box at all are passed over: they neither keep nor break a match.
    common = np.intersect1d(true.frame, mine.frame)
    rank = np.searchsorted(common, pairs.frame)
    matched = _alone(pairs)
    last_partner = np.full(true.ids, -1, np.int64)
    last_rank = np.full(true.ids, -2, np.int64)
    for begin, end in _runs(rank):
        if not matched[begin:end].all():
            here = (~matched[begin:end]).nonzero()[0] + begin
            whose = identity[here]
            kept = (last_rank[whose] == rank[begin] - 1) & (last_partner[whose] == partner[here])
            weight = pairs.overlap[here] + _CONTINUITY * kept
            matched[here[_best(pairs.truth[here], pairs.track[here], weight)]] = True
        now = matched[begin:end].nonzero()[0] + begin
        last_partner[identity[now]] = partner[now]
        last_rank[identity[now]] = rank[begin]

    order = matched.nonzero()[0]
    order = order[np.argsort(identity[order], kind="stable")]
    same = identity[order][1:] == identity[order][:-1]
    switches = int((same & (partner[order][1:] != partner[order][:-1])).sum())
    tracked = np.bincount(identity[order], minlength=true.ids) / np.maximum(1, true.boxes_of)
    mostly, partly = int((tracked > 0.8).sum()), int((tracked >= 0.2).sum())
    return {
        "true_positives": len(order),
        "overlap_of_true_positives": float(pairs.overlap[order].sum()),
        "switches": switches,
        "fragmentations": int((same & (rank[order][1:] != rank[order][:-1] + 1)).sum()),
        "mostly_tracked": mostly,
        "partly_tracked": partly - mostly,
        "mostly_lost": true.ids - partly,
    }


def _runs(values: Index) -> list[tuple[int, int]]:
    """Begin and end of each run of equal values in a sorted array."""
    if len(values) == 0:
        return []
    edges = (np.diff(values).nonzero()[0] + 1).tolist()
    return list(zip([0, *edges], [*edges, len(values)], strict=True))


def table(scores: Scores | Mapping[str, Scores]) -> str:
    """The scores as aligned text, ratios in per cent: one row, or one for each name."""
    named = scores if isinstance(scores, Mapping) else {"": scores}
    cells = [("", *_COLUMNS), *((name, *_cells(each)) for name, each in named.items())]
    if not isinstance(scores, Mapping):
        cells = [row[1:] for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    first = str.ljust if isinstance(scores, Mapping) else str.rjust
    return "\n".join(
        "  ".join([first(row[0], widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in cells
    )


_COLUMNS = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA", "switches", "FP", "FN", "ids", "frames")


def _cells(scores: Scores) -> tuple[str, ...]:
    ratios = (scores.hota, scores.det_a, scores.ass_a, scores.loc_a, scores.idf1, scores.mota)
    counts = (scores.switches, scores.false_positives, scores.false_negatives)
    ids = f"{scores.track_ids}/{scores.truth_ids}"
    return (*(f"{100 * ratio:.2f}" for ratio in ratios), *map(str, counts), ids, str(scores.frames))
