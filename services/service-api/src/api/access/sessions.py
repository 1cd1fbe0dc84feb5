"""Sessions of the page: a key is exchanged for a cookie. The database has the SHA-256 of what is in it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from api.access.keys import Key, key_of
from api.database import keys, sessions
from shared_libs.common.job_client.table import now, talking


class Session(NamedTuple):
    """token: what the cookie holds. key: the one that it was exchanged for."""

    token: str
    key: Key
    expires: datetime

    @property
    def csrf_token(self) -> str:
        """What a write must name beside the cookie: only a page of this origin has been told it."""
        return hmac.digest(self.token.encode(), b"csrf", "sha256").hex()

    def has_csrf_token(self, given: str) -> bool:
        """Whether that is the token of this session."""
        return hmac.compare_digest(self.csrf_token.encode(), given.encode())


class SessionStore:
    """The sessions of a database. Every method raises TransientError while the database does not answer.

    on_change: is called when a session was ended here.
    """

    def __init__(self, engine: sa.Engine, on_change: Callable[[], None] = lambda: None) -> None:
        self._engine = engine
        self._on_change = on_change

    def begin(self, key: Key, hours: float) -> Session:
        """A new session. Those that are over are forgotten."""
        token = secrets.token_hex(32)
        values = {"sha256": _sha256(token), "key_id": key.key_id, "expires": now() + hours * 3600.0}
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires <= now()))
            expires = connection.scalar(sa.insert(sessions).values(values).returning(sessions.c.expires))
        return Session(token, key, datetime.fromtimestamp(expires or 0.0, UTC))

    def find(self, token: str) -> Session | None:
        """The session of a cookie; None where there is none, it is over, or its key was revoked."""
        if not _TOKEN.fullmatch(token):
            return None
        with talking(self._engine), self._engine.connect() as connection:
            row = connection.execute(_VALID, {"session": _sha256(token)}).one_or_none()
        return None if row is None else Session(token, key_of(row), datetime.fromtimestamp(row.expires, UTC))

    def end(self, session: Session) -> None:
        """Ends a session, if it has not ended yet."""
        with talking(self._engine), self._engine.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.sha256 == _sha256(session.token)))
        self._on_change()


def state_of_access(engine: sa.Engine) -> tuple[object, ...]:
    """What is another thing after a key was made or revoked, or a session begun or ended. Raises TransientError."""
    with talking(engine), engine.connect() as connection:
        return tuple(connection.execute(_STATE).one())


_STATE = sa.select(
    *(
        sa.select(each).scalar_subquery()
        for each in (
            sa.func.count(keys.c.key_id),
            sa.func.count(keys.c.revoked),
            sa.func.count(sessions.c.sha256),
            sa.func.sum(sessions.c.expires),
        )
    )
)

# Made once: every request asks it.
_VALID = (
    sa.select(sessions.c.expires, *keys.c)
    .join_from(sessions, keys, sessions.c.key_id == keys.c.key_id)
    .where(sessions.c.sha256 == sa.bindparam("session"), sessions.c.expires > now(), keys.c.revoked.is_(None))
)

_TOKEN = re.compile(r"[0-9a-f]{64}")


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
