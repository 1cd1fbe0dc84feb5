"""The scores, against cases worked out by hand and against what must hold for any tracks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from shared_libs.common.tracks import Tracks
from tracking.evaluate import THRESHOLDS, Scores, evaluate, table

Row = tuple[int, int, float, float]
"""frame, id, left, top of a box of 10 by 10 pixels."""


def tracks_of(rows: list[Row]) -> Tracks:
    values = np.array(rows, float).reshape(-1, 4)
    xyxy = np.concatenate([values[:, 2:], values[:, 2:] + 10], axis=1)
    count = len(values)
    return Tracks.from_arrays(values[:, 0].astype(int), values[:, 1].astype(int), xyxy, np.ones(count), np.zeros(count))


def standing(identity: int, left: float, frames: range, top: float = 0) -> list[Row]:
    return [(frame, identity, left, top) for frame in frames]


def test_the_truth_itself_is_perfect() -> None:
    truth = tracks_of(standing(1, 0, range(10)) + standing(2, 50, range(3, 8)))
    scores = evaluate(truth, truth)
    ratios = (scores.hota, scores.det_a, scores.ass_a, scores.loc_a, scores.idf1, scores.mota, scores.motp)
    assert ratios == pytest.approx((1,) * 7)
    assert (scores.switches, scores.false_positives, scores.false_negatives, scores.fragmentations) == (0, 0, 0, 0)
    assert (scores.mostly_tracked, scores.truth_boxes, scores.truth_ids, scores.frames) == (2, 15, 2, 10)


def test_no_tracks_at_all_score_nothing() -> None:
    scores = evaluate(tracks_of(standing(1, 0, range(10))), Tracks.empty())
    assert (scores.hota, scores.det_a, scores.ass_a, scores.idf1, scores.mota) == (0, 0, 0, 0, 0)
    assert (scores.false_negatives, scores.mostly_lost) == (10, 1)


def test_tracks_where_there_is_no_truth_are_all_false() -> None:
    scores = evaluate(Tracks.empty(), tracks_of(standing(1, 0, range(10))))
    assert (scores.hota, scores.idf1, scores.false_positives, scores.mota) == (0, 0, 10, -10)


def test_two_empty_sequences_can_be_compared() -> None:
    assert evaluate(Tracks.empty(), Tracks.empty()).truth_boxes == 0


def test_a_track_cut_in_two_is_half_associated() -> None:
    truth = tracks_of(standing(1, 0, range(10)))
    cut = tracks_of(standing(1, 0, range(5)) + standing(2, 0, range(5, 10)))
    scores = evaluate(truth, cut)
    # Each half: 5 boxes together, of 10 true and 5 tracked: 5 / (10 + 5 - 5).
    assert scores.det_a == pytest.approx(1)
    assert scores.ass_a == pytest.approx(0.5)
    assert scores.hota == pytest.approx(np.sqrt(0.5))
    # One half counts as the player: 5 of (10 + 10) / 2.
    assert scores.idf1 == pytest.approx(0.5)
    assert scores.switches == 1
    assert scores.mota == pytest.approx(0.9)
    assert scores.fragmentations == 0


def test_two_players_exchanged_half_way() -> None:
    truth = tracks_of(standing(1, 0, range(10)) + standing(2, 100, range(10)))
    before = standing(1, 0, range(5)) + standing(2, 100, range(5))
    after = standing(2, 0, range(5, 10)) + standing(1, 100, range(5, 10))
    swapped = tracks_of(before + after)
    scores = evaluate(truth, swapped)
    # Any pair is together for 5 boxes, of 10 and 10: 5 / 15.
    assert scores.ass_a == pytest.approx(1 / 3)
    assert scores.switches == 2
    assert (scores.idf1, scores.mota) == pytest.approx((0.5, 0.9))


def test_misses_and_false_boxes_are_counted_once_each() -> None:
    truth = tracks_of(standing(1, 0, range(10)))
    found = tracks_of(standing(1, 0, range(0, 4)) + standing(1, 0, range(6, 10)) + standing(2, 500, range(4, 7)))
    scores = evaluate(truth, found)
    assert (scores.true_positives, scores.false_negatives, scores.false_positives) == (8, 2, 3)
    assert scores.mota == pytest.approx(1 - 5 / 10)
    assert scores.det_a == pytest.approx(8 / (8 + 2 + 3))
    assert scores.fragmentations == 1
    assert (scores.id_precision, scores.id_recall) == pytest.approx((8 / 11, 0.8))


def test_looser_boxes_lose_the_stricter_thresholds() -> None:
    truth, shifted = tracks_of(standing(1, 0, range(4))), tracks_of(standing(1, 2.5, range(4)))
    overlap = 7.5 / 12.5  # 0.6: reached by the thresholds 0.05 to 0.6
    reached = float((overlap + 1e-9 >= THRESHOLDS).mean())
    scores = evaluate(truth, shifted)
    assert reached == pytest.approx(12 / 19)
    assert scores.hota == scores.det_a == pytest.approx(reached)
    # Where nothing is matched, LocA is 1 by definition.
    assert scores.loc_a == pytest.approx(reached * overlap + (1 - reached))
    assert (scores.mota, scores.motp) == pytest.approx((1, 0.6))


def test_clear_keeps_a_valid_match_although_another_box_fits_better() -> None:
    truth = tracks_of(standing(1, 0, range(2)))
    found = tracks_of([(0, 1, 0, 0), (1, 1, 2, 0), (1, 2, 0, 0)])
    scores = evaluate(truth, found)
    assert scores.switches == 0
    assert scores.motp == pytest.approx((1 + 8 / 12) / 2)


def test_hota_matches_a_frame_by_who_belongs_together_over_the_whole_sequence() -> None:
    # In frame 9 a stray box fits exactly, but track 1 was there all the time.
    truth = tracks_of(standing(1, 0, range(10)))
    found = tracks_of([*standing(1, 0, range(9)), (9, 1, 1, 0), (9, 2, 0, 0)])
    scores = evaluate(truth, found)
    overlap = 9 / 11  # reached by the thresholds up to 0.8
    reached = float((overlap + 1e-9 >= THRESHOLDS).mean())
    # Up to there, 10 matches; above, the pair is together for 9 boxes, of 10 and 10.
    assert scores.ass_a == pytest.approx(reached * 1 + (1 - reached) * 9 / 11)


def test_ids_and_their_order_have_no_meaning() -> None:
    rng = np.random.default_rng(1)
    truth, found = (tracks_of(random_rows(rng, 5, 20)) for _ in range(2))
    renamed = Tracks.from_arrays(found.frame, 1000 - 7 * found.track_id, found.xyxy, found.score, found.class_id)
    assert evaluate(truth, renamed).to_dict() == pytest.approx(evaluate(truth, found).to_dict())


def random_rows(rng: np.random.Generator, players: int, frames: int) -> list[Row]:
    return [
        (frame, player + 1, 12.0 * player + rng.normal(0, 3), rng.normal(0, 3))
        for frame in range(frames)
        for player in range(players)
        if rng.random() < 0.8
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 15))
def test_what_must_hold_for_any_tracks(seed: int, players: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = (tracks_of(random_rows(rng, players, frames)) for _ in range(2))
    scores = evaluate(truth, found)
    for name in ("hota", "det_a", "ass_a", "loc_a", "idf1", "id_precision", "id_recall", "motp"):
        assert 0 <= getattr(scores, name) <= 1 + 1e-12, name
    assert scores.true_positives + scores.false_negatives == len(truth)
    assert scores.true_positives + scores.false_positives == len(found)
    assert scores.mostly_tracked + scores.partly_tracked + scores.mostly_lost == scores.truth_ids
    mirrored = evaluate(found, truth)
    for name in ("hota", "det_a", "ass_a", "loc_a", "idf1"):
        assert getattr(mirrored, name) == pytest.approx(getattr(scores, name)), name


def test_a_crowded_frame_is_matched_to_the_most_overlap() -> None:
    # Greedy would pair the first true box with the second track (8 / 12) and leave the rest too far apart.
    truth = tracks_of([(0, 1, 0, 0), (0, 2, 5, 0)])
    found = tracks_of([(0, 1, -3, 0), (0, 2, 2, 0)])
    scores = evaluate(truth, found)
    assert scores.true_positives == 2
    assert scores.motp == pytest.approx((7 / 13 + 7 / 13) / 2)


def overlaps(first: Tracks, second: Tracks, frame: int) -> NDArray[np.float64]:
    """(n, m): intersection over union of each box of `first` in the frame with each of `second`."""
    a, b = (each.xyxy[each.frame == frame].astype(np.float64) for each in (first, second))
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(sides, 0, None).prod(2)
    return np.asarray(shared / ((a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1) - shared))


def hota_by_definition(truth: Tracks, tracks: Tracks) -> tuple[float, float]:
    """HOTA and AssA as the paper has them: every frame solved whole, with dense matrices of all identities."""
    frames = [
        (truth.track_id[truth.frame == frame], tracks.track_id[tracks.frame == frame], overlaps(truth, tracks, frame))
        for frame in range(max(truth.frame_count, tracks.frame_count))
    ]
    together = np.add.outer(*(np.bincount(each.track_id, minlength=20) for each in (truth, tracks))).astype(float)
    potential = np.zeros(together.shape)
    for mine, theirs, overlap in frames:
        both = overlap.sum(0)[None] + overlap.sum(1)[:, None] - overlap
        potential[mine[:, None], theirs] += np.divide(overlap, both, out=np.zeros_like(both), where=both > 0)
    alignment = potential / np.maximum(together - potential, 1e-12)
    hota, association = [], []
    for threshold in THRESHOLDS:
        times = np.zeros(together.shape)
        for mine, theirs, overlap in frames:
            chosen = linear_sum_assignment(alignment[mine[:, None], theirs] * overlap, maximize=True)
            hits = overlap[chosen] >= threshold - np.finfo(float).eps
            np.add.at(times, (mine[chosen[0][hits]], theirs[chosen[1][hits]]), 1)
        matches = times.sum()
        association.append((times * times / np.maximum(1, together - times)).sum() / max(1, matches))
        hota.append(np.sqrt(matches / (len(truth) + len(tracks) - matches) * association[-1]))
    return float(np.mean(hota)), float(np.mean(association))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.sampled_from([12.0, 25.0, 60.0]))
def test_however_crowded_it_is_hota_is_what_its_definition_says(seed: int, players: int, side: float) -> None:
    rng = np.random.default_rng(seed)
    frame, identity = np.divmod(np.arange(8 * players), players)
    place = rng.uniform(0, side, (8 * players, 2))
    seen = rng.random(8 * players) < 0.9
    rows = np.column_stack([frame, identity + 1, place])
    moved = rows + np.pad(rng.normal(0, 2, place.shape), ((0, 0), (2, 0)))
    moved[:, 1] = 1 + (identity + (frame > 4)) % players
    truth, tracks = tracks_of(rows.tolist()), tracks_of(moved[seen].tolist())
    scores = evaluate(truth, tracks)
    assert (scores.hota, scores.ass_a) == pytest.approx(hota_by_definition(truth, tracks), abs=1e-9, rel=0)


def test_the_table_shows_per_cent_and_counts() -> None:
    truth = tracks_of(standing(1, 0, range(10)))
    head, body = table(evaluate(truth, truth)).splitlines()
    assert head.split() == ["HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA", "switches", "FP", "FN", "ids", "frames"]
    assert body.split() == ["100.00"] * 6 + ["0", "0", "0", "1/1", "10"]
    assert set(Scores.__slots__) == set(evaluate(truth, truth).to_dict())
