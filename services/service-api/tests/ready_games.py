"""Games that are there at once: copies of a film that was uploaded before, and runs whose boxes are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from tests.made_games import BEGINNING, TENANT

from api.games.runs import PLAYERS, REPORT, RUN, TRACKS
from api.site import Site
from api.videos.catalogue import the_video
from api.videos.shown import PROXY, THUMBNAIL, TIMES
from api.videos.table import videos
from shared_libs.common.job_client.table import now
from shared_libs.common.players import Players, write_players
from shared_libs.common.run import Run, write_run
from shared_libs.common.storage import run_path, video_file
from shared_libs.common.tracks import Tracks, write_tracks_json
from shared_libs.utils.ids import new_id


def copy_video(site: Site, video_id: str) -> str:
    """Another video of the same film, as if it had been uploaded, with nothing done to it yet; its id."""
    video = the_video(site.engine, TENANT, video_id)
    other = new_id("video")
    assert video.source is not None
    for name in (Path(video.source).name, THUMBNAIL, TIMES, PROXY):
        content = site.files.read(video_file(TENANT, video_id, name))
        if content is not None:
            site.files.write(video_file(TENANT, other, name), content)
    kept = [
        column for column in videos.c if column.name not in ("video_id", "created", "detections_file", "has_roster")
    ]
    with site.engine.begin() as connection:
        row = connection.execute(sa.select(*kept).where(videos.c.video_id == video_id)).one()
        values = {**row._mapping, "video_id": other, "created": now(), "has_roster": False}
        connection.execute(sa.insert(videos).values(**values))
    return other


def put_known_run(
    site: Site, video_id: str, tracks: Tracks, players: Players, notes: Sequence[str] = (), minute: int = 0
) -> str:
    """A run with these boxes and players, made so many minutes after the beginning; its id."""
    run_id = new_id("run")
    folder = Path(site.files.place(run_path(TENANT, video_id, run_id)))
    folder.mkdir(parents=True)
    write_tracks_json(folder / TRACKS, tracks)
    write_players(folder / PLAYERS, players)
    (folder / REPORT).write_text("<!doctype html><p>Report")
    run = Run(
        service="service-tracking",
        created=BEGINNING + timedelta(minutes=minute),
        code_version="0",
        settings={"fps": 25.0},
        metrics={"players": float(len(players))},
        notes=tuple(notes),
    )
    write_run(folder / RUN, run)
    return run_id
