"""Videos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "laxai_videos",
        sa.Column("video_id", sa.String(40), primary_key=True),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("suffix", sa.String(8)),
        sa.Column("film", sa.Text),
        sa.Column("proxy", sa.String(20), nullable=False),
        sa.Column("detections_file", sa.String(200)),
        sa.Column("has_roster", sa.Boolean, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("laxai_videos_by_age", "laxai_videos", ["tenant", "created", "video_id"])
    op.create_index("laxai_videos_by_state", "laxai_videos", ["state"])
    op.create_index("laxai_videos_by_proxy", "laxai_videos", ["proxy"])
