"""The database: the queue's tables, which shared_libs makes, and the service's own, which migrations make.

Times are seconds since 1970 by the database's clock (`now`), as in the queue.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared_libs.common.errors import InputError
from shared_libs.common.job_client.table import connect, place_of, talking

metadata = sa.MetaData()
"""Of the tables of this service. Whoever declares one adds a revision in migrations/versions that makes it."""

VERSION_TABLE = "laxai_api_revision"

NAME_LENGTH = 200
"""Of what people call a thing, in characters."""

keys = sa.Table(
    "laxai_keys",
    metadata,
    sa.Column("key_id", sa.String(40), primary_key=True),
    sa.Column("tenant", sa.String(63), nullable=False),
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("scope", sa.String(20), nullable=False),
    # Of the secret: 256 random bits, so that nothing slower is called for.
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("revoked", sa.Double),
)

sessions = sa.Table(
    "laxai_sessions",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("key_id", sa.String(40), nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
    sa.Index("laxai_sessions_by_end", "expires"),
)


def open_database(database: str) -> sa.Engine:
    """The engine for a database, with all tables as this version of the service knows them.

    Raises InputError for a URL that cannot be used, for a database that a newer version has written, and for one in
    which tables cannot be made; TransientError for one that cannot be reached now.
    """
    engine = connect(database)
    try:
        with talking(engine), engine.begin() as connection:
            _lock(connection)
            _upgrade(connection)
    except sa.exc.DBAPIError as error:
        cause = f"its tables cannot be brought up to date: {' '.join(str(error.orig).split())}"
        raise InputError(place_of(engine), cause, hint="see what else is in it, and what its user may do") from error
    return engine


_LOCK = 0x1A0A2
"""Of those who change the tables, on PostgreSQL: a number of our own."""


def _lock(connection: sa.Connection) -> None:
    """One at a time, until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _upgrade(connection: sa.Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    known = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if found == known.get_current_head():
        return
    if found is not None and found not in {each.revision for each in known.walk_revisions()}:
        cause = f"its tables are in form {found}, which this program does not know"
        raise InputError(
            place_of(connection.engine), cause, hint="use the version of LaxAI that wrote it, or another database"
        )
    command.upgrade(config, "head")
