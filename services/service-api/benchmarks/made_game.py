"""A game to read of: a video, a run of it with tracks and players, and jobs, in a storage and a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from api.access.keys import Scope
from api.settings import ApiSettings
from api.site import Site, open_site
from api.videos.table import videos
from shared_libs.common.job_client.table import now
from shared_libs.common.jobs import TrackVideo
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.run import Run, write_run
from shared_libs.common.storage import run_path
from shared_libs.common.tracks import Source, Tracks, write_tracks_json
from shared_libs.utils.ids import new_id

TENANT = "eagles"
FPS = 25.0
PEOPLE = 20
_JOBS = 60


@dataclass(frozen=True, slots=True)
class MadeGame:
    """What there is to read, and the keys of those who may. job_id: of the job that is to be at work."""

    storage: Path
    video_id: str
    run_id: str
    job_id: str
    frames: int
    keys: tuple[str, ...]

    @property
    def settings(self) -> dict[str, str]:
        """What the service is to be told."""
        return {"LAXAI_STORAGE": str(self.storage), "LAXAI_SPOOL": str(self.storage.parent / "spool")}


def make_game(folder: Path, *, frames: int, readers: int) -> MadeGame:
    """Twenty people who are in view in all frames, and a key for each reader."""
    storage = folder / "storage"
    site = open_site(ApiSettings.load(storage=str(storage), spool=folder / "spool"))
    video_id, run_id = new_id("video"), new_id("run")
    _put_video(site, video_id)
    _put_run(storage / run_path(TENANT, video_id, run_id), frames)
    jobs = [site.jobs.submit(TENANT, TrackVideo(video_id=video_id)) for _ in range(_JOBS)]
    keys = tuple(site.keys.create(TENANT, Scope.READ, f"reader {number}")[1] for number in range(readers))
    site.engine.dispose()
    return MadeGame(storage, video_id, run_id, jobs[-1].job_id, frames, keys)


def _put_video(site: Site, video_id: str) -> None:
    values = {"video_id": video_id, "tenant": TENANT, "name": "Eagles – Hawks", "state": "ready", "size": 1}
    with site.engine.begin() as connection:
        connection.execute(
            sa.insert(videos).values(**values, proxy="none", has_roster=False, created=now(), revision=0)
        )


def _put_run(folder: Path, frames: int) -> None:
    folder.mkdir(parents=True)
    frame = np.repeat(np.arange(frames), PEOPLE)
    track = np.tile(np.arange(1, PEOPLE + 1), frames)
    left = track * 80.0 + frame % 97 * 0.37
    xyxy = np.stack([left, left * 0 + 300.0, left + 30.25, left * 0 + 410.5], axis=1)
    one = np.ones(len(frame))
    source = np.full(len(frame), Source.DETECTED)
    write_tracks_json(folder / "tracks.json", Tracks.from_arrays(frame, track, xyxy, one, one * 0, source, frames))
    people = (Player(each, each % 2, segments=(Segment(each, 0, frames - 1),)) for each in range(1, PEOPLE + 1))
    write_players(folder / "players.json", Players(tuple(people)))
    run = Run(
        service="service-tracking",
        created=datetime(2026, 3, 1, tzinfo=UTC),
        code_version="0",
        settings={"fps": FPS},
        metrics={"players": float(PEOPLE)},
    )
    write_run(folder / "run.json", run)
