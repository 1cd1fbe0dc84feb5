"""One writer at a time to the corrections of a video, whichever process it is in."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from shared_libs.common.errors import OutputError
from shared_libs.common.job_client.table import talking

WAIT_SECONDS = 20
"""How long a writer waits for another, on PostgreSQL."""


@contextmanager
def one_writer(engine: sa.Engine, tenant: str, video_id: str) -> Iterator[Callable[[], None]]:
    """Nobody else is in this block for the same video. Yields what sees that this is still so, to be called before
    anything is written.

    On SQLite, which has one writer at a time anyway, nobody is in it for any video. Raises TransientError where the
    database does not answer, or another writer does not come to an end.
    """
    if engine.dialect.name == "sqlite":
        with _file_lock(f"{engine.url.database}-edits.lock"):
            yield lambda: None
    else:
        with _advisory_lock(engine, tenant, video_id) as check:
            yield check


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    try:
        file = open(path, "ab")  # noqa: SIM115 - it is closed below
    except OSError as error:
        raise OutputError.from_os_error(path, error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _advisory_lock(engine: sa.Engine, tenant: str, video_id: str) -> Iterator[Callable[[], None]]:
    """Of the connection, not of a transaction: PostgreSQL would end one in which storage is waited for."""
    digest = hashlib.sha256(f"edits of {tenant}/{video_id}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    with talking(engine), engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f"SET lock_timeout = {round(WAIT_SECONDS * 1000)}")
        connection.execute(sa.select(sa.func.pg_advisory_lock(number)))
        try:
            yield lambda: _check(engine, connection)
        finally:
            # Whatever happened to it, the connection goes, and its lock with it.
            connection.invalidate()


def _check(engine: sa.Engine, connection: sa.Connection) -> None:
    with talking(engine):
        connection.execute(sa.select(1))
