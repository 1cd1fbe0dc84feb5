"""The Python client against the service that it is for: what it asks exists, and does what it says."""

from __future__ import annotations

import contextlib
import pickle
import secrets
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.films import plain_film, settled, sha256_of
from tests.made_games import put_dataset, put_run, put_video
from tests.onnx_bytes import CARD, onnx_model
from tests.served import Served, served

from shared_libs.common.api_client.client import ApiClient
from shared_libs.common.api_client.errors import ApiError
from shared_libs.common.api_client.following import events_in
from shared_libs.common.api_client.operations import OPERATIONS
from shared_libs.common.api_client.transport import PREFIX
from shared_libs.common.errors import InputError, TransientError
from shared_libs.common.jobs import JobState, TrackVideo

LACKING = {
    ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/workers"),
    # A page's affairs: sessions, what is shown of a video, reels and films to look at.
    ("GET", "/session"), ("POST", "/session"), ("DELETE", "/session"),
    ("GET", "/videos/{video_id}/file"), ("GET", "/videos/{video_id}/proxy"), ("GET", "/videos/{video_id}/thumbnail"),
    ("GET", "/videos/{video_id}/times"), ("GET", "/videos/{video_id}/uses"),
    ("GET", "/videos/{video_id}/runs/{run_id}/report.html"), ("GET", "/videos/{video_id}/runs/{run_id}/annotated.mp4"),
    ("GET", "/videos/{video_id}/runs/{run_id}/pictures"),
    ("GET", "/videos/{video_id}/runs/{run_id}/clips/{clips_id}"),
    ("GET", "/videos/{video_id}/runs/{run_id}/clips/{clips_id}/{player_id}.mp4"),
    # Of which there is a whole that has it too.
    ("GET", "/videos/{video_id}/roster"), ("GET", "/videos/{video_id}/runs/{run_id}/players/{player_id}"),
    ("GET", "/videos/{video_id}/runs/{run_id}/edits"),
    # Not asked for by a program yet.
    ("PATCH", "/videos/{video_id}"), ("DELETE", "/videos/{video_id}/runs/{run_id}"), ("DELETE", "/jobs/{job_id}"),
    ("DELETE", "/datasets/{dataset_id}"), ("DELETE", "/models/{model_id}"),
    ("POST", "/videos/{video_id}/runs/{run_id}/relink"),
}  # fmt: skip
"""What the client leaves out on purpose."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def tenant() -> str:
    return f"team-{secrets.token_hex(4)}"


@pytest.fixture
def key(place: Served, tenant: str) -> str:
    return place.key(tenant=tenant)


@pytest.fixture
def client(place: Served, key: str) -> ApiClient:
    return ApiClient(place.url, key, timeout=20.0)


def test_what_the_client_asks_exists_and_what_it_lacks_is_named(place: Served) -> None:
    paths = place.http.get("/api/v1/openapi.json").json()["paths"]
    there = {(method.upper(), path.removeprefix(PREFIX)) for path, item in paths.items() for method in item}
    assert there - {(each.method, each.path) for each in OPERATIONS} == LACKING
    for each in OPERATIONS:
        parameters = paths[PREFIX + each.path][each.method.lower()].get("parameters", [])
        for where, names in (("query", each.query), ("header", each.headers)):
            known = {parameter["name"] for parameter in parameters if parameter["in"] == where}
            assert set(names) <= known, each
        required = {each["name"] for each in parameters if each.get("required") and each["in"] != "path"}
        assert required <= {*each.query, *each.headers}, each


def test_a_refusal_has_the_fields_of_its_problem(client: ApiClient) -> None:
    with pytest.raises(ApiError, match="no such video") as caught:
        client.video("video_0123456789ab")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.status, error.slug, error.path) == (404, "no-such-video", "/api/v1/videos/video_0123456789ab")
    assert error.detail == error.problem["detail"]


def test_a_service_that_is_not_there_is_no_refusal() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(TransientError, match="broke off"):
        next(ApiClient(f"http://localhost:{port}").videos())
    with pytest.raises(InputError, match="no address"):
        ApiClient("localhost:8080")


def test_a_key_is_shown(place: Served, client: ApiClient) -> None:
    assert list(client.videos()) == []
    with pytest.raises(ApiError) as caught:
        list(ApiClient(place.url).videos())
    assert caught.value.slug == "key-needed"


def test_an_upload_goes_on_through_broken_lines(
    tmp_path: Path, place: Served, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared_libs.common.api_client.uploading._PIECE", 1000)
    film = plain_film(tmp_path / "film.mp4")
    with _breaking_line(place.port, after=900) as port:
        seen: list[int] = []
        client = ApiClient(f"http://localhost:{port}", key)
        video = client.upload_video(film, lambda done, size: seen.append(done), name="Eagles – Hawks")
    assert video["name"] == "Eagles – Hawks" and video["state"] in ("checking", "storing", "ready")
    assert settled(place.with_key(key), video["video_id"], state="ready")["sha256"] == sha256_of(film.read_bytes())
    assert seen[-1] == film.stat().st_size and len(seen) > 3


def test_what_is_no_film_is_refused_with_its_reason(tmp_path: Path, client: ApiClient) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(b"Dear diary" * 100)
    with pytest.raises(ApiError) as caught:
        client.upload_video(path)
    assert caught.value.slug == "not-a-film"
    with pytest.raises(InputError, match="no such file"):
        client.upload_video(tmp_path / "nothing.mp4")


def test_a_job_is_followed_to_its_end(place: Served, tenant: str, client: ApiClient) -> None:
    video_id = put_video(place.site, tenant=tenant)
    job = client.submit(TrackVideo(video_id=video_id), idempotency_key="once")
    assert client.submit(TrackVideo(video_id=video_id), idempotency_key="once") == job
    assert [each.job_id for each in client.jobs(video_id=video_id)] == [job.job_id]
    seen = []
    for each in client.follow(job.job_id):
        seen.append(each.state)
        if each.state == JobState.QUEUED:
            client.cancel(job.job_id)
    assert seen == [JobState.QUEUED, JobState.CANCELLED]
    assert client.wait(job.job_id).state == JobState.CANCELLED
    assert client.retry(job.job_id).retry_of == job.job_id


def test_an_edit_is_made_for_the_players_that_were_seen(place: Served, tenant: str, client: ApiClient) -> None:
    video_id = put_video(place.site, tenant=tenant)
    run_id = put_run(place.site, video_id, tenant=tenant)
    assert [each["run_id"] for each in client.runs(video_id)] == [client.run(video_id, run_id)["run_id"]]
    seen = client.players(video_id, run_id)
    edit = {"kind": "rename", "place": {"player_id": 2}, "name": "Jo Smith"}
    made = client.edit(video_id, run_id, edit, seen)
    with pytest.raises(ApiError) as caught:
        client.edit(video_id, run_id, edit, seen)
    assert (caught.value.slug, caught.value.headers["etag"]) == ("stale", made.etag)
    client.edit(video_id, run_id, {"kind": "undo", "undoes": made.document["made"]["edit"]["edit_id"]}, made)
    assert [each["edit"]["kind"] for each in client.edits(video_id)] == ["undo", "rename"]
    assert client.unfit(video_id, run_id)["items"] == []


def test_tracks_are_had_by_frames_and_whole(place: Served, tenant: str, client: ApiClient) -> None:
    video_id = put_video(place.site, tenant=tenant)
    run_id = put_run(place.site, video_id, tenant=tenant)
    assert client.tracks(video_id, run_id, 10, 11)["frame"] == [10, 10, 11, 11]
    assert client.tracks_as_mot(video_id, run_id).startswith(b"1,1,")
    assert client.tracks_as_parquet(video_id, run_id).startswith(b"PAR1")
    assert client.shifts(video_id, run_id, team_id=0).startswith("team,number,name,player_id")


def test_a_model_is_uploaded_and_promoted(tmp_path: Path, client: ApiClient) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_model())
    model = client.upload_model(path, CARD)
    model_id = model["card"]["model_id"]
    assert not model["promoted"] and client.promote(model_id)["promoted"]
    assert [each["card"]["model_id"] for each in client.models()] == [model_id]
    assert client.model(model_id)["promoted"]


def test_detections_and_a_roster_are_given_with_a_video(
    tmp_path: Path, place: Served, key: str, client: ApiClient
) -> None:
    video_id = client.upload_video(plain_film(tmp_path / "film.mp4"))["video_id"]
    boxes, roster = tmp_path / "det.txt", tmp_path / "roster.csv"
    boxes.write_text("1,-1,10,20,30,40,0.9\n2,-1,11,20,30,40,0.9\n")
    roster.write_text("number,name,team\n07,Ana Ruiz,Eagles\n")
    assert client.put_detections(video_id, boxes)["boxes"] == 2
    assert client.put_roster(video_id, roster)["players"] == [{"number": "07", "name": "Ana Ruiz", "team": "Eagles"}]
    settled(place.with_key(key), video_id, state="ready")
    assert client.delete_video(video_id)["is_done"]


def test_lists_are_whole(place: Served, tenant: str, client: ApiClient) -> None:
    made = {put_video(place.site, tenant=tenant) for _ in range(203)}
    assert {each["video_id"] for each in client.videos()} == made
    dataset_id = put_dataset(place.site, tenant=tenant)
    assert [each["dataset_id"] for each in client.datasets()] == [client.dataset(dataset_id)["dataset_id"]]
    assert list(client.models()) == []


def test_events_count_once_they_are_whole() -> None:
    lines = [b": ping\r\n", b"\r\n", b"event: job\r\n", b"data: one\r\n", b"data: two\r\n", b"\r\n", b"data: lost\r\n"]
    assert list(events_in(lines)) == ["one\ntwo"]


@contextlib.contextmanager
def _breaking_line(target: int, after: int) -> Iterator[int]:
    """A port from which all goes on to another, but every third connection breaks off when it has sent so much."""

    class Line(socketserver.BaseRequestHandler):
        count = 0

        def handle(self) -> None:
            Line.count += 1
            left = 1 << 40 if Line.count % 3 else after
            with socket.create_connection(("127.0.0.1", target)) as service:
                back = threading.Thread(target=_copy, args=(service, self.request))
                back.start()
                while left > 0 and (part := self.request.recv(min(left, 1 << 16))):
                    service.sendall(part)
                    left -= len(part)
                with contextlib.suppress(OSError):
                    service.shutdown(socket.SHUT_RDWR)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(1 << 16):
            target.sendall(part)
