"""Short gaps are filled on a straight line, and marked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.tracks import Source, Tracks
from tracking.interpolation import interpolate


def tracks_at(rows: list[tuple[int, int, float]], frame_count: int | None = None) -> Tracks:
    """Boxes of 10 by 20 pixels from (frame, track id, left); the score is left / 1000."""
    table = np.array(rows, float).reshape(-1, 3)
    left = table[:, 2]
    xyxy = np.stack([left, left * 0, left + 10, left * 0 + 20], axis=1)
    return Tracks.from_arrays(
        table[:, 0].astype(int), table[:, 1].astype(int), xyxy, left / 1000, table[:, 1].astype(int), None, frame_count
    )


def test_a_gap_is_filled_on_the_line_between_its_ends() -> None:
    filled = interpolate(tracks_at([(0, 1, 100), (4, 1, 140)]), 3)
    assert filled.frame.tolist() == [0, 1, 2, 3, 4]
    assert filled.xyxy[:, 0].tolist() == [100, 110, 120, 130, 140]
    assert filled.xyxy[:, 2].tolist() == [110, 120, 130, 140, 150]
    np.testing.assert_allclose(filled.score, [0.1, 0.11, 0.12, 0.13, 0.14], rtol=1e-6)
    assert filled.source.tolist() == [Source.DETECTED, *[Source.INTERPOLATED] * 3, Source.DETECTED]


def test_a_gap_longer_than_allowed_stays_open() -> None:
    tracks = tracks_at([(0, 1, 100), (4, 1, 140)])
    assert interpolate(tracks, 2).frame.tolist() == [0, 4]
    assert interpolate(tracks, 0).frame.tolist() == [0, 4]


def test_gaps_of_several_tracks_are_filled_each_with_its_own_class() -> None:
    filled = interpolate(tracks_at([(0, 1, 0), (1, 2, 500), (2, 1, 20), (3, 2, 520), (9, 2, 900)], 20), 3)
    assert list(zip(filled.frame.tolist(), filled.track_id.tolist(), filled.class_id.tolist(), strict=True)) == [
        (0, 1, 1),
        (1, 1, 1),
        (1, 2, 2),
        (2, 1, 1),
        (2, 2, 2),
        (3, 2, 2),
        (9, 2, 2),
    ]
    assert filled.frame_count == 20


def test_no_tracks_stay_no_tracks() -> None:
    assert len(interpolate(Tracks.empty(7), 5)) == 0


@given(
    st.sets(st.tuples(st.integers(0, 60), st.integers(1, 4)), max_size=80),
    st.integers(0, 10),
)
def test_only_short_gaps_are_filled_and_the_rest_is_untouched(places: set[tuple[int, int]], longest: int) -> None:
    tracks = tracks_at([(frame, identity, 7.0 * frame) for frame, identity in sorted(places)])
    filled = interpolate(tracks, longest)
    detected = filled.source == Source.DETECTED
    assert np.array_equal(filled.xyxy[detected], tracks.xyxy)
    assert np.array_equal(filled.track_id[detected], tracks.track_id)
    for identity in {identity for _, identity in places}:
        had = sorted(frame for frame, other in places if other == identity)
        expected = set(had)
        for first, second in pairwise(had):
            if second - first - 1 <= longest:
                expected |= set(range(first, second))
        assert set(filled.frame[filled.track_id == identity].tolist()) == expected
    # A player who runs at a constant speed is put back exactly where they were.
    np.testing.assert_allclose(filled.xyxy[:, 0], 7.0 * filled.frame, rtol=1e-6)


def lower(rows: list[tuple[int, int, float]]) -> Tracks:
    """The same in the middle of a picture."""
    tracks = tracks_at(rows)
    return replace(tracks, xyxy=tracks.xyxy + np.array([0, 40, 0, 40], np.float32))


def test_somebody_who_left_the_picture_and_came_back_was_not_there_meanwhile() -> None:
    tracks = lower([(0, 1, 2), (4, 1, 1), (0, 2, 50), (4, 2, 60), (0, 3, 88), (4, 3, 89)])
    filled = interpolate(tracks, 5, border_share=0.5, size=(100, 100))
    assert filled.track_id[filled.source == Source.INTERPOLATED].tolist() == [2, 2, 2]
    assert len(interpolate(tracks, 5, border_share=0.0, size=(100, 100))) == 6 + 9


def test_without_the_pictures_size_the_border_is_where_several_tracks_were_cut_off() -> None:
    alone = lower([(0, 1, 50), (4, 1, 90)])
    assert (interpolate(alone, 5, border_share=0.5).source == Source.INTERPOLATED).sum() == 3
    cut_off = lower([(0, 1, 88), (4, 1, 90), (0, 2, 90), (0, 3, 89)])
    assert (interpolate(cut_off, 5, border_share=0.5).source == Source.INTERPOLATED).sum() == 0
