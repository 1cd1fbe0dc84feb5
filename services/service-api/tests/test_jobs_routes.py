"""Jobs by HTTP: submitted once, listed, cancelled, tried again, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.made_games import TENANT, put_dataset, put_run, put_video
from tests.served import Served, problem, served

from postgresql.databases import KINDS, NewDatabase, databases
from shared_libs.common.job_client.table import jobs, now, workers
from shared_libs.common.jobs import JobState
from shared_libs.utils.ids import new_id

JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games"), database=new_database(), quota_jobs=40) as place:
        yield place


@pytest.fixture(autouse=True)
def no_jobs(place: Served) -> None:
    with place.site.engine.begin() as connection:
        connection.execute(sa.delete(jobs))
        connection.execute(sa.delete(workers))


def _track(place: Served) -> dict[str, Any]:
    return {"payload": {"kind": "track_video", "video_id": put_video(place.site)}}


def _submit(place: Served) -> dict[str, Any]:
    answer = place.http.post(JOBS, json=_track(place))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _set(place: Served, job_id: str, state: JobState) -> None:
    """As a worker does."""
    values: dict[str, Any] = {"state": state, "started": jobs.c.created, "revision": jobs.c.revision + 1}
    if state.is_final:
        values["finished"] = now()
    if state == JobState.FAILED:
        values["error"] = "the film is damaged"
    with place.site.engine.begin() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(values))


def test_a_job_of_each_kind_is_taken(place: Served) -> None:
    video = new_id("video")
    run = {"video_id": video, "run_id": put_run(place.site, video)}
    dataset = put_dataset(place.site)
    for payload in (
        {"kind": "track_video", "video_id": video, "online": True},
        {"kind": "build_dataset", "runs": [run], "seed": 3},
        {"kind": "train_reid", "dataset_id": dataset, "epochs": 2},
        {"kind": "link_players", **run},
        {"kind": "make_clips", **run, "player_ids": [1, 2]},
    ):
        answer = place.http.post(JOBS, json={"payload": payload, "priority": 80})
        assert answer.status_code == 201, answer.text
        job = answer.json()
        assert job["payload"].items() >= payload.items()
        assert (job["state"], job["priority"], job["tenant"]) == ("queued", 80, TENANT)
        assert place.http.get(answer.headers["Location"]).json() == job


def test_what_is_not_there_is_not_worked_on(place: Served) -> None:
    run = {"video_id": put_video(place.site), "run_id": new_id("run")}
    nowhere = new_id("video")
    dataset, model = new_id("dataset"), new_id("model")
    for payload, missing in (
        ({"kind": "link_players", **run, "reid_model_id": model}, [run["run_id"], model]),
        ({"kind": "make_clips", **run}, [run["run_id"]]),
        ({"kind": "build_dataset", "runs": [run]}, [run["run_id"]]),
        ({"kind": "train_reid", "dataset_id": dataset, "base_model_id": model}, [dataset, model]),
        ({"kind": "track_video", "video_id": run["video_id"], "detector_model_id": model}, [model]),
        ({"kind": "track_video", "video_id": nowhere}, [nowhere]),
    ):
        said = problem(place.http.post(JOBS, json={"payload": payload}), 422, "not-there")
        assert said["missing"] == missing
    assert place.http.get(JOBS).json()["items"] == []


@pytest.mark.parametrize("state", ["uploading", "checking", "refused", "deleting"])
def test_a_video_that_is_not_ready_yet_or_about_to_go_is_not_worked_on(place: Served, state: str) -> None:
    video = put_video(place.site, state=state)
    run = {"video_id": video, "run_id": put_run(place.site, video)}
    for payload in ({"kind": "track_video", "video_id": video}, {"kind": "build_dataset", "runs": [run]}):
        said = problem(place.http.post(JOBS, json={"payload": payload}), 409, "video-not-ready")
        assert said["state"] == state


@pytest.mark.parametrize(
    "asked",
    [
        {"payload": {"kind": "track_video", "video_id": "../../etc"}},
        {"payload": {"kind": "dig", "video_id": "video_0123456789ab"}},
        {"payload": {"kind": "track_video", "video_id": "video_0123456789ab", "detections_file": "../x"}},
        {"payload": {"kind": "track_video", "video_id": "video_0123456789ab"}, "priority": 101},
        {"payload": {"kind": "track_video", "video_id": "video_0123456789ab"}, "tenant": "owls"},
        {},
    ],
)
def test_what_is_no_job_is_refused(place: Served, asked: dict[str, Any]) -> None:
    problem(place.http.post(JOBS, json=asked), 422, "invalid-request")


def test_the_same_key_gives_the_same_job_and_another_payload_is_a_conflict(place: Served) -> None:
    asked, headers = _track(place), {"Idempotency-Key": "once"}
    first = place.http.post(JOBS, json=asked, headers=headers)
    again = place.http.post(JOBS, json=asked, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
    problem(place.http.post(JOBS, json=asked | {"priority": 3}, headers=headers), 409, "job-conflict")
    problem(place.http.post(JOBS, json=_track(place), headers=headers), 409, "job-conflict")
    assert len(place.http.get(JOBS).json()["items"]) == 1


def test_jobs_are_listed_newest_first_by_state_kind_and_video(place: Served) -> None:
    made = [_submit(place) for _ in range(5)]
    place.http.post(f"{JOBS}/{made[0]['job_id']}/cancel")
    ids = [job["job_id"] for job in made]

    found, following = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"following": following} if following else {})
        page = place.http.get(JOBS, params=query).json()
        found += [job["job_id"] for job in page["items"]]
        following = page["following"]
    assert set(found) == set(ids) and len(found) == 5 and following is None

    def listed(**query: Any) -> set[str]:
        return {job["job_id"] for job in place.http.get(JOBS, params=query).json()["items"]}

    assert listed(state="cancelled") == {ids[0]}
    assert listed(state=["queued", "cancelled"]) == set(ids)
    assert listed(kind="train_reid") == set() and listed(kind="track_video") == set(ids)
    assert listed(video_id=made[2]["payload"]["video_id"]) == {ids[2]}
    problem(place.http.get(JOBS, params={"state": "lost"}), 422, "invalid-request")
    problem(place.http.get(JOBS, params={"following": "nonsense"}), 422, "not-usable")


def test_a_job_has_an_etag_of_its_revision(place: Served) -> None:
    at = f"{JOBS}/{_submit(place)['job_id']}"
    etag = place.http.get(at).headers["ETag"]
    assert place.http.get(at, headers={"If-None-Match": etag}).status_code == 304
    place.http.post(f"{at}/cancel")
    assert place.http.get(at, headers={"If-None-Match": etag}).status_code == 200


def test_a_waiting_job_is_cancelled_at_once_tried_again_once_and_forgotten(place: Served) -> None:
    job_id = _submit(place)["job_id"]
    at = f"{JOBS}/{job_id}"
    problem(place.http.delete(at), 409, "job-conflict")
    problem(place.http.post(f"{at}/retry"), 409, "job-conflict")
    assert place.http.post(f"{at}/cancel").json()["state"] == "cancelled"
    assert place.http.post(f"{at}/cancel").json()["state"] == "cancelled"
    retries = [place.http.post(f"{at}/retry").json() for _ in range(2)]
    assert retries[0] == retries[1] and retries[0]["retry_of"] == job_id
    assert place.http.delete(at).status_code == 204
    problem(place.http.get(at), 404, "no-such-job")


def test_a_job_that_has_ended_otherwise_is_not_cancelled(place: Served) -> None:
    job_id = _submit(place)["job_id"]
    _set(place, job_id, JobState.FAILED)
    assert place.http.get(f"{JOBS}/{job_id}").json()["error"] == "the film is damaged"
    problem(place.http.post(f"{JOBS}/{job_id}/cancel"), 409, "job-conflict")


def test_there_is_an_end_to_the_jobs_that_a_tenant_may_have_under_way(place: Served) -> None:
    headers = {"Idempotency-Key": "before"}
    asked = _track(place)
    first = place.http.post(JOBS, json=asked, headers=headers).json()
    for _ in range(39):
        _submit(place)
    said = problem(place.http.post(JOBS, json=_track(place)), 403, "quota-exceeded")
    assert (said["has"], said["at_most"]) == (40, 40)
    assert place.http.post(JOBS, json=asked, headers=headers).json()["job_id"] == first["job_id"]
    place.http.post(f"{JOBS}/{first['job_id']}/cancel")
    _submit(place)


def test_whether_anybody_works_on_the_jobs_is_said(place: Served) -> None:
    said = place.http.get("/api/v1/workers").json()
    assert said["count"] == 0 and said["notice"].startswith("No worker is attached")
    with place.site.engine.begin() as connection:
        for host, until, has_left in (("a", now() + 60, False), ("b", now() - 1, False), ("c", now() + 60, True)):
            values = {"worker_id": host, "host": host, "started": now(), "lease_until": until}
            connection.execute(sa.insert(workers).values(**values, has_left=has_left, is_dead=False))
    assert place.http.get("/api/v1/workers").json() == {"count": 1, "notice": None}
