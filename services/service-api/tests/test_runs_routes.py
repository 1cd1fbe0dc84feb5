"""Runs by HTTP: the list, one, its boxes by frames, its files by ranges of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_games import FRAMES, TENANT, USUAL, lanes, put_clips, put_run, run_address
from tests.served import Served, problem, served

from api.file_answers import range_of
from api.games import columns
from api.games.runs import RUN
from api.problems import Problem
from shared_libs.common.jobs import LinkPlayers
from shared_libs.common.storage import run_path
from shared_libs.common.tracks import Source, read_tracks
from shared_libs.utils.ids import new_id


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games")) as place:
        yield place


@pytest.fixture
def video() -> str:
    return new_id("video")


def test_runs_are_listed_newest_first_in_pages_and_an_unfinished_one_is_left_out(place: Served, video: str) -> None:
    made = [put_run(place.site, video, minute=minute) for minute in (0, 0, 3, 1)]
    unfinished = put_run(place.site, video)
    Path(place.site.files.place(run_path(TENANT, video, unfinished, RUN))).unlink()
    expected = [made[2], made[3], *sorted(made[:2], reverse=True)]

    found, following = [], None
    for _ in range(2):
        query = {"limit": 2} | ({"following": following} if following else {})
        page = place.http.get(f"/api/v1/videos/{video}/runs", params=query).json()
        found += [each["run_id"] for each in page["items"]]
        following = page["following"]
    assert (found, following) == (expected, None)


def test_a_damaged_run_does_not_hide_the_others(place: Served, video: str) -> None:
    whole, damaged = put_run(place.site, video), put_run(place.site, video)
    place.site.files.write(run_path(TENANT, video, damaged, RUN), b"{")
    assert [each["run_id"] for each in place.http.get(f"/api/v1/videos/{video}/runs").json()["items"]] == [whole]
    problem(place.http.get(run_address(video, damaged)), 422, "not-usable")


def test_a_run_says_how_it_was_made_and_whether_only_motion_was_looked_for(place: Served, video: str) -> None:
    note = "motion only: the boxes are of whatever moves, found without a trained detector"
    run_id = put_run(place.site, video, notes=[note])
    run = place.http.get(run_address(video, run_id)).json()
    assert run["motion_only"] and run["notes"] == [note] and run["fps"] == 25.0
    assert run["record"]["service"] == "service-tracking" and run["files"]["annotated.mp4"] == 1_280_000
    plain = put_run(place.site, video)
    assert not place.http.get(run_address(video, plain)).json()["motion_only"]


def test_boxes_come_in_columns_for_a_range_of_frames(place: Served, video: str) -> None:
    at = run_address(video, put_run(place.site, video), "/tracks")
    answer = place.http.get(at, params={"first": 95, "last": 120})
    got = answer.json()
    tracks = lanes(USUAL)
    rows = (tracks.frame >= 95) & (tracks.frame <= 120)
    assert got["frame"] == tracks.frame[rows].tolist() and got["frame_count"] == FRAMES
    assert got["track_id"] == got["player_id"] == tracks.track_id[rows].tolist()
    assert got["team_id"] == [(each + 1) % 2 for each in got["track_id"]]
    assert got["interpolated"] == (tracks.source[rows] == Source.INTERPOLATED).tolist()
    assert np.abs(np.array(got["xyxy"]) - tracks.xyxy[rows]).max() <= 0.0501
    assert all(round(side, 1) == side for box in got["xyxy"] for side in box)
    again = place.http.get(at, params={"first": 95, "last": 120}, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize("query", [{"first": 5, "last": 4}, {"first": 0, "last": 3000}, {"first": -1}, {"last": "x"}])
def test_a_range_of_frames_that_is_none_or_too_long_is_refused(
    place: Served, video: str, query: dict[str, int | str]
) -> None:
    at = run_address(video, put_run(place.site, video), "/tracks")
    problem(place.http.get(at, params=query), 422, "invalid-request")


def test_frames_beyond_the_end_have_no_boxes(place: Served, video: str) -> None:
    at = run_address(video, put_run(place.site, video), "/tracks")
    assert place.http.get(at, params={"first": 2**24 - 1, "last": 2**24 - 1}).json()["frame"] == []


def test_tracks_can_be_had_whole_as_mot_text_and_as_parquet(place: Served, video: str, tmp_path: Path) -> None:
    run_id = put_run(place.site, video)
    expected = lanes(USUAL)
    for name in ("tracks.txt", "tracks.parquet"):
        answer = place.http.get(run_address(video, run_id, f"/{name}"))
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{run_id}.{name.split(".")[1]}"'
        (tmp_path / name).write_bytes(answer.content)
        got = read_tracks(tmp_path / name)
        assert np.array_equal(got.frame, expected.frame) and np.array_equal(got.track_id, expected.track_id)
        assert np.allclose(got.xyxy, expected.xyxy, atol=1e-3)
    assert np.array_equal(got.source, expected.source)


def test_large_tracks_are_read_in_a_process_of_their_own_with_the_same_result(
    place: Served, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = place.http.get(run_address(video, put_run(place.site, video), "/tracks")).json()
    monkeypatch.setattr(columns, "SMALL_BYTES", 0)
    assert place.http.get(run_address(video, put_run(place.site, video), "/tracks")).json() == small
    damaged = put_run(place.site, video)
    place.site.files.write(run_path(TENANT, video, damaged, "tracks.json"), b'[{"x_min": 3}]')
    said = problem(place.http.get(run_address(video, damaged, "/tracks")), 422, "not-usable")
    assert "row 1" in said["detail"]


def test_a_run_that_lacks_a_file_says_which(place: Served, video: str) -> None:
    run_id = put_run(place.site, video)
    Path(place.site.files.place(run_path(TENANT, video, run_id, "players.json"))).unlink()
    said = problem(place.http.get(run_address(video, run_id, "/players")), 422, "not-usable")
    assert "has no players.json" in said["detail"]
    problem(place.http.get(run_address(video, run_id, "/nothing.mp4")), 404, "not-found")


def test_the_report_comes_with_a_policy_that_lets_it_have_its_styles_and_no_scripts(place: Served, video: str) -> None:
    answer = place.http.get(run_address(video, put_run(place.site, video), "/report.html"))
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8" and "Report" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "style-src 'unsafe-inline'" in policy and "script-src" not in policy and "default-src 'none'" in policy
    assert "sandbox allow-same-origin" in policy


def test_the_annotated_film_comes_whole_in_ranges_and_by_its_head(place: Served, video: str) -> None:
    at = run_address(video, put_run(place.site, video), "/annotated.mp4")
    whole = place.http.get(at)
    content = bytes(range(256)) * 5000
    assert whole.content == content and whole.headers["Content-Type"] == "video/mp4"
    etag = whole.headers["ETag"]
    part = place.http.get(at, headers={"Range": "bytes=1048570-1048999", "If-Range": etag})
    assert part.status_code == 206 and part.content == content[1048570:1049000]
    assert part.headers["Content-Range"] == f"bytes 1048570-1048999/{len(content)}"
    assert place.http.get(at, headers={"Range": "bytes=0-9", "If-Range": '"another"'}).status_code == 200
    beyond = place.http.get(at, headers={"Range": "bytes=9999999-"})
    problem(beyond, 416, "no-such-range")
    assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"
    head = place.http.head(at)
    assert (head.headers["Content-Length"], head.content) == (str(len(content)), b"")
    assert place.http.get(at, headers={"If-None-Match": etag}).status_code == 304


def test_reels_are_told_of_and_played(place: Served, video: str) -> None:
    run_id = put_run(place.site, video)
    at = run_address(video, run_id, f"/clips/{put_clips(place.site, video, run_id)}")
    assert [reel["player_id"] for reel in place.http.get(at).json()["reels"]] == [1, 2]
    assert place.http.get(f"{at}/2.mp4", headers={"Range": "bytes=0-3"}).content == b"film"
    problem(place.http.get(f"{at}/3.mp4"), 404, "no-such-reel")
    problem(place.http.get(run_address(video, run_id, f"/clips/{new_id('clips')}")), 404, "no-such-clips")


@settings(deadline=None)
@given(content=st.binary(min_size=1, max_size=50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_a_range_is_the_bytes_that_it_names(content: bytes, first: int, last: int) -> None:
    size = len(content)
    for wanted, expected in (
        (f"bytes={first}-{last}", content[first : last + 1] if first <= last else None),
        (f"bytes={first}-", content[first:]),
        (f"bytes=-{first}", content[-first:] if first else b""),
    ):
        try:
            found = range_of(wanted, size)
        except Problem as refused:
            assert refused.status_code == 416 and expected == b""
        else:
            assert expected is None if found is None else content[slice(*found)] == expected != b""


@settings(deadline=None)
@given(st.one_of(st.text(max_size=30), st.sampled_from(["bytes=-", "bytes=1-2,4-5", "frames=0-3", "bytes=5-2"])))
def test_what_is_no_single_range_of_bytes_does_not_count(wanted: str) -> None:
    try:
        found = range_of(wanted, 100)
    except Problem as refused:
        assert refused.status_code == 416
    else:
        assert found is None or 0 <= found[0] < found[1] <= 100


def test_a_run_is_deleted_and_is_then_not_there_though_it_was_kept(place: Served, video: str) -> None:
    run_id = put_run(place.site, video)
    assert place.http.get(run_address(video, run_id, "/tracks")).status_code == 200
    assert place.http.delete(run_address(video, run_id)).status_code == 204
    for rest in ("", "/tracks", "/players", "/tracks.txt", "/shifts.csv", "/unfit"):
        problem(place.http.get(run_address(video, run_id, rest)), 404, "no-such-run")
    problem(place.http.get(run_address(video, run_id, "/annotated.mp4")), 404, "no-such-file")
    problem(place.http.delete(run_address(video, run_id)), 404, "no-such-run")


def test_a_run_that_a_job_works_on_is_not_deleted(place: Served, video: str) -> None:
    run_id = put_run(place.site, video)
    job = place.site.jobs.submit(TENANT, LinkPlayers(video_id=video, run_id=run_id))
    refused = problem(place.http.delete(run_address(video, run_id)), 409, "in-use")
    assert refused["jobs"] == [job.job_id]
    place.site.jobs.cancel(TENANT, job.job_id)
    assert place.http.delete(run_address(video, run_id)).status_code == 204


def test_an_address_with_what_is_no_id_is_refused_before_anything_is_looked_up(place: Served, video: str) -> None:
    for bad in ("run_xyz", "..%5c..", "run_0123456789ab%0a", f"job_{'0' * 12}", "RUN_0123456789AB"):
        problem(place.http.get(f"/api/v1/videos/{video}/runs/{bad}/tracks"), 422, "invalid-request")
    problem(place.http.get(f"/api/v1/videos/{video}/runs/..%2f..%2fetc/tracks"), 404, "not-found")
