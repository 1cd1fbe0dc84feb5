"""The tables that jobs and workers stand in: the truth about every job, on SQLite or PostgreSQL.

Times are seconds since 1970 by the clock of the database, whoever writes them: the clocks of machines differ.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from shared_libs.common.errors import InputError, OutputError, TransientError
from shared_libs.utils.paths import user_path

SCHEMA_VERSION: Final = 1

FROZEN_SECONDS: Final = 10
"""After which PostgreSQL ends a transaction in which nothing happens."""

CONNECTIONS: Final = 16
"""That a program keeps open, where it has used so many at once: opening another for each question takes longer than the
question."""

metadata = sa.MetaData()

jobs = sa.Table(
    "laxai_jobs",
    metadata,
    sa.Column("job_id", sa.String(40), primary_key=True),
    sa.Column("tenant", sa.String(63), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("video_id", sa.String(40)),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("idempotency_key", sa.String(200)),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("started", sa.Double),
    sa.Column("finished", sa.Double),
    sa.Column("progress", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("cause", sa.String(40)),
    sa.Column("result", sa.Text),
    # Counts the changes of a row: for followers, and for those who would change what they have seen.
    sa.Column("revision", sa.Integer, nullable=False),
    # The job that this one is another try of, and the first of them all, whose work folder they share.
    sa.Column("retry_of", sa.String(40), unique=True),
    sa.Column("first_try", sa.String(40), nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    # From here on, the workers' affair. How often execution began is the fencing token as well; takeovers are those of
    # them that began since a worker had died.
    sa.Column("is_dispatched", sa.Boolean, nullable=False),
    sa.Column("executions", sa.Integer, nullable=False),
    sa.Column("takeovers", sa.Integer, nullable=False),
    sa.Column("worker_id", sa.String(40)),
    sa.UniqueConstraint("tenant", "idempotency_key"),
    sa.Index("laxai_jobs_by_age", "tenant", "created", "job_id"),
    sa.Index("laxai_jobs_by_state", "state", "kind"),
    sa.Index("laxai_jobs_by_worker", "worker_id"),
    sa.Index("laxai_jobs_by_video", "tenant", "video_id"),
)

_is_open = jobs.c.state.in_(["queued", "running"])
_is_waiting = ~jobs.c.is_dispatched

# Two tries of a job at a time would work in one folder.
sa.Index("laxai_jobs_one_open_try", jobs.c.first_try, unique=True, sqlite_where=_is_open, postgresql_where=_is_open)
sa.Index("laxai_jobs_waiting", jobs.c.priority, sqlite_where=_is_waiting, postgresql_where=_is_waiting)

workers = sa.Table(
    "laxai_workers",
    metadata,
    sa.Column("worker_id", sa.String(40), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    # It has left, or was found dead: what it held is taken over, and it may publish nothing any more.
    sa.Column("has_left", sa.Boolean, nullable=False),
    sa.Column("is_dead", sa.Boolean, nullable=False),
)

_versions = sa.Table("laxai_jobs_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))


class now(sa.sql.functions.FunctionElement[float]):
    """Seconds since 1970, by the database's clock at this very moment."""

    type = sa.Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_of_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_of_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


def at_least(column: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    """Now, or the time in `column` where that is later: a clock that was put back must not turn times around."""
    return sa.case((now() > column, now()), else_=column)


def connect(database: str) -> sa.Engine:
    """The engine for a database, with the tables in it. SQLite's file and its folder are made.

    Raises InputError for a URL or a database that cannot be used, TransientError for one that cannot be reached now.
    """
    try:
        url = sa.make_url(database)
        if url.drivername not in _ENGINES:
            raise ValueError
        engine = _ENGINES[url.drivername](url)
    except (sa.exc.ArgumentError, ValueError):
        hint = "for example sqlite:///laxai.db, or postgresql+psycopg://user:password@host/laxai"
        raise InputError("LAXAI_DATABASE", "is no URL of a database that can be used here", hint=hint) from None
    _make_tables(engine)
    return engine


def place_of(engine: sa.Engine) -> str:
    """Which database that is, for messages: without a password, and without options, which may hold one."""
    return engine.url.set(query={}).render_as_string(hide_password=True)


@contextlib.contextmanager
def talking(engine: sa.Engine) -> Iterator[None]:
    """Whatever keeps the database from answering inside the block is a TransientError."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        hint = "see that the database runs"
        raise TransientError(place_of(engine), f"cannot be reached: {_cause(error)}", hint=hint) from error
    except sa.exc.DBAPIError as error:
        if not (error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _CUT_OFF):
            raise
        raise TransientError(place_of(engine), f"cut us off: {_cause(error)}", hint="try again") from error
    except sa.exc.TimeoutError as error:  # all connections are in use
        raise TransientError(place_of(engine), "has no connection to spare", hint="try again") from error


def _cause(error: sa.exc.DBAPIError) -> str:
    """What the database said, in one line."""
    return " ".join(str(error.orig).split()) or type(error.orig).__name__


def _sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError
    path = user_path(url.database).absolute()
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error
    engine = sa.create_engine(url.set(database=str(path)), pool_size=CONNECTIONS, connect_args={"timeout": 30.0})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        # Readers do not wait for the writer; what is committed survives the loss of power.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    url = url.set(drivername="postgresql+psycopg")
    # A program that is frozen within a transaction must not keep the others from what it has locked there.
    options = f"-c idle_in_transaction_session_timeout={FROZEN_SECONDS * 1000}"
    arguments = {"connect_timeout": 10, "options": options}
    return sa.create_engine(url, pool_size=CONNECTIONS, pool_pre_ping=True, connect_args=arguments)


_ENGINES = {"sqlite": _sqlite, "postgresql": _postgresql, "postgresql+psycopg": _postgresql}
"""By the beginning of the URL."""

_CUT_OFF = {"25006", "25P03", "57P01", "57P02", "57P03"}
"""SQLSTATEs of a PostgreSQL that gives up on a connection: a transaction in which nothing happened, a standby that is
not the primary (any more), a shutdown."""

_LOCK = 0x1A0A1
"""Of those who make the tables, on PostgreSQL: a number of our own."""


def _make_tables(engine: sa.Engine) -> None:
    is_sqlite = engine.dialect.name == "sqlite"
    for attempt in range(5):
        try:
            with talking(engine), engine.begin() as connection:
                if not is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                metadata.create_all(connection)
                found = connection.scalar(sa.select(sa.func.max(_versions.c.version)))
                if found is None:
                    connection.execute(sa.insert(_versions).values(version=SCHEMA_VERSION))
        except (TransientError, sa.exc.IntegrityError):
            # On SQLite two who come first at the same moment get in each other's way, once.
            if not is_sqlite or attempt == 4:
                raise
            time.sleep(0.2)
        except sa.exc.DBAPIError as error:
            hint = "see what LAXAI_DATABASE says (sqlite:///laxai.db, postgresql+psycopg://user:password@host/laxai)"
            raise InputError(place_of(engine), f"cannot be used: {_cause(error)}", hint=hint) from None
        else:
            break
    if found not in (None, SCHEMA_VERSION):
        cause = f"its jobs are in form {found}; this program knows form {SCHEMA_VERSION}"
        raise InputError(place_of(engine), cause, hint="use the version of LaxAI that wrote it, or another database")
