"""What looks and kits say, learned from drawn games: people are vectors, and tracks go where the test says."""

from __future__ import annotations

import numpy as np
import pytest

from shared_libs.common.tracks import Tracks
from tracking.appearance import Appearance, Looks
from tracking.kit_evidence import KitEvidence
from tracking.linker import link
from tracking.look_evidence import LookedAt, LookEvidence, covered_share
from tracking.pieces import Pieces, cut_at, labelled, next_rows

FRAMES, FPS, SIZE = 200, 25, 16
EVERY = 10
"""A look at every so-many-th box."""


def game(people: list[list[tuple[int, int, int]]], seed: int = 0, noise: float = 0.05) -> tuple[Tracks, Looks]:
    """Tracks that stand beside each other, each given as stretches (first frame, last frame, who is seen).

    Whoever is seen looks like the unit vector of that number, with noise.
    """
    chance = np.random.default_rng(seed)
    rows, looks = [], []
    for number, stretches in enumerate(people):
        for first, last, who in stretches:
            for frame in range(first, last + 1):
                left = 20 + 60 * number
                rows.append((frame, number + 1, left, 50, left + 20, 110))
                if frame % EVERY == 0:
                    vector = np.eye(SIZE)[who] + chance.normal(0, noise, SIZE)
                    looks.append((number + 1, frame, vector))
    table = np.array(rows, np.float64)
    ones = np.ones(len(table))
    tracks = Tracks.from_arrays(table[:, 0], table[:, 1], table[:, 2:], ones, ones, None, FRAMES)
    ids, frames, vectors = zip(*looks, strict=True)
    return tracks, Looks.from_arrays(ids, frames, np.array(vectors), np.full(len(ids), 0.8), "drawn")


def pieces_of(tracks: Tracks) -> Pieces:
    """One piece for each track."""
    following = next_rows(tracks.track_id)
    return labelled(tracks.track_id, following, following)


def learned(tracks: Tracks, looks: Looks) -> LookEvidence:
    evidence = LookEvidence.learned(tracks, looks, pieces_of(tracks), FPS)
    assert evidence is not None
    return evidence


def whole(who: int) -> list[tuple[int, int, int]]:
    return [(0, FRAMES - 1, who)]


def test_one_look_speaks_for_one_person_and_two_against() -> None:
    tracks, looks = game([[(0, 90, 0), (120, 199, 0)], whole(1), whole(2), whole(3), [(0, 90, 4)], [(120, 199, 4)]])
    pieces = pieces_of(tracks)
    evidence = learned(tracks, looks)
    same, other = evidence.weigh(pieces, np.array([4, 4]), np.array([5, 1]))
    assert same > 1
    assert other < -1


def test_where_all_look_alike_looks_say_nothing() -> None:
    tracks, looks = game([whole(0) for _ in range(6)])
    weight = learned(tracks, looks).weigh(pieces_of(tracks), np.arange(5), np.arange(1, 6))
    assert np.abs(weight).max() < 0.5


def test_how_the_likeness_is_scaled_does_not_matter() -> None:
    """Another part that all looks have in common brings all of them nearer to each other."""
    tracks, looks = game([whole(number) for number in range(5)])
    nearer = Looks.from_arrays(
        looks.track_id, looks.frame, np.concatenate([looks.vector, np.full((len(looks), 1), 2)], axis=1),
        looks.quality, "nearer",
    )  # fmt: skip
    pieces = pieces_of(tracks)
    pairs = np.array([0, 0, 1]), np.array([1, 2, 3])
    weights = [learned(tracks, each).weigh(pieces, *pairs) for each in (looks, nearer)]
    np.testing.assert_allclose(weights[0], weights[1], atol=0.3)


def test_a_piece_is_cut_where_it_begins_to_show_somebody_else() -> None:
    tracks, looks = game([[(0, 99, 0), (100, 199, 5)], whole(1), whole(2), whole(3), whole(4)])
    rows = learned(tracks, looks).changes(tracks, pieces_of(tracks))
    assert tracks.track_id[rows].tolist() == [1]
    assert 91 <= tracks.frame[rows[0]] <= 100


def test_people_who_stay_themselves_are_not_cut() -> None:
    tracks, looks = game([whole(number) for number in range(6)], noise=0.15)
    assert len(learned(tracks, looks).changes(tracks, pieces_of(tracks))) == 0


