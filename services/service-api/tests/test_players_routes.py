"""The players of a run by HTTP: as corrected now, when they are in view, shifts for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_games import FPS, TENANT, Coach, player, put_roster, put_run, run_address
from tests.served import Served, problem, served

from api.games.times import FrameTimes
from api.videos.shown import TIMES
from shared_libs.common.players import Player, Players, Segment
from shared_libs.common.storage import run_path, video_file
from shared_libs.utils.ids import new_id


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games")) as place:
        yield place


@pytest.fixture
def video() -> str:
    return new_id("video")


def _coach(place: Served, video: str, found: Players | None = None) -> Coach:
    return Coach(place.http, video, put_run(place.site, video, found=found))


def _shifts(coach: Coach, **query: object) -> list[dict[str, str]]:
    answer = coach.http.get(f"{coach.at}/shifts.csv", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


BROKEN = Players(
    (
        Player(1, 0, segments=(Segment(1, 0, 24), Segment(1, 40, 60), Segment(1, 95, 99)), number="7", name="Jo Smith"),
        Player(2, 1, segments=(Segment(2, 0, 199),), role="goalkeeper"),
        Player(4, None, segments=(Segment(4, 50, 150),), name="=1+1"),
    ),
    {0: "Eagles"},
)


def test_players_come_with_team_name_number_and_segments_in_frames_and_seconds(place: Served, video: str) -> None:
    coach = _coach(place, video, BROKEN)
    found = coach.http.get(f"{coach.at}/players").json()
    first = found["players"][0]
    assert (first["team_id"], first["team"], first["name"], first["number"]) == (0, "Eagles", "Jo Smith", "7")
    assert first["segments"][1] == {
        "track_id": 1, "start": 40, "end": 60, "start_seconds": 40 / FPS, "end_seconds": 61 / FPS,
    }  # fmt: skip
    assert first["seconds_in_view"] == pytest.approx((25 + 21 + 5) / FPS)
    assert found["players"][1]["role"] == "goalkeeper" and not found["times_of_film"] and found["unfit"] == 0
    assert found["teams"] == [
        {"team_id": 0, "name": "Eagles", "players": 1, "seconds_in_view": pytest.approx(51 / FPS)},
        {"team_id": 1, "name": None, "players": 1, "seconds_in_view": pytest.approx(200 / FPS)},
    ]


def test_seconds_are_those_of_the_film_where_it_has_been_looked_at(place: Served, video: str) -> None:
    coach = _coach(place, video)
    times = np.cumsum(np.tile([0.03, 0.05], 95)) - 0.03  # fewer frames than boxes: 190
    place.site.files.write(video_file(TENANT, video, TIMES), times.astype("<f8").tobytes())
    found = coach.http.get(f"{coach.at}/players").json()
    assert found["times_of_film"]
    segment = found["players"][2]["segments"][0]  # frames 120 to 199
    assert segment["start_seconds"] == pytest.approx(times[120], abs=1e-4)
    assert segment["end_seconds"] == pytest.approx(times[-1] + 11 * 0.05, abs=1e-4)


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 3), min_size=1, max_size=30), st.integers(0, 50))
def test_frames_are_shown_one_after_the_other(steps: Sequence[float], boxes: int) -> None:
    film = np.cumsum(steps)
    times = FrameTimes.of_film(film, boxes)
    assert len(times.start) == max(len(film), boxes) + 1 and (np.diff(times.start) > 0).all()
    assert np.array_equal(times.start[: len(film)], film)


def test_the_same_players_are_not_sent_again(place: Served, video: str) -> None:
    coach = _coach(place, video)
    counted = place.http.get(f"{coach.at}/players", headers={"If-None-Match": coach.etag()})
    assert counted.status_code == 200  # the film's own times may come yet
    place.site.files.write(video_file(TENANT, video, TIMES), (np.arange(200) / FPS).astype("<f8").tobytes())
    again = place.http.get(f"{coach.at}/players", headers={"If-None-Match": coach.etag()})
    assert again.status_code == 304
    put_roster(place.site, video, "7,Jo Smith,Eagles")
    changed = place.http.get(f"{coach.at}/players", headers={"If-None-Match": again.headers["ETag"]})
    assert changed.status_code == 200


def test_one_player_comes_with_shifts_that_pass_over_short_breaks(place: Served, video: str) -> None:
    coach = _coach(place, video, BROKEN)
    found = coach.http.get(f"{coach.at}/players/1").json()
    assert [(each["start"], each["end"]) for each in found["shifts"]] == [(0, 60), (95, 99)]
    strict = coach.http.get(f"{coach.at}/players/1", params={"longest_break": 0}).json()
    assert [each["start"] for each in strict["shifts"]] == [0, 40, 95]
    assert strict["shifts"][0]["seconds"] == pytest.approx(1.0)
    problem(coach.http.get(f"{coach.at}/players/99"), 404, "no-such-player")


def test_shifts_are_a_table_for_all_for_some_and_for_a_team(place: Served, video: str) -> None:
    coach = _coach(place, video, BROKEN)
    rows = _shifts(coach)
    assert [(row["team"], row["player_id"], row["shift"]) for row in rows] == [
        ("Eagles", "1", "1"), ("Eagles", "1", "2"), ("Team B", "2", "1"), ("", "4", "1"),
    ]  # fmt: skip
    assert rows[0]["seconds"] == f"{61 / FPS:.3f}" and rows[0]["end_frame"] == "60" and rows[0]["number"] == "7"
    assert [row["player_id"] for row in _shifts(coach, player_id=[4, 2])] == ["4", "2"]
    assert {row["player_id"] for row in _shifts(coach, team_id=0)} == {"1"}
    problem(coach.http.get(f"{coach.at}/shifts.csv", params={"player_id": 99}), 404, "no-such-player")


def test_a_name_that_a_spreadsheet_would_take_for_a_formula_stays_text(place: Served, video: str) -> None:
    [row] = _shifts(_coach(place, video, BROKEN), player_id=4)
    assert row["name"] == "'=1+1"


def test_the_roster_names_players_as_soon_as_their_number_is_known(place: Served, video: str) -> None:
    coach = _coach(place, video)
    put_roster(place.site, video, "7,Jo Smith,Eagles", "9,Al Jones,Eagles")
    coach.edit("assign", place=player(1), team="Eagles", number="7")
    assert coach.players()[1] | {"name": "Jo Smith", "number": "7", "team": "Eagles"} == coach.players()[1]
    put_roster(place.site, video, "7,Joanna Smith,Eagles")
    assert coach.players()[1]["name"] == "Joanna Smith"


def test_tracks_show_the_players_as_corrected(place: Served, video: str) -> None:
    coach = _coach(place, video)
    coach.edit("merge", first=player(1), second=player(3))
    got = coach.http.get(f"{coach.at}/tracks", params={"first": 130, "last": 130}).json()
    assert (got["track_id"], got["player_id"]) == ([2, 3, 4], [2, 1, 4])
    assert got["team_id"] == [1, 0, 1]


def test_a_run_that_was_corrected_when_it_was_made_is_corrected_only_once(place: Served, video: str) -> None:
    """An undo of what went into the run counts as well: players are told from what was found."""
    coach = _coach(place, video)
    made = coach.edit("split", place=player(2), at_frame=100)["made"]["edit"]["edit_id"]
    halves = coach.players()
    found = Players(tuple(Player(i, 0, segments=(Segment(i, 0, 199 if i == 2 else 99),)) for i in (1, 2)))
    final = Players(
        (
            *found.players[:1],
            Player(2, 0, segments=(Segment(2, 0, 99),)),
            Player(3, 0, segments=(Segment(2, 100, 199),)),
        )
    )
    spans = [(1, 0, 99), (2, 0, 199)]
    later = Coach(place.http, video, put_run(place.site, video, spans=spans, found=found, final=final))
    assert later.unfit() == [] and len(halves) == 5
    assert [each["segments"][0]["start"] for each in later.players().values()] == [0, 0, 100]
    later.edit("undo", undoes=made)
    assert [each["segments"][0]["start"] for each in later.players().values()] == [0, 0]


def test_relinking_is_a_job_that_is_submitted_once_for_one_key(place: Served, video: str) -> None:
    coach = _coach(place, video)
    headers = {"Idempotency-Key": f"relink {video}"}
    first = place.http.post(f"{coach.at}/relink", json={}, headers=headers)
    again = place.http.post(f"{coach.at}/relink", json={}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["job_id"] == again.json()["job_id"]
    assert first.json()["payload"]["kind"] == "link_players" and first.json()["payload"]["video_id"] == video
    nowhere = run_address(video, new_id("run"), "/relink")
    problem(place.http.post(nowhere, json={}), 404, "no-such-run")


def test_a_run_whose_tracks_are_damaged_says_so(place: Served, video: str) -> None:
    run_id = put_run(place.site, video)
    place.site.files.write(run_path(TENANT, video, run_id, "tracks.json"), b'[{"x_min"')
    said = problem(place.http.get(run_address(video, run_id, "/players")), 422, "not-usable")
    assert "cut off" in said["detail"] and "/" not in said["detail"].replace("…", "")
