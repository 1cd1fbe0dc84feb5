"""The table of videos. What a video is made of stands in storage; here stands how far it is."""

from __future__ import annotations

import sqlalchemy as sa

from api.database import NAME_LENGTH, metadata

REASON_LENGTH = 500

videos = sa.Table(
    "laxai_videos",
    metadata,
    sa.Column("video_id", sa.String(40), primary_key=True),
    sa.Column("tenant", sa.String(63), nullable=False),
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    # Why it was refused, or what its storing waits for.
    sa.Column("reason", sa.String(REASON_LENGTH)),
    sa.Column("size", sa.BigInteger, nullable=False),
    # At first what the uploader says, if anything; of what has arrived, once it was checked.
    sa.Column("sha256", sa.String(64)),
    # The source's in storage, and what was found out of it, as JSON.
    sa.Column("suffix", sa.String(8)),
    sa.Column("film", sa.Text),
    sa.Column("proxy", sa.String(20), nullable=False),
    sa.Column("detections_file", sa.String(200)),
    sa.Column("has_roster", sa.Boolean, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    # Counts the changes.
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Index("laxai_videos_by_age", "tenant", "created", "video_id"),
    sa.Index("laxai_videos_by_state", "state"),
    sa.Index("laxai_videos_by_proxy", "proxy"),
)
