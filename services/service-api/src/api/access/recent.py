"""Who calls, and who has called of late: who asks many things in a row is not looked up for each of them."""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from api.access.keys import Scope
from api.access.sessions import Session
from api.threads import in_thread

LOOK_SECONDS: Final = 1.0
"""How old a look at the database may be. So much later at the latest, what another process revoked has ended."""

_KEPT_SECONDS: Final = 60.0
_MANY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose data is meant, and what may be done with it.

    key_id: None where no key has been made yet. session: None where the caller has a key itself, or needs none.
    """

    tenant: str
    scopes: frozenset[Scope]
    key_id: str | None
    session: Session | None = None


class RecentCallers:
    """The callers of the last minute, by what they showed: of that, only a hash is kept.

    state: tells keys and sessions as they stand in the database from what they were before any change. Callers who
    come within a second share one look at it, and when it has changed, all are forgotten: what was revoked ends within
    LOOK_SECONDS, whichever process revoked it, and at once where that was this one. All calls but `forget` are of one
    event loop.
    """

    def __init__(self, state: Callable[[], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = state
        self._clock = clock
        self._state: Hashable = None
        self._looked = -math.inf
        self._current: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._callers: dict[bytes, tuple[Caller, float]] = {}
        self._edition = 0

    def __len__(self) -> int:
        return len(self._callers)

    async def get(self, shown: tuple[str, ...], look_up: Callable[[], Caller]) -> Caller:
        """Who showed that, looked up in a thread where that is not known. What `look_up` raises is raised.

        Raises TransientError while the database does not answer.
        """
        await self._check()
        edition = self._edition
        key = hashlib.sha256(repr(shown).encode("utf-8", "backslashreplace")).digest()
        found = self._callers.get(key)
        if found is not None and self._clock() < found[1] and not _is_over(found[0].session):
            return found[0]
        caller = await in_thread(look_up)
        self._remember(key, caller, edition)
        return caller

    def forget(self) -> None:
        """Forgets all: somebody may have lost what they were allowed. From any thread."""
        with self._lock:
            self._edition += 1
            self._callers = {}

    async def _check(self) -> None:
        """Waits for a look at the database, where the last one began too long ago: one that begins after this call,
        since one that is under way may have seen too little. All who come in the meantime share it."""
        if self._clock() < self._looked + LOOK_SECONDS:
            return
        if self._next is None or self._next.done():  # done: it was cancelled
            self._next = asyncio.create_task(self._look(self._current))
        await asyncio.shield(self._next)

    async def _look(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None and not earlier.done():
            await asyncio.wait([earlier])
        self._current, self._next = self._next, None
        begun = self._clock()
        state = await in_thread(self._ask)
        self._looked = begun
        if state != self._state:
            self.forget()
            self._state = state

    def _remember(self, key: bytes, caller: Caller, edition: int) -> None:
        with self._lock:
            if edition != self._edition:  # they were looked up before something was revoked
                return
            time_now = self._clock()
            if len(self._callers) >= _MANY:
                self._callers = {each: found for each, found in self._callers.items() if time_now < found[1]}
            if len(self._callers) < _MANY:
                self._callers[key] = (caller, time_now + _KEPT_SECONDS)


def _is_over(session: Session | None) -> bool:
    return session is not None and session.expires <= datetime.now(UTC)
