"""Videos: listed, renamed without losing anybody's change, given rosters and detections, and taken away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from tests.films import begin, plain_film, send, serving, settled, upload
from tests.served import Served, problem

from api.access.keys import Scope
from api.videos.catalogue import VideoState, change_video, the_video
from shared_libs.common.detections import Detections, write_detections_parquet, write_mot_detections
from shared_libs.common.job_client.table import jobs, now, workers
from shared_libs.common.jobs import BuildDataset, JobState, RunReference, TrackVideo, TrainReid
from shared_libs.common.json_text import dump_json
from shared_libs.common.storage import dataset_file, run_path, video_file, video_folder, video_source

TENANT = "local"
RUN = "run_0123456789ab"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as made:
        yield made


def _get(place: Served, video_id: str, below: str = "", **more: Any) -> httpx.Response:
    return place.http.get(f"/api/v1/videos/{video_id}{below}", **more)


def test_videos_are_listed_newest_first_in_pages(place: Served) -> None:
    made = [begin(place.http, 100 + number, name=f"game {number}") for number in range(5)]
    pages: list[list[str]] = []
    following = None
    while True:
        query = {"limit": 2} | ({"following": following} if following else {})
        page = place.http.get("/api/v1/videos", params=query).json()
        pages.append([video["video_id"] for video in page["items"]])
        following = page["following"]
        if following is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == made[::-1]


def test_videos_are_listed_by_state(place: Served) -> None:
    bad, new = begin(place.http, 10), begin(place.http, 10)
    problem(send(place.http, bad, b"x" * 10), 422, "not-a-film")

    def listed(*states: str) -> set[str]:
        found = place.http.get("/api/v1/videos", params=[("state", state) for state in states]).json()["items"]
        return {video["video_id"] for video in found}

    assert listed("refused") == {bad} and listed("uploading") == {new}
    assert listed("uploading", "refused") == {bad, new} and listed("ready") == set()
    problem(place.http.get("/api/v1/videos", params={"state": "lost"}), 422, "invalid-request")


def test_a_name_is_changed_by_whoever_has_seen_the_last_one(place: Served) -> None:
    video_id = begin(place.http, 100)
    path = f"/api/v1/videos/{video_id}"
    etag = _get(place, video_id).headers["ETag"]
    problem(place.http.patch(path, json={"name": "Final"}), 428, "if-match-missing")
    changed = place.http.patch(path, json={"name": "Final"}, headers={"If-Match": etag})
    assert changed.json()["name"] == "Final" and changed.headers["ETag"] != etag
    stale = place.http.patch(path, json={"name": "Semifinal"}, headers={"If-Match": etag})
    problem(stale, 412, "stale")
    assert stale.headers["ETag"] == changed.headers["ETag"] == _get(place, video_id).headers["ETag"]
    assert _get(place, video_id).json()["name"] == "Final"
    for wrong in ({"name": ""}, {"name": "x" * 201}, {"name": "a", "size": 1}, {}):
        problem(place.http.patch(path, json=wrong, headers={"If-Match": "*"}), 422, "invalid-request")


def test_a_video_that_is_as_it_was_is_not_told_again(place: Served, tmp_path: Path) -> None:
    video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
    settled(place.http, video_id)
    etag = _get(place, video_id).headers["ETag"]
    assert _get(place, video_id, headers={"If-None-Match": etag}).status_code == 304
    arriving = begin(place.http, 100)
    etag = _get(place, arriving).headers["ETag"]
    send(place.http, arriving, b"x" * 50)
    assert _get(place, arriving, headers={"If-None-Match": etag}).json()["received"] == 50


def test_a_video_of_another_tenant_is_not_there(place: Served) -> None:
    ours, theirs = place.key(tenant="eagles"), place.key(tenant="hawks")
    with place.with_key(ours) as http:
        video_id = begin(http, 100)
    with place.with_key(theirs) as http:
        path = f"/api/v1/videos/{video_id}"
        for below in ("", "/file", "/proxy", "/thumbnail", "/times", "/roster", "/uses"):
            problem(http.get(path + below), 404, "no-such-video")
        for below in ("/roster", "/detections"):
            problem(http.put(path + below, content=b"x"), 404, "no-such-video")
        problem(http.patch(path, json={"name": "ours"}, headers={"If-Match": "*"}), 404, "no-such-video")
        problem(http.delete(path), 404, "no-such-video")
        problem(send(http, video_id, b"x"), 404, "no-such-video")
        assert http.head(f"{path}/upload").status_code == 404
        assert http.get("/api/v1/videos").json()["items"] == []


def test_readers_change_nothing(place: Served) -> None:
    with place.with_key(place.key(Scope.WRITE)) as http:
        video_id = begin(http, 100)
    with place.with_key(place.key(Scope.READ)) as http:
        path = f"/api/v1/videos/{video_id}"
        assert http.get(path).status_code == 200
        for answer in (
            http.post("/api/v1/videos", json={"name": "a", "size": 1}),
            http.patch(path, json={"name": "b"}, headers={"If-Match": "*"}),
            http.delete(path),
            http.put(f"{path}/roster", content=b"x"),
            http.put(f"{path}/detections", content=b"x"),
            send(http, video_id, b"x"),
        ):
            problem(answer, 403, "scope-missing")


def _boxes() -> Detections:
    frame = [0, 0, 3, 7]
    xyxy = np.array([[10, 10, 20, 40]] * 4, np.float32) + np.arange(4, dtype=np.float32)[:, None]
    return Detections.from_arrays(frame, xyxy, [0.5, 0.75, 1, 0.25], [0, 0, 0, 0])


def test_detections_are_kept_under_the_name_of_their_format(place: Served, tmp_path: Path) -> None:
    video_id = begin(place.http, 100)
    write_mot_detections(tmp_path / "a.csv", _boxes())
    write_detections_parquet(tmp_path / "b", _boxes())
    rows = [{"frame_index": int(f), "x_min": 1, "y_min": 1, "x_max": 9, "y_max": 9} for f in _boxes().frame]
    (tmp_path / "c.txt").write_text(json.dumps(rows))
    for name, file in (("a.csv", "det.txt"), ("b", "det.parquet"), ("c.txt", "det.json")):
        content = (tmp_path / name).read_bytes()
        answer = place.http.put(f"/api/v1/videos/{video_id}/detections", content=content)
        assert answer.json() == {"file": file, "boxes": 4, "frames": 8}, answer.text
        assert place.site.files.read(video_file(TENANT, video_id, file)) == content
        assert _get(place, video_id).json()["detections_file"] == file


def test_detections_that_are_wrong_are_refused_with_the_line(place: Served) -> None:
    video_id = begin(place.http, 100)
    path = f"/api/v1/videos/{video_id}/detections"
    lines = "1,-1,10,10,5,5,0.9\n2,-1,10,10,-5,5,0.9\n"
    said = problem(place.http.put(path, content=lines), 422, "not-usable")
    assert said["detail"].startswith("file: line 2: ")
    for content in (b"", b"\0\1\2\3" * 100, b"PAR1" + b"x" * 100, b'{"xyxy": [[1, 2'):
        problem(place.http.put(path, content=content), 422, "not-usable")
    assert _get(place, video_id).json()["detections_file"] is None
    assert not [each for each in place.site.settings.spool.iterdir() if each.suffix == ".scratch"]


def test_detections_may_not_be_larger_than_is_allowed(tmp_path: Path) -> None:
    with serving(tmp_path, detections_bytes=1000) as place:
        video_id = begin(place.http, 100)
        path = f"/api/v1/videos/{video_id}/detections"
        problem(place.http.put(path, content=b"x" * 1001), 413, "too-large")
        problem(place.http.put(path, content=iter([b"x" * 600] * 2)), 413, "too-large")


def test_a_roster_says_who_plays(place: Served) -> None:
    video_id = begin(place.http, 100)
    path = f"/api/v1/videos/{video_id}/roster"
    problem(place.http.get(path), 404, "no-roster")
    csv = "\ufeffTeam;Number;Name\nEagles;07;Ana Ruiz\nHawks;0;Bo Li\n".encode()
    players = [
        {"number": "07", "name": "Ana Ruiz", "team": "Eagles"},
        {"number": "0", "name": "Bo Li", "team": "Hawks"},
    ]
    etag = _get(place, video_id).headers["ETag"]
    assert place.http.put(path, content=csv).json() == {"players": players}
    assert place.http.get(path).json() == {"players": players}
    assert place.site.files.read(video_file(TENANT, video_id, "roster.csv")) == csv
    assert _get(place, video_id).json()["has_roster"] and _get(place, video_id).headers["ETag"] != etag


def test_a_roster_that_is_wrong_is_refused_with_the_line_and_the_old_one_stays(place: Served) -> None:
    video_id = begin(place.http, 100)
    path = f"/api/v1/videos/{video_id}/roster"
    good = place.http.put(path, content=b"number,name,team\n7,Ana,Eagles\n").json()
    for content, words in (
        (b"number,name,team\n7,Ana,Eagles\n7,Bo,Eagles\n", "line 3: number 7 stands twice"),
        (b"number,name\n7,Ana\n", "line 1: "),
        (b"", "empty"),
        (b"\xff\xfe\0", "UTF-8"),
    ):
        answer = place.http.put(path, content=content)
        assert words in problem(answer, 422, "not-usable")["detail"]
        assert str(place.site.settings.spool) not in answer.text
    problem(place.http.put(path, content=b"x" * (1 << 20) + b"y"), 413, "too-large")
    assert place.http.get(path).json() == good


def _dataset(place: Served, dataset_id: str, *sha256s: str) -> None:
    document = {"schema": "laxai.dataset", "games": [{"film": {"name": "f", "size": 1, "sha256": s}} for s in sha256s]}
    place.site.files.write(dataset_file(TENANT, dataset_id, "dataset.json"), dump_json(document))


def _ended(place: Served, job_id: str, state: JobState = JobState.SUCCEEDED, **result: str) -> None:
    """Lets a job have ended, as its worker would."""
    values = {"state": state, "started": jobs.c.created, "finished": jobs.c.created, "revision": 9}
    values |= {"result": json.dumps(result)} if state == JobState.SUCCEEDED else {}
    with place.site.engine.begin() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(values))


def _running(place: Served, job_id: str) -> None:
    """Lets a worker that lives have a job."""
    worker = {"worker_id": "worker_1", "host": "here", "started": now(), "lease_until": now() + 60}
    running = {"state": JobState.RUNNING, "started": jobs.c.created, "worker_id": "worker_1"}
    with place.site.engine.begin() as connection:
        connection.execute(sa.insert(workers).values(**worker, has_left=False, is_dead=False))
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(running))


def _ready(place: Served, sha256: str) -> str:
    """A video that has been stored, of which only these facts are of matter here."""
    video_id = begin(place.http, 100)
    values = {"state": VideoState.READY, "sha256": sha256, "suffix": "mp4"}
    change_video(place.site.engine, the_video(place.site.engine, TENANT, video_id), **values)
    place.site.files.write(video_source(TENANT, video_id, "mp4"), b"a film")
    return video_id


def test_a_video_goes_with_all_that_is_of_it_and_the_models_are_named(place: Served) -> None:
    sha256 = "5" * 64
    video_id = _ready(place, sha256)
    site = place.site
    site.files.write(run_path(TENANT, video_id, RUN, "run.json"), b"{}")
    place.http.put(f"/api/v1/videos/{video_id}/roster", content=b"number,name,team\n7,Ana,Eagles\n")
    of_it, by_job, other = (f"dataset_{number:012x}" for number in range(3))
    _dataset(place, of_it, "0" * 64, sha256)
    _dataset(place, by_job)
    _dataset(place, other, "0" * 64)
    tracked = site.jobs.submit(TENANT, TrackVideo(video_id=video_id)).job_id
    built = site.jobs.submit(TENANT, BuildDataset(runs=(RunReference(video_id=video_id, run_id=RUN),))).job_id
    trained = site.jobs.submit(TENANT, TrainReid(dataset_id=of_it)).job_id
    unrelated = site.jobs.submit(TENANT, TrainReid(dataset_id=other)).job_id
    _ended(place, built, dataset_id=by_job)
    _ended(place, trained, model_id="model_00000000000a")
    _ended(place, unrelated, model_id="model_00000000000b")
    uses = {"runs": 1, "datasets": [of_it, by_job], "models": ["model_00000000000a"]}
    told = _get(place, video_id, "/uses").json()
    assert sorted(told.pop("jobs")) == sorted([tracked, built]) and told == uses
    answer = place.http.delete(f"/api/v1/videos/{video_id}")
    assert answer.status_code == 200 and answer.json()["is_done"]
    assert answer.json()["uses"]["models"] == uses["models"]
    problem(_get(place, video_id), 404, "no-such-video")
    problem(place.http.delete(f"/api/v1/videos/{video_id}"), 404, "no-such-video")
    assert site.files.names(video_folder(TENANT, video_id)) == []
    assert site.files.folders(f"{TENANT}/datasets") == [other]
    assert {job.job_id for job in site.jobs.list(TENANT).jobs} == {trained, unrelated}


def test_a_dataset_stays_while_another_video_of_the_same_film_does(place: Served) -> None:
    sha256 = "5" * 64
    first, second = _ready(place, sha256), _ready(place, sha256)
    dataset = "dataset_0123456789ab"
    _dataset(place, dataset, sha256)
    assert place.http.delete(f"/api/v1/videos/{first}").json()["uses"]["datasets"] == []
    assert place.site.files.folders(f"{TENANT}/datasets") == [dataset]
    assert place.http.delete(f"/api/v1/videos/{second}").json()["uses"]["datasets"] == [dataset]
    assert place.site.files.folders(f"{TENANT}/datasets") == []


def test_a_video_whose_job_runs_goes_when_that_has_stopped(place: Served) -> None:
    video_id = _ready(place, "5" * 64)
    job_id = place.site.jobs.submit(TENANT, TrackVideo(video_id=video_id)).job_id
    _running(place, job_id)
    path = f"/api/v1/videos/{video_id}"
    for _ in range(2):
        answer = place.http.delete(path)
        assert answer.status_code == 202 and not answer.json()["is_done"]
    assert place.http.get(path).json()["state"] == "deleting"
    assert place.site.files.names(video_folder(TENANT, video_id))
    for refused in (
        place.http.get(f"{path}/file"),
        place.http.put(f"{path}/roster", content=b"number,name,team\n7,Ana,Eagles\n"),
        send(place.http, video_id, b"x"),
    ):
        assert refused.status_code == 409
    with place.site.engine.begin() as connection:
        assert connection.scalar(sa.select(jobs.c.cancel_requested).where(jobs.c.job_id == job_id))
    _ended(place, job_id, JobState.CANCELLED)
    for _ in range(200):
        if place.http.get(path).status_code == 404:
            break
        time.sleep(0.05)
    problem(place.http.get(path), 404, "no-such-video")
    assert place.site.files.names(video_folder(TENANT, video_id)) == []


def test_an_upload_that_is_not_whole_goes_at_once(place: Served) -> None:
    video_id = begin(place.http, 1000)
    send(place.http, video_id, b"x" * 500)
    assert place.http.delete(f"/api/v1/videos/{video_id}").json()["is_done"]
    assert not list(place.site.settings.spool.iterdir())
    problem(send(place.http, video_id, b"x" * 500, 500), 404, "no-such-video")
