"""Where tracks are cut, and how people move at the ends of what is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracking.pieces import Pieces, cut_at, cut_where_passes_differ, motion_at_ends, next_rows
from tracking.scene import Feet, Float, Index

FPS = 25.0
GAP = 5

Frames = NDArray[np.int32]


def numbers(seed: int, nobody: bool = True) -> tuple[Frames, Index, Index]:
    """Boxes in some frames, with the numbers of two passes: none twice in a frame; those backwards may be 0."""
    random = np.random.default_rng(seed)
    frame: list[int] = []
    forward: list[int] = []
    backward: list[int] = []
    exchanged = 0
    for number in range(int(random.integers(0, 25))):
        exchanged += int(random.random() < 0.1)
        people = (random.random(4) < 0.7).nonzero()[0]
        frame += [number + (3 * GAP if number > 12 else 0)] * len(people)
        forward += (people + 1).tolist()
        backward += [0 if nobody and random.random() < 0.1 else int((person + exchanged) % 4 + 1) for person in people]
    return np.array(frame, np.int32), np.array(forward, np.int64), np.array(backward, np.int64)


def after(number: Index, row: int) -> int:
    """The next row with the number of `row`, -1 where it is the last or has none, said the simple way."""
    later = (number[row + 1 :] == number[row]).nonzero()[0]
    return row + 1 + int(later[0]) if len(later) and number[row] > 0 else -1


@given(st.lists(st.integers(0, 4), max_size=30))
def test_the_next_row_is_the_nearest_later_one_with_the_same_number(given: list[int]) -> None:
    number = np.array(given, np.int64)
    assert next_rows(number).tolist() == [after(number, row) for row in range(len(number))]


@given(st.integers(0, 2**32 - 1))
def test_pieces_are_the_longest_stretches_on_which_nobody_disagrees(seed: int) -> None:
    frame, forward, backward = numbers(seed)
    pieces = cut_where_passes_differ(frame, forward, backward, GAP)
    for row in range(len(frame)):
        following = after(forward, row)
        if following < 0:
            assert row in pieces.last
            continue
        agreed = following == after(backward, row) or backward[row] == 0 or backward[following] == 0
        near = frame[following] - frame[row] <= GAP
        assert (pieces.piece[row] == pieces.piece[following]) == (agreed and near)


@given(st.integers(0, 2**32 - 1))
def test_pieces_are_told_in_order_with_their_ends_and_are_of_one_track_each(seed: int) -> None:
    frame, forward, backward = numbers(seed)
    pieces = cut_where_passes_differ(frame, forward, backward, GAP)
    assert len(pieces) == pieces.piece.max(initial=-1) + 1
    assert (np.diff(pieces.first) > 0).all()
    for piece in range(len(pieces)):
        rows = (pieces.piece == piece).nonzero()[0]
        assert (pieces.first[piece], pieces.last[piece], pieces.length[piece]) == (rows[0], rows[-1], len(rows))
        assert len(set(forward[rows].tolist())) == 1
        assert (np.diff(frame[rows]) > 0).all()


@given(st.integers(0, 2**32 - 1))
def test_where_passes_agree_tracks_are_cut_at_long_gaps_only(seed: int) -> None:
    frame, forward, _ = numbers(seed)
    whole = cut_where_passes_differ(frame, forward, 10 - forward, int(frame.max(initial=0)) + 1)
    assert len(whole) == len(np.unique(forward))
    for number in np.unique(forward):
        assert len(set(whole.piece[forward == number].tolist())) == 1
    broken = cut_where_passes_differ(frame, forward, 10 - forward, GAP)
    gaps = sum(int((np.diff(frame[forward == number]) > GAP).sum()) for number in np.unique(forward))
    assert len(broken) == len(whole) + gaps


@pytest.mark.parametrize(("nowhere", "pieces"), [([], [0, 0, 0, 1, 1, 1]), ([2], [0] * 6), ([3], [0] * 6)])
def test_who_has_no_number_from_the_pass_backwards_is_not_cut_for_that(nowhere: list[int], pieces: list[int]) -> None:
    backward = np.array([1, 1, 1, 2, 2, 2])
    backward[nowhere] = 0
    found = cut_where_passes_differ(np.arange(6, dtype=np.int32), np.ones(6, np.int64), backward, GAP)
    assert found.piece.tolist() == pieces


def test_two_who_were_exchanged_are_cut_at_the_exchange() -> None:
    frame = np.repeat(np.arange(6, dtype=np.int32), 2)
    backward = np.tile([1, 2], 6)
    forward = np.where(frame < 3, backward, 3 - backward)
    pieces = cut_where_passes_differ(frame, forward, backward, GAP)
    assert pieces.piece.tolist() == [0, 1] * 3 + [2, 3] * 3
    assert pieces.length.tolist() == [3] * 4


@given(st.integers(0, 2**32 - 1))
def test_a_piece_is_cut_before_a_row_and_no_pass_joins_it_again(seed: int) -> None:
    frame, forward, backward = numbers(seed)
    pieces = cut_where_passes_differ(frame, forward, backward, GAP)
    random = np.random.default_rng(seed)
    rows = np.array(
        [random.choice((pieces.piece == piece).nonzero()[0][1:]) for piece in (pieces.length > 1).nonzero()[0]],
        np.int64,
    )[::2]
    cut = cut_at(pieces, frame, rows)
    assert len(cut) == len(pieces) + len(rows)
    for row in rows:
        mine = (pieces.piece == pieces.piece[row]).nonzero()[0]
        before, since = mine[mine < row], mine[mine >= row]
        assert len(set(cut.piece[before].tolist())) == len(set(cut.piece[since].tolist())) == 1
        assert cut.piece[before[0]] != cut.piece[row]
        for said in (cut.forward, cut.backward):
            assert not np.isin(said[before], since).any()
    untouched = ~np.isin(pieces.piece, pieces.piece[rows])
    for piece in np.unique(pieces.piece[untouched]):
        assert len(set(cut.piece[pieces.piece == piece].tolist())) == 1


def of_one(length: int) -> Pieces:
    return cut_where_passes_differ(
        np.arange(length, dtype=np.int32), np.ones(length, np.int64), np.ones(length, np.int64), GAP
    )


def feet(place: Float) -> Feet:
    return Feet(place, np.ones(len(place)), np.zeros(len(place), np.int64))


def test_a_steady_run_has_its_speed_in_heights_a_second_at_both_ends() -> None:
    way = np.array([[100.0, 200.0]]) + np.arange(50)[:, None] * np.array([4.0, -1.0])
    begins, ends = motion_at_ends(of_one(50), np.arange(50, dtype=np.int32), feet(way), np.full(50, 80.0), FPS)
    for end, place in ((begins, way[:1]), (ends, way[-1:])):
        np.testing.assert_allclose(end.velocity, [[4 * FPS / 80, -FPS / 80]], rtol=0.1)
        np.testing.assert_allclose(end.place, place, atol=2)


def test_who_turned_round_ends_the_other_way() -> None:
    across = np.abs(np.arange(100) - 50.0) * 4
    way = np.stack([across, np.full(100, 300.0)], axis=1)
    begins, ends = motion_at_ends(of_one(100), np.arange(100, dtype=np.int32), feet(way), np.full(100, 80.0), FPS)
    assert begins.velocity[0, 0] == pytest.approx(-ends.velocity[0, 0], rel=1e-6)
    assert ends.velocity[0, 0] > 1


def test_of_few_boxes_little_speed_is_believed_and_of_one_none() -> None:
    speeds, doubts = [], []
    for length in (1, 2, 4, 10):
        way = np.stack([8.0 * np.arange(length), np.zeros(length)], axis=1)
        _, ends = motion_at_ends(
            of_one(length), np.arange(length, dtype=np.int32), feet(way), np.full(length, 80.0), FPS
        )
        speeds.append(float(ends.velocity[0, 0]))
        doubts.append(float(ends.unsureness[0]))
    assert speeds[0] == 0
    assert (np.diff(speeds) > 0).all() and speeds[-1] < 8 * FPS / 80
    assert (np.diff(doubts) < 0).all()


def test_a_film_backwards_begins_as_it_ended() -> None:
    random = np.random.default_rng(0)
    way: Float = random.normal(0, 30, (40, 2)).cumsum(axis=0)
    height = random.uniform(60, 90, 40)
    frame = np.arange(40, dtype=np.int32)
    begins, ends = motion_at_ends(of_one(40), frame, feet(way), height, FPS)
    turned_begins, turned_ends = motion_at_ends(of_one(40), frame, feet(way[::-1]), height[::-1], FPS)
    for one, other in ((begins, turned_ends), (ends, turned_begins)):
        np.testing.assert_allclose(one.place, other.place)
        np.testing.assert_allclose(one.velocity, -other.velocity)
        np.testing.assert_allclose(one.unsureness, other.unsureness)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 12.5, 60.0, 1000.0]))
def test_ends_are_finite_and_their_own_piece_s_alone(seed: int, fps: float) -> None:
    frame, forward, backward = numbers(seed)
    pieces = cut_where_passes_differ(frame, forward, backward, GAP)
    place = np.random.default_rng(seed).choice([0.0, 100.0, 200.0], (len(frame), 2))  # many stand on one spot
    found = motion_at_ends(pieces, frame, feet(place), np.full(len(frame), 50.0), fps)
    for end in found:
        assert end.place.shape == end.velocity.shape == (len(pieces), 2)
        assert all(np.isfinite(column).all() for column in (end.place, end.velocity, end.unsureness))
    moved = place + 1000.0 * (pieces.piece != 0)[:, None]
    for end, other in zip(
        found, motion_at_ends(pieces, frame, feet(moved), np.full(len(frame), 50.0), fps), strict=True
    ):
        np.testing.assert_array_equal(end.place[:1], other.place[:1])
