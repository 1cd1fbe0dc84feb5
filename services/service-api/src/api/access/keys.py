"""API keys, `laxai_{key id}_{secret}`, each for one tenant and up to one scope.

The database has a secret's SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from api.database import NAME_LENGTH, keys
from shared_libs.common.errors import InputError
from shared_libs.common.job_client.table import now, talking
from shared_libs.common.storage import StoragePathError, check_tenant
from shared_libs.utils.ids import new_id


class Scope(StrEnum):
    """What a key is good for: each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def scopes(self) -> frozenset[Scope]:
        """The scope and those that it includes."""
        order = list(Scope)
        return frozenset(order[: order.index(self) + 1])


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret."""

    key_id: str
    tenant: str
    name: str
    scope: Scope
    created: datetime
    revoked: datetime | None


class NoSuchKey(InputError):
    """There is no key of that id."""


class KeyStore:
    """The keys of a database. Every method raises TransientError while the database does not answer.

    on_change: is called when a key was made or revoked here.
    """

    def __init__(self, engine: sa.Engine, on_change: Callable[[], None] = lambda: None) -> None:
        self._engine = engine
        self._on_change = on_change
        self._are_needed = False

    def are_needed(self) -> bool:
        """Whether callers must have a key: from the first one on, and also after the last was revoked."""
        if not self._are_needed:
            with talking(self._engine), self._engine.connect() as connection:
                self._are_needed = bool(connection.scalar(sa.select(sa.exists(sa.select(keys.c.key_id)))))
        return self._are_needed

    def create(self, tenant: str, scope: Scope, name: str = "") -> tuple[Key, str]:
        """A new key, and the whole of it, which is not to be had again. Raises InputError for what is no tenant."""
        try:
            check_tenant(tenant)
        except StoragePathError as error:
            raise InputError("tenant", str(error), hint="choose another name") from None
        if len(name) > NAME_LENGTH or not name.isprintable():
            raise InputError("name", f"must be at most {NAME_LENGTH} printable characters", hint="choose another")
        secret = secrets.token_hex(32)
        values = {
            "key_id": new_id("key"),
            "tenant": tenant,
            "name": name,
            "scope": scope,
            "sha256": _sha256(secret),
            "created": now(),
        }
        with talking(self._engine), self._engine.begin() as connection:
            row = connection.execute(sa.insert(keys).values(values).returning(*keys.c)).one()
        self._on_change()
        return key_of(row), f"laxai_{row.key_id}_{secret}"

    def list(self, tenant: str | None = None) -> tuple[Key, ...]:
        """All keys, or a tenant's, also those that were revoked; oldest first."""
        query = sa.select(keys).order_by(keys.c.created, keys.c.key_id)
        if tenant is not None:
            query = query.where(keys.c.tenant == tenant)
        with talking(self._engine), self._engine.connect() as connection:
            return tuple(key_of(row) for row in connection.execute(query))

    def revoke(self, key_id: str) -> Key:
        """Ends a key, and all sessions that began with it: here at once, in other processes within a second. One that
        has ended stays so. Raises NoSuchKey."""
        query = (
            sa.update(keys)
            .where(keys.c.key_id == key_id)
            .values(revoked=sa.func.coalesce(keys.c.revoked, now()))
            .returning(*keys.c)
        )
        with talking(self._engine), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        self._on_change()
        if row is None:
            raise NoSuchKey(key_id, "there is no such key", hint="list the keys to see which there are")
        return key_of(row)

    def owner(self, token: str) -> Key | None:
        """The key that a token is the whole of; None where it is none, or was revoked."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        with talking(self._engine), self._engine.connect() as connection:
            row = connection.execute(_VALID, {"key_id": match[1]}).one_or_none()
        is_right = row is not None and hmac.compare_digest(row.sha256, _sha256(match[2]))
        return key_of(row) if is_right else None


def key_of(row: Any) -> Key:
    """A row of the table as a key."""
    revoked = None if row.revoked is None else datetime.fromtimestamp(row.revoked, UTC)
    created = datetime.fromtimestamp(row.created, UTC)
    return Key(row.key_id, row.tenant, row.name, Scope(row.scope), created, revoked)


# Made once: every request asks it.
_VALID = sa.select(keys).where(keys.c.key_id == sa.bindparam("key_id"), keys.c.revoked.is_(None))

_TOKEN = re.compile(r"laxai_(key_[0-9a-f]{12})_([0-9a-f]{64})")


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
