"""Videos become ready, or go, whatever is in the way at first, and wherever they stand."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.films import begin, film, plain_film, send, serving, settled, upload
from tests.served import problem

from api.receiving import intake_of
from api.videos.table import videos


def test_a_proxy_that_was_not_made_yet_is_made_of_what_is_in_storage(tmp_path: Path) -> None:
    with serving(tmp_path) as place:
        video_id = upload(place.http, film(tmp_path / "game.mp4", "libx265"))
        settled(place.http, video_id, proxy="ready")
        with place.site.engine.begin() as connection:
            connection.execute(sa.update(videos).values(proxy="waiting"))
    (tmp_path / "storage" / "local" / "videos" / video_id / "proxy.mp4").unlink()
    shutil.rmtree(tmp_path / "spool")
    with serving(tmp_path) as place:
        settled(place.http, video_id, proxy="ready")
        assert place.http.get(f"/api/v1/videos/{video_id}/proxy").status_code == 200


def test_an_upload_whose_disk_is_gone_is_to_begin_anew(tmp_path: Path) -> None:
    with serving(tmp_path) as place:
        video_id = begin(place.http, 1000)
        shutil.rmtree(tmp_path / "spool")
        problem(send(place.http, video_id, b"x" * 1000), 410, "upload-gone")
        assert place.http.head(f"/api/v1/videos/{video_id}/upload").status_code == 410
        assert place.http.delete(f"/api/v1/videos/{video_id}").json()["is_done"]


def test_a_film_that_storage_does_not_take_now_is_stored_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.videos.intake._SECONDS_BETWEEN", 0.2)
    in_the_way = tmp_path / "storage" / "local" / "videos"
    with serving(tmp_path) as place:
        in_the_way.parent.mkdir(parents=True)
        in_the_way.write_text("a file, where a folder should be")
        video_id = upload(place.http, plain_film(tmp_path / "game.mp4"))
        reason = "it could not be stored yet: the storage is full, or does not answer; it is tried again"
        settled(place.http, video_id, state="storing", reason=reason)
        in_the_way.unlink()
        assert settled(place.http, video_id)["reason"] is None


def test_a_video_with_which_something_is_wrong_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with serving(tmp_path) as place:
        odd = begin(place.http, 1000)
        with place.site.engine.begin() as connection:
            connection.execute(sa.update(videos).values(state="storing"))  # without what makes it storable
        settled(place.http, upload(place.http, plain_film(tmp_path / "game.mp4")))
        assert place.http.delete(f"/api/v1/videos/{odd}").status_code in (200, 202)


def test_a_video_that_is_being_worked_on_goes_when_that_is_done(tmp_path: Path) -> None:
    with serving(tmp_path) as place:
        video_id = begin(place.http, 1000)
        with intake_of(place.app).spool.locked(video_id):
            answer = place.http.delete(f"/api/v1/videos/{video_id}")
            assert answer.status_code == 202 and not answer.json()["is_done"]
        for _ in range(400):
            if place.http.get(f"/api/v1/videos/{video_id}").status_code == 404:
                break
            time.sleep(0.02)
        problem(place.http.get(f"/api/v1/videos/{video_id}"), 404, "no-such-video")


def test_videos_stand_in_an_object_store_as_well(tmp_path: Path) -> None:
    path = plain_film(tmp_path / "game.mp4")
    with serving(tmp_path, storage="memory://videos", database=f"sqlite:///{tmp_path}/laxai.db") as place:
        video_id = upload(place.http, path)
        settled(place.http, video_id)
        assert place.http.get(f"/api/v1/videos/{video_id}/file").content == path.read_bytes()
        assert len(place.http.get(f"/api/v1/videos/{video_id}/times").json()["times"]) == 50
        assert place.http.delete(f"/api/v1/videos/{video_id}").json()["is_done"]
        assert place.site.files.names(f"local/videos/{video_id}") == []