def test_too_few_looks_say_nothing() -> None:
    tracks, looks = game([[(0, 30, 0)], [(0, 30, 1)]])
    assert LookEvidence.learned(tracks, looks, pieces_of(tracks), FPS) is None


def test_looks_at_boxes_that_are_gone_are_left_out() -> None:
    tracks, looks = game([whole(0), whole(1)])
    other = Looks.from_arrays([1, 9], [0, 0], np.eye(2, SIZE), [0.5, 0.5], "drawn")
    assert len(LookedAt.of(tracks, other).row) == 1
    assert len(LookedAt.of(Tracks.empty(5), looks).row) == 0


def test_kits_tell_teams_apart_and_not_teammates() -> None:
    tracks, looks = game([whole(number % 2) for number in range(6)])
    evidence = KitEvidence.learned(tracks, looks, pieces_of(tracks))
    assert evidence is not None
    mates, opponents = evidence.weigh(pieces_of(tracks), np.array([0, 0]), np.array([2, 1]))
    assert 0.3 < mates <= np.log(2)
    assert opponents < -3


def test_a_piece_in_two_kits_is_cut() -> None:
    tracks, looks = game([[(0, 119, 0), (120, 199, 1)], *[whole(number % 2) for number in range(5)]])
    pieces = pieces_of(tracks)
    evidence = KitEvidence.learned(tracks, looks, pieces)
    assert evidence is not None
    rows = evidence.changes(tracks, pieces)
    assert tracks.track_id[rows].tolist() == [1]
    assert 111 <= tracks.frame[rows[0]] <= 120
    assert len(cut_at(pieces, tracks.frame, rows)) == len(pieces) + 1


@pytest.mark.parametrize("kits", [[0] * 6, [0] * 40 + [1]])
def test_one_kit_says_nothing(kits: list[int]) -> None:
    tracks, looks = game([whole(kit) for kit in kits])
    assert KitEvidence.learned(tracks, looks, pieces_of(tracks)) is None


def test_the_share_of_a_box_that_others_cover() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 25, 10], [0, 0, 10, 10]], np.float64)
    assert covered_share(boxes, np.array([0, 2, 3])).tolist() == [0.5, 0.25, 0.0]


def test_looks_decide_who_came_back() -> None:
    """Two leave from one place, and two come back to where nobody can say who is who but by their looks."""
    people = [whole(number) for number in range(2, 7)]
    rows, looks = game([[(0, 80, 0), (110, 199, 1)], [(0, 80, 1), (110, 199, 0)], *people])
    apart = Tracks.from_arrays(
        rows.frame,
        np.where((rows.track_id <= 2) & (rows.frame >= 110), rows.track_id + 10, rows.track_id),
        rows.xyxy, rows.score, rows.class_id, None, FRAMES,
    )  # fmt: skip
    ids = np.where((looks.track_id <= 2) & (looks.frame >= 110), looks.track_id + 10, looks.track_id)
    seen = Looks.from_arrays(ids, looks.frame, looks.vector, looks.quality, "drawn")

    def at(linked: Tracks, number: int, frame: int) -> int:
        here = (linked.frame == frame) & (linked.xyxy[:, 0] == 20 + 60 * number)
        return int(linked.track_id[here][0])

    blind = link(apart, FPS)
    assert at(blind, 0, 10) != at(blind, 1, 150)
    linked = link(apart, FPS, appearance=Appearance(seen, None))
    assert at(linked, 0, 10) == at(linked, 1, 150)
    assert at(linked, 1, 10) == at(linked, 0, 150)


def test_somebody_unseen_between_two_does_not_make_them_one() -> None:
    """Each of the two joins might be right, since nobody saw the one in the middle; both together cannot be."""
    others = [whole(number % 2) for number in range(6)]
    tracks, looks = game([[(0, 80, 0), (108, 120, 0), (148, 199, 1)], *others])
    middle = (looks.track_id == 1) & (looks.frame > 100) & (looks.frame < 130)
    seen = Appearance(looks.only(~middle), None)

    def ids(linked: Tracks) -> list[int]:
        return [int(linked.track_id[(linked.frame == frame) & (linked.xyxy[:, 0] == 20)][0]) for frame in (10, 180)]

    first, last = ids(link(tracks, FPS))
    assert first == last
    first, last = ids(link(tracks, FPS, appearance=seen))
    assert first != last
