"""Which videos there are, and how far each is."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa

from api.access.limits import check_quota
from api.pages import newest_first
from api.problems import Problem
from api.videos.film import Film
from api.videos.table import REASON_LENGTH, videos
from shared_libs.common.job_client.table import now, talking
from shared_libs.common.storage import video_source
from shared_libs.utils.ids import new_id


class VideoState(StrEnum):
    """uploading: bytes are missing. checking: all have arrived. storing: it is a film, on its way to storage. ready: it
    can be tracked. refused: it is none, or not whole. deleting: it goes as soon as its jobs have stopped."""

    UPLOADING = "uploading"
    CHECKING = "checking"
    STORING = "storing"
    READY = "ready"
    REFUSED = "refused"
    DELETING = "deleting"


class ProxyState(StrEnum):
    """Of the film that browsers play. none: not needed, or not known yet. waiting: it is being made, or will be."""

    NONE = "none"
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Video:
    """A video as it stands. See the table for the fields."""

    video_id: str
    tenant: str
    name: str
    state: VideoState
    reason: str | None
    size: int
    sha256: str | None
    suffix: str | None
    film: Film | None
    proxy: ProxyState
    detections_file: str | None
    has_roster: bool
    created: datetime
    revision: int

    @property
    def source(self) -> str | None:
        """Where the film is in storage, None before that is known."""
        return video_source(self.tenant, self.video_id, self.suffix) if self.suffix is not None else None


def add_video(
    engine: sa.Engine, tenant: str, name: str, size: int, sha256: str | None, *, at_most: int, bytes_at_most: int
) -> Video:
    """A new video, of which nothing has arrived. Raises a 403 where the tenant has its share of videos or bytes."""
    counted = videos.c.state.not_in([VideoState.REFUSED])
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(videos.c.size), 0))
    values = {
        "video_id": new_id("video"),
        "tenant": tenant,
        "name": name,
        "state": VideoState.UPLOADING,
        "size": size,
        "sha256": sha256,
        "proxy": ProxyState.NONE,
        "has_roster": False,
        "created": now(),
        "revision": 0,
    }
    with _alone(engine, tenant) as connection:
        count, total = connection.execute(query.where(videos.c.tenant == tenant, counted)).one()
        check_quota("videos", count, 1, at_most)
        check_quota("bytes of videos", int(total), size, bytes_at_most)
        return video_of(connection.execute(sa.insert(videos).values(values).returning(*videos.c)).one())


def find_video(engine: sa.Engine, tenant: str, video_id: str) -> Video | None:
    """A video of a tenant, None where there is none."""
    with talking(engine), engine.connect() as connection:
        row = connection.execute(_ONE, {"the_tenant": tenant, "the_video": video_id}).one_or_none()
    return None if row is None else video_of(row)


def the_video(engine: sa.Engine, tenant: str, video_id: str) -> Video:
    """A video of a tenant. Raises a 404."""
    video = find_video(engine, tenant, video_id)
    if video is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-video", "There is no such video.")
    return video


def page_of_videos(
    engine: sa.Engine, tenant: str, states: Collection[VideoState], limit: int, following: str | None
) -> tuple[list[Video], str | None]:
    """A tenant's videos, newest first, and what follows. states: all where none is named."""
    query = sa.select(videos).where(videos.c.tenant == tenant)
    if states:
        query = query.where(videos.c.state.in_(states))
    with talking(engine), engine.connect() as connection:
        rows, more = newest_first(connection, query, videos.c.created, videos.c.video_id, limit, following)
    return [video_of(row) for row in rows], more


def videos_in(
    engine: sa.Engine, states: Collection[VideoState] = tuple(VideoState), proxy: ProxyState | None = None
) -> list[Video]:
    """The videos of all tenants that are so far, oldest first."""
    query = sa.select(videos).where(videos.c.state.in_(states)).order_by(videos.c.created)
    if proxy is not None:
        query = query.where(videos.c.proxy == proxy)
    with talking(engine), engine.connect() as connection:
        return [video_of(row) for row in connection.execute(query)]


def videos_of_film(engine: sa.Engine, tenant: str, sha256: str) -> list[Video]:
    """The videos of a tenant that are of one film, and not about to go."""
    query = sa.select(videos).where(
        videos.c.tenant == tenant, videos.c.sha256 == sha256, videos.c.state.in_([VideoState.READY, VideoState.STORING])
    )
    with talking(engine), engine.connect() as connection:
        return [video_of(row) for row in connection.execute(query)]


def change_video(engine: sa.Engine, video: Video, **values: Any) -> Video | None:
    """The video with other values, if it is still as it was seen; None where it was changed meanwhile, or is gone."""
    if values.get("reason"):
        values["reason"] = values["reason"][:REASON_LENGTH]
    query = (
        sa.update(videos)
        .where(videos.c.tenant == video.tenant, videos.c.video_id == video.video_id)
        .where(videos.c.revision == video.revision)
        .values(**values, revision=videos.c.revision + 1)
        .returning(*videos.c)
    )
    with talking(engine), engine.begin() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else video_of(row)


def change_from(engine: sa.Engine, video: Video, states: Collection[VideoState], **values: Any) -> Video | None:
    """The same whatever else was changed, as long as the video is in one of `states`."""
    seen: Video | None = video
    while seen is not None and seen.state in states:
        changed = change_video(engine, seen, **values)
        if changed is not None:
            return changed
        seen = find_video(engine, video.tenant, video.video_id)
    return None


def forget_video(engine: sa.Engine, video: Video) -> None:
    """Takes the row away, which must be last of all."""
    query = sa.delete(videos).where(videos.c.tenant == video.tenant, videos.c.video_id == video.video_id)
    with talking(engine), engine.begin() as connection:
        connection.execute(query)


def video_of(row: Any) -> Video:
    """A row of the table as a video."""
    fields = row._mapping
    return Video(
        **{
            **fields,
            "state": VideoState(row.state),
            "film": None if row.film is None else Film.model_validate_json(row.film),
            "proxy": ProxyState(row.proxy),
            "created": datetime.fromtimestamp(row.created, UTC),
        }
    )


# Made once: most requests ask it.
_ONE = sa.select(videos).where(
    videos.c.tenant == sa.bindparam("the_tenant"), videos.c.video_id == sa.bindparam("the_video")
)


@contextlib.contextmanager
def _alone(engine: sa.Engine, tenant: str) -> Iterator[sa.Connection]:
    """A transaction beside which no other of this kind runs for the tenant: what is counted is so until its end."""
    with talking(engine), engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            key = sa.func.hashtext(f"laxai videos {tenant}")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
        yield connection
