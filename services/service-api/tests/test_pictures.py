"""Where pictures of players are cut: clean boxes of theirs, and few frames for many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_games import USUAL, Coach, put_run, run_address
from tests.served import Served, problem, served

from api.games.edits import Said
from api.games.pictures import pictures_of
from api.games.players import NOBODY, CorrectedRun
from api.games.runs import RunContent
from shared_libs.common.corrections import corrected
from shared_libs.common.edits import EditLog
from shared_libs.common.players import Player, Players, Segment
from shared_libs.common.run import Run
from shared_libs.common.tracks import Source, Tracks
from shared_libs.utils.ids import new_id


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pictures")) as made:
        yield made


@pytest.fixture
def coach(place: Served) -> Coach:
    video_id = new_id("video")
    return Coach(place.http, video_id, put_run(place.site, video_id))


def _pictures(coach: Coach, *player_ids: int, each: int | None = None) -> list[dict[str, Any]]:
    answer = coach.http.get(f"{coach.at}/pictures", params={"player_id": player_ids, "each": each or 1})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_all_players_in_view_are_cut_from_one_frame(coach: Coach) -> None:
    found = _pictures(coach, 1, 2, 3, 4)
    assert sorted(each["player_id"] for each in found) == [1, 2, 3, 4]
    assert len({each["frame"] for each in found}) == 2  # 1 has gone when 3 comes
    spans = {track_id: (first, last) for track_id, first, last in USUAL}
    for each in found:
        first, last = spans[each["track_id"]]
        left = each["track_id"] * 100 + each["frame"] * 0.13
        assert first <= each["frame"] <= last and each["frame"] % 10 != 9  # which is filled in
        assert each["xyxy"] == pytest.approx([left, 50, left + 30.25, 110.5], abs=0.06)


def test_each_of_the_longest_stretches_has_a_picture(coach: Coach) -> None:
    coach.edit("merge", first={"player_id": 1}, second={"player_id": 3})
    assert [each["track_id"] for each in _pictures(coach, 1, each=8)] == [1, 3]
    assert len(_pictures(coach, 1)) == 1
    coach.edit("split", place={"player_id": 2}, at_frame=50)
    for player_id, player in coach.players().items():
        for found in _pictures(coach, player_id, each=2):
            assert any(s["start"] <= found["frame"] <= s["end"] for s in player["segments"])


def test_whoever_is_not_there_any_more_is_left_out(coach: Coach) -> None:
    assert {each["player_id"] for each in _pictures(coach, 1, 99)} == {1}
    assert _pictures(coach, 99) == []


def test_too_many_are_refused_and_a_run_that_is_not_there_is_named(coach: Coach) -> None:
    problem(coach.http.get(f"{coach.at}/pictures"), 422, "invalid-request")
    problem(coach.http.get(f"{coach.at}/pictures", params={"player_id": list(range(201))}), 422, "invalid-request")
    problem(coach.http.get(f"{coach.at}/pictures", params={"player_id": 1, "each": 9}), 422, "invalid-request")
    at = run_address(new_id("video"), new_id("run"))
    problem(coach.http.get(f"{at}/pictures", params={"player_id": 1}), 404, "no-such-run")


def test_a_box_that_others_cover_is_not_taken_where_a_clean_one_is() -> None:
    """Two stand in front of each other but for frame 30."""
    frame = np.repeat(np.arange(60), 2)
    track_id = np.tile([1, 2], 60)
    left = np.where(track_id == 1, 100.0, np.where(frame == 30, 300.0, 104.0))
    xyxy = np.stack([left, np.full(120, 50.0), left + 40, np.full(120, 150.0)], axis=1)
    run = _run(Tracks.from_arrays(frame, track_id, xyxy, np.ones(120), np.zeros(120), None, 60), [1, 2])
    assert [each.frame for each in pictures_of(run, list(run.players))] == [30, 30]


@given(st.data())
@settings(max_examples=60)
def test_every_picture_is_a_box_of_its_player_that_was_seen(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    boxes = data.draw(st.sets(st.tuples(st.integers(0, 30), st.integers(1, 4)), min_size=1, max_size=count))
    frame, track_id = np.array(sorted(boxes)).T
    left = np.array(data.draw(st.lists(st.integers(-5, 130), min_size=len(frame), max_size=len(frame))), np.float64)
    xyxy = np.stack([left, left, left + 20, left + 50], axis=1)
    source = np.array(data.draw(st.lists(st.sampled_from(Source), min_size=len(frame), max_size=len(frame))))
    tracks = Tracks.from_arrays(frame, track_id, xyxy, np.ones(len(frame)), np.zeros(len(frame)), source, 31)
    run = _run(tracks, sorted(set(track_id.tolist())))
    each = data.draw(st.integers(1, 8))
    found = pictures_of(run, list(run.players), each, (128, 128))
    assert len({picture.player_id for picture in found}) == len(found)  # they have one segment each
    seen = {
        (int(track), int(at), *(round(float(side), 1) for side in box))
        for track, at, box, kind in zip(tracks.track_id, tracks.frame, tracks.xyxy, tracks.source, strict=True)
        if kind == Source.DETECTED
    }
    assert {picture.player_id for picture in found} == {track_id for track_id, *_ in seen}
    for picture in found:
        assert picture.player_id == picture.track_id
        assert (picture.track_id, picture.frame, *picture.xyxy) in seen


def _run(tracks: Tracks, ids: list[int]) -> CorrectedRun:
    """Everybody is the player of their own track, from its first frame to its last."""
    spans = {i: tracks.frame[tracks.track_id == i] for i in ids}
    players = Players(tuple(Player(i, segments=(Segment(i, int(s.min()), int(s.max())),)) for i, s in spans.items()))
    content = RunContent(
        Run(service="service-tracking", created="2026-03-01T10:00:00Z", code_version="0"), tracks, players
    )
    said = Said(EditLog(), (), None, "")
    owner = np.where(np.isin(tracks.track_id, ids), tracks.track_id, NOBODY).astype(np.int32)
    return CorrectedRun(content, said, corrected(players, tracks, EditLog()), owner)
