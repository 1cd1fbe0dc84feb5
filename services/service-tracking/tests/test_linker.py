"""The linker, seen from outside: who gets which id once the whole sequence is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared_libs.common.tracks import Tracks
from tracking.camera import Reason
from tracking.camera_path import CameraPath
from tracking.evaluate import evaluate
from tracking.link_evidence import Pairs, pairs_to_weigh
from tracking.linker import joined, link, renumbered, scene_of
from tracking.pieces import Pieces
from tracking.settings import TrackerSettings

FPS = 25.0
SETTINGS = TrackerSettings()
Box = tuple[int, int, float, float]
"""frame, id, left, top; everybody is 30 by 80 pixels."""


def tracks_of(boxes: Iterable[Box], frame_count: int | None = None) -> Tracks:
    frame, number, left, top = np.array(list(boxes), float).reshape(-1, 4).T
    xyxy = np.stack([left, top, left + 30, top + 80], axis=1)
    ones = np.ones(len(frame))
    return Tracks.from_arrays(frame.astype(int), number.astype(int), xyxy, 0.9 * ones, 0 * ones, None, frame_count)


def walk(number: int, frames: Iterable[int], left: float, top: float, speed: float) -> list[Box]:
    """`left` is where somebody is in frame 0."""
    return [(frame, number, left + speed * frame, top) for frame in frames]


def wanderers(seed: int, players: int, frames: int, *, out: float = 0.01, wrong: float = 0.01) -> Tracks:
    """People on smooth ways who go out of sight for a while and come back, as a tracker has them that gives a new id to
    most who come back and exchanges two now and then. out, wrong: chance of each in a frame.

    The class of a box is who it really is.
    """
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / FPS
    period, phase = random.uniform(2, 9, (2, players, 2))
    way = random.uniform(200, 900, (players, 2)) + 120 * np.sin(time * 2 * np.pi / period + phase)
    way += random.normal(0, 1, way.shape)
    number = np.arange(1, players + 1)
    hidden = np.zeros(players, np.int64)
    ids = np.zeros((frames, players), np.int64)
    for frame in range(frames):
        hidden = np.maximum(hidden - 1, 0)
        gone = (hidden == 0) & (random.random(players) < out)
        hidden[gone] = random.integers(1, 80, gone.sum())
        renamed = gone & (random.random(players) < 0.7)
        number[renamed] = number.max() + 1 + np.arange(renamed.sum())
        if players > 1 and random.random() < wrong:
            first, second = random.choice(players, 2, replace=False)
            number[[first, second]] = number[[second, first]]
        ids[frame] = np.where(hidden == 0, number, 0)
    frame_of, player = ids.nonzero()
    corner = way[frame_of, player]
    xyxy = np.concatenate([corner, corner + np.array([30, 80])], axis=1)
    score = random.uniform(0.7, 0.95, len(frame_of))
    return Tracks.from_arrays(frame_of, ids[frame_of, player], xyxy, score, player + 1, frame_count=frames)


def owners(tracks: Tracks, top: float) -> set[int]:
    """The ids of the boxes at this height in the picture."""
    return set(tracks.track_id[np.isclose(tracks.xyxy[:, 1], top)].tolist())


def path(frames: int, cut: int | None = None) -> CameraPath:
    """A camera that rests, with a cut perhaps."""
    reason = np.full(frames, Reason.MEASURED, np.uint8)
    reason[:1] = Reason.FIRST_FRAME
    if cut is not None:
        reason[cut] = Reason.CUT
    return CameraPath(np.tile(np.eye(2, 3), (frames, 1, 1)), reason, np.arange(frames) / FPS, None, 0)


def bystanders(frames: int) -> list[Box]:
    return [box for number in range(4) for box in walk(90 + number, range(frames), 40 + 200 * number, 900, 0)]


def test_two_who_crossed_and_were_exchanged_are_put_right() -> None:
    frames = 80
    right, left = walk(1, range(frames), 100, 200, 5), walk(2, range(frames), 500, 230, -5)
    boxes = [
        (frame, number if frame < 45 else 3 - number, place, top) for frame, number, place, top in right + left
    ] + bystanders(frames)
    exchanged = tracks_of(boxes)
    assert len(owners(exchanged, 200)) == len(owners(exchanged, 230)) == 2
    linked = link(exchanged, FPS)
    assert len(owners(linked, 200)) == len(owners(linked, 230)) == 1
    assert owners(linked, 200) != owners(linked, 230)


def test_tracks_on_which_both_passes_agree_stay_as_they_are() -> None:
    tracks = tracks_of(walk(1, range(60), 100, 200, 4) + walk(2, range(60), 900, 500, -3))
    assert_same(link(tracks, FPS), tracks)


@pytest.mark.parametrize("away", [10, 30, 75])
def test_who_leaves_and_comes_back_gets_one_id(away: int) -> None:
    came = walk(1, range(100), 300, 200, 1) + walk(2, range(100 + away, 220 + away), 300 - away, 204, 1)
    linked = link(tracks_of(came + bystanders(220 + away)), FPS)
    assert owners(linked, 200) == owners(linked, 204)
    assert len(set(linked.track_id.tolist())) == 5


def test_who_comes_somewhere_else_is_someone_else() -> None:
    came = walk(1, range(100), 300, 200, 0) + walk(2, range(130, 220), 1500, 500, 0)
    linked = link(tracks_of(came + bystanders(220)), FPS)
    assert owners(linked, 200) != owners(linked, 500)


def test_nobody_is_remembered_for_longer_than_the_settings_say() -> None:
    came = walk(1, range(100), 300, 200, 0) + walk(2, range(150, 250), 300, 204, 0)
    tracks = tracks_of(came + bystanders(250))
    assert owners(link(tracks, FPS), 200) == owners(link(tracks, FPS), 204)
    forgetful = link(tracks, FPS, SETTINGS.model_copy(update={"link_seconds": 1.0}))
    assert owners(forgetful, 200) != owners(forgetful, 204)


def test_a_higher_bias_gives_fewer_people() -> None:
    tracks = wanderers(5, 6, 400)
    counts = [
        len(np.unique(link(tracks, FPS, SETTINGS.model_copy(update={"link_bias": bias})).track_id))
        for bias in (-1000.0, 0.0, 1000.0)
    ]
    assert counts[0] == len(scene_of(tracks, FPS, SETTINGS, None).pieces)
    assert counts[0] > counts[1] > counts[2] >= 6


def assert_same(one: Tracks, other: Tracks) -> None:
    for name in ("frame", "track_id", "xyxy", "score", "class_id", "source"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 250), st.sampled_from([0.0, 0.01, 0.2]))
def test_boxes_stay_and_ids_are_valid_whatever_comes(seed: int, players: int, frames: int, out: float) -> None:
    tracks = wanderers(seed, players, frames, out=out, wrong=out)
    linked = link(tracks, FPS)
    assert linked.frame_count == tracks.frame_count
    assert_same(replace(linked, track_id=np.zeros_like(linked.track_id)), by_box(tracks, linked))
    pairs = np.stack([linked.frame, linked.track_id], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(linked)  # nobody is in two places at once
    _, first = np.unique(linked.track_id, return_index=True)
    assert linked.track_id[np.sort(first)].tolist() == list(range(1, len(first) + 1))
    assert_same(link(tracks, FPS), linked)


def by_box(tracks: Tracks, order: Tracks) -> Tracks:
    """`tracks` without ids, the boxes of a frame in the order that they have in `order`."""

    def rank(each: Tracks) -> NDArray[np.int64]:
        return np.lexsort((*each.xyxy.T, each.frame))

    rows = np.empty(len(tracks), np.int64)
    rows[rank(order)] = rank(tracks)
    columns = (tracks.xyxy[rows], tracks.score[rows], tracks.class_id[rows], tracks.source[rows])
    return Tracks(tracks.frame[rows], np.zeros(len(rows), np.int32), *columns, tracks.frame_count)


def test_people_who_wander_about_are_known_better_afterwards() -> None:
    for seed in range(3):
        tracks = wanderers(seed, 6, 500, out=0.004, wrong=0.004)
        truth = Tracks.from_arrays(tracks.frame, tracks.class_id, tracks.xyxy, tracks.score, tracks.class_id)
        before, after = (evaluate(truth, each) for each in (tracks, link(tracks, FPS)))
        assert after.ass_a > before.ass_a + 0.05
        assert after.idf1 > before.idf1
        assert after.track_ids < before.track_ids


@pytest.mark.parametrize("camera", [None, path(5), path(5, cut=2), path(0)], ids=["none", "rests", "cut", "no frames"])
def test_little_is_no_trouble(camera: CameraPath | None) -> None:
    assert len(link(Tracks.empty(5), FPS, camera=camera)) == 0
    one = tracks_of([(2, 7, 10, 10)], 5)
    assert link(one, FPS, camera=camera).track_id.tolist() == [1]
    frame = tracks_of([(0, 4, 10, 10), (0, 5, 500, 10), (0, 9, 10, 10)], 1)
    assert link(frame, FPS, camera=camera).track_id.tolist() == [1, 2, 3]
    track = tracks_of(walk(3, range(5), 10, 10, 2))
    assert link(track, FPS, camera=camera).track_id.tolist() == [1] * 5


def test_a_camera_that_rests_changes_nothing_where_players_say_the_same() -> None:
    tracks = tracks_of(walk(1, range(60), 100, 200, 4) + walk(2, range(80, 140), 100, 200, 4) + bystanders(140))
    assert_same(link(tracks, FPS, camera=path(140)), link(tracks, FPS))


def test_where_the_camera_is_not_known_players_tell() -> None:
    unknown = replace(path(140), reason=np.full(140, Reason.TOO_FEW_FEATURES, np.uint8))
    pan = [(frame, number, left - 15 * frame, top) for frame, number, left, top in bystanders(140)]
    pan += [(frame, 1 if frame < 60 else 2, 300.0 - 15 * frame, 200) for frame in range(140) if not 60 <= frame < 90]
    linked = link(tracks_of(pan), FPS, camera=unknown)
    assert_same(linked, link(tracks_of(pan), FPS))
    assert len(owners(linked, 200)) == 1


def test_after_a_cut_nobody_is_recognised_by_place() -> None:
    # So far from the cut that no pass of the tracker bridges it.
    tracks = tracks_of(walk(1, range(100), 300, 200, 0) + walk(2, range(380, 480), 300, 204, 0) + bystanders(480))
    uncut, cut = (link(tracks, FPS, camera=path(480, at)) for at in (None, 200))
    assert owners(uncut, 200) == owners(uncut, 204)
    assert owners(cut, 200) != owners(cut, 204)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_across_a_cut_only_those_are_compared_whom_a_pass_has_followed(seed: int) -> None:
    scene = scene_of(wanderers(seed, 6, 200, out=0.02), FPS, SETTINGS, path(200, cut=100))
    pairs = pairs_to_weigh(scene, 30.0)
    last, first = scene.pieces.last[pairs.first], scene.pieces.first[pairs.second]
    said = (scene.pieces.forward[last] == first) | (scene.pieces.backward[last] == first)
    across = (scene.frame[last] < 100) & (scene.frame[first] >= 100)
    assert said[across].all()


def pieces(count: int) -> Pieces:
    """One box each, one after the other."""
    rows, nobody = np.arange(count), np.full(count, -1, np.int64)
    return Pieces(rows, nobody, nobody, rows, rows, np.ones(count, np.int64))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Pairs, NDArray[np.float64]]:
    count = draw(st.integers(1, 6))
    possible = [(first, second) for second in range(count) for first in range(second)]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True, max_size=9)) if possible else []
    weight = draw(st.lists(st.floats(-5, 5) | st.just(0.0), min_size=len(chosen), max_size=len(chosen)))
    first, second = np.array(chosen, np.int64).reshape(-1, 2).T
    return count, Pairs(first, second), np.array(weight, np.float64)


def best_sum(edges: list[tuple[int, int, float]]) -> float:
    """The largest sum of weights of edges of which no two begin or end alike, by trying all."""
    if not edges:
        return 0.0
    (first, second, weight), *rest = edges
    apart = [edge for edge in rest if edge[0] != first and edge[1] != second]
    return max(best_sum(rest), weight + best_sum(apart))


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_pieces_are_joined_in_the_best_of_all_ways(graph: tuple[int, Pairs, NDArray[np.float64]]) -> None:
    count, pairs, weight = graph
    person = joined(pieces(count), pairs, weight)
    gain = {
        (first, second): value
        for first, second, value in zip(pairs.first.tolist(), pairs.second.tolist(), weight.tolist(), strict=True)
    }
    total = 0.0
    for who in np.unique(person):
        chain = (person == who).nonzero()[0].tolist()
        for first, second in pairwise(chain):
            assert gain[first, second] > 0  # a pair that was weighed, and found worth it
            total += gain[first, second]
    edges = [(first, second, value) for (first, second), value in gain.items()]
    assert total == pytest.approx(best_sum(edges), abs=1e-9)


def test_the_best_whole_is_not_always_made_of_the_best_pairs() -> None:
    pairs = Pairs(np.array([0, 0, 1]), np.array([2, 3, 2]))
    assert joined(pieces(4), pairs, np.array([5.0, 4.0, 4.0])).tolist() == [0, 1, 1, 0]
    assert joined(pieces(4), pairs, np.array([9.0, 4.0, 4.0])).tolist() == [0, 1, 0, 3]


def test_pieces_are_joined_to_chains() -> None:
    pairs = Pairs(np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4]))
    assert joined(pieces(5), pairs, np.array([1.0, 2.0, -1.0, 1.0])).tolist() == [0, 0, 0, 3, 3]


def test_ids_are_given_by_first_appearance() -> None:
    tracks = tracks_of([(0, 1, 10, 10), (0, 2, 200, 10), (1, 1, 10, 10), (2, 3, 400, 10)])
    assert renumbered(tracks, np.array([8, 3, 8, 0])).track_id.tolist() == [1, 2, 1, 3]
