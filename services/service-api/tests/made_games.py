"""Games for tests: videos, runs and datasets in a storage, and who corrects them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa

from api.games.runs import CLIPS, FILM, FOUND, PLAYERS, REPORT, RUN, TRACKS
from api.site import Site
from api.videos.catalogue import find_video
from api.videos.table import videos
from shared_libs.common.clips import Clips, Reel, Scene, write_clips
from shared_libs.common.job_client.table import now
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.run import InputFile, Run, write_run
from shared_libs.common.storage import ROSTER, clips_path, dataset_file, run_path, video_file
from shared_libs.common.tracks import Source, Tracks, write_tracks_json
from shared_libs.utils.ids import new_id

TENANT = "local"
FPS = 25.0
FRAMES = 200
BEGINNING = datetime(2026, 3, 1, 10, tzinfo=UTC)


def lanes(spans: Sequence[tuple[int, int, int]], frames: int = FRAMES) -> Tracks:
    """Tracks of people who stand side by side, 100 pixels apart: (track_id, first frame, last frame, included). Every
    tenth box is filled in."""
    frame = np.concatenate([np.arange(first, last + 1) for _, first, last in spans])
    ids = np.concatenate([np.full(last + 1 - first, track_id) for track_id, first, last in spans])
    left = ids * 100.0 + frame * 0.13
    xyxy = np.stack([left, np.full(len(ids), 50.0), left + 30.25, np.full(len(ids), 110.5)], axis=1)
    source = np.where(frame % 10 == 9, Source.INTERPOLATED, Source.DETECTED)
    return Tracks.from_arrays(frame, ids, xyxy, np.ones(len(ids)), np.zeros(len(ids)), source, frames)


USUAL = [(1, 0, 99), (2, 0, 199), (3, 120, 199), (4, 50, 150)]
"""Four people; 1 and 3 could be one."""


def everybody(spans: Sequence[tuple[int, int, int]]) -> Players:
    """A player for each track; the odd ones in team 0, the even ones in team 1."""
    return Players(tuple(Player(i, (i + 1) % 2, segments=(Segment(i, first, last),)) for i, first, last in spans))


def put_video(site: Site, video_id: str | None = None, *, tenant: str = TENANT, state: str = "ready") -> str:
    """A video in the table, if it is not there yet."""
    video_id = video_id or new_id("video")
    if find_video(site.engine, tenant, video_id) is None:
        values = {"video_id": video_id, "tenant": tenant, "name": "A game", "state": state, "size": 1, "proxy": "none"}
        with site.engine.begin() as connection:
            connection.execute(sa.insert(videos).values(**values, has_roster=False, created=now(), revision=0))
    return video_id


def put_run(
    site: Site,
    video_id: str,
    *,
    tenant: str = TENANT,
    run_id: str | None = None,
    spans: Sequence[tuple[int, int, int]] = tuple(USUAL),
    found: Players | None = None,
    final: Players | None = None,
    notes: Sequence[str] = (),
    minute: int = 0,
) -> str:
    """A run in storage, and its video in the table.

    found: players before corrections, where these are another thing than `final`.
    """
    put_video(site, video_id, tenant=tenant)
    run_id = run_id or new_id("run")
    folder = Path(site.files.place(run_path(tenant, video_id, run_id)))
    folder.mkdir(parents=True)
    write_tracks_json(folder / TRACKS, lanes(spans))
    write_players(folder / PLAYERS, final or found or everybody(spans))
    if found is not None:
        write_players(folder / FOUND, found)
    (folder / REPORT).write_text("<!doctype html><style>p{color:red}</style><p>Report")
    (folder / FILM).write_bytes(bytes(range(256)) * 5000)
    run = Run(
        service="service-tracking",
        created=BEGINNING + timedelta(minutes=minute),
        code_version="0",
        settings={"fps": FPS},
        metrics={"players": float(len(spans))},
        notes=tuple(notes),
    )
    write_run(folder / RUN, run)
    return run_id


def put_roster(site: Site, video_id: str, *lines: str) -> None:
    """A roster of a video."""
    text = "\n".join(["number,name,team", *lines]) + "\n"
    site.files.write(video_file(TENANT, video_id, ROSTER), text.encode())


def put_clips(site: Site, video_id: str, run_id: str, *, tenant: str = TENANT) -> str:
    """Reels of the players 1 and 2 of a run."""
    clips_id = new_id("clips")
    folder = Path(site.files.place(clips_path(tenant, video_id, run_id, clips_id)))
    folder.mkdir(parents=True)
    reels = []
    for player_id in (1, 2):
        path = folder / f"player_{player_id}.mp4"
        path.write_bytes(b"film of %d" % player_id)
        scene = Scene(start=0, end=1, reel_start=0, reel_end=1)
        reels.append(
            Reel(
                player_id=player_id,
                number=None,
                name=None,
                file=InputFile.of(path),
                seconds=1,
                made_from="0" * 64,
                scenes=(scene,),
            )
        )
    write_clips(folder / CLIPS, Clips(code_version="0", video=reels[0].file, reels=tuple(reels)))
    return clips_id


def put_dataset(site: Site, *, tenant: str = TENANT, minute: int = 0, note: str = "few crops") -> str:
    """A dataset in storage."""
    dataset_id = new_id("dataset")
    sides = {"train": 8, "val": 2}
    document = {
        "schema": "laxai.dataset",
        "schema_version": 1,
        "created": (BEGINNING + timedelta(minutes=minute)).isoformat(),
        "games": [{"name": "game"}],
        "counts": {"identities": sides, "crops": sides},
        "notes": [note],
    }
    site.files.write(dataset_file(tenant, dataset_id, "dataset.json"), json.dumps(document).encode())
    return dataset_id


def run_address(video_id: str, run_id: str, rest: str = "") -> str:
    """Of a run."""
    return f"/api/v1/videos/{video_id}/runs/{run_id}{rest}"


class Coach:
    """Somebody who corrects the players of a run by HTTP."""

    def __init__(self, http: httpx.Client, video_id: str, run_id: str) -> None:
        self.http = http
        self.at = run_address(video_id, run_id)

    def players(self) -> dict[int, dict[str, Any]]:
        """By their ids."""
        answer = self.http.get(f"{self.at}/players")
        assert answer.status_code == 200, answer.text
        return {each["player_id"]: each for each in answer.json()["players"]}

    def etag(self) -> str:
        """What an edit must be made for."""
        return self.http.get(f"{self.at}/players").headers["ETag"]

    def ask(self, edit: dict[str, Any], etag: str | None = None) -> httpx.Response:
        """Makes an edit; the answer as it is."""
        headers = {"If-Match": etag if etag is not None else self.etag()}
        return self.http.post(f"{self.at}/edits", json=edit, headers=headers)

    def edit(self, kind: str, **edit: Any) -> dict[str, Any]:
        """Makes an edit, which must be taken; what was made."""
        answer = self.ask({"kind": kind, **edit})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def unfit(self) -> list[dict[str, Any]]:
        """What does not fit."""
        found: list[dict[str, Any]] = self.http.get(f"{self.at}/unfit").json()["items"]
        return found


def player(player_id: int, frame: int | None = None) -> dict[str, Any]:
    """A place in an edit."""
    return {"player_id": player_id} | ({} if frame is None else {"frame": frame})
