"""Callers who are remembered: as long as nothing has changed, and a second longer at most."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.access.keys import Key, Scope
from api.access.recent import LOOK_SECONDS, Caller, RecentCallers
from api.access.sessions import Session

SHOWN = ("127.0.0.1", "Bearer it", "")
CALLER = Caller("eagles", Scope.READ.scopes, "key_0123456789ab")


class Place:
    """A database whose state can be changed, and how often it was looked at and callers were looked up."""

    def __init__(self) -> None:
        self.state = 0
        self.looks = 0
        self.lookups = 0
        self.time = 0.0
        self.caller = CALLER
        self.recent = RecentCallers(self._look, lambda: self.time)

    def _look(self) -> int:
        self.looks += 1
        return self.state

    def look_up(self) -> Caller:
        self.lookups += 1
        return self.caller

    async def get(self, *shown: str) -> Caller:
        return await self.recent.get(shown or SHOWN, self.look_up)


def test_who_asks_again_is_not_looked_up_again() -> None:
    place = Place()

    async def ask() -> None:
        assert [await place.get() for _ in range(3)] == [CALLER] * 3
        assert (place.lookups, place.looks) == (1, 1)
        place.time += LOOK_SECONDS
        assert await place.get() == CALLER
        assert (place.lookups, place.looks) == (1, 2)
        await place.get("127.0.0.1", "Bearer other", "")
        assert place.lookups == 2
        place.time += 61.0
        await place.get()
        assert place.lookups == 3

    asyncio.run(ask())


def test_whatever_changes_elsewhere_is_seen_within_a_second_and_what_changes_here_at_once() -> None:
    place = Place()

    async def ask() -> None:
        await place.get()
        place.state += 1
        place.time += LOOK_SECONDS - 0.01
        await place.get()
        assert place.lookups == 1
        place.time += 0.01
        await place.get()
        assert place.lookups == 2
        place.recent.forget()
        await place.get()
        assert place.lookups == 3

    asyncio.run(ask())


def test_those_who_come_together_share_a_look() -> None:
    place = Place()

    async def ask() -> None:
        await place.get()
        place.time += LOOK_SECONDS
        await asyncio.gather(*(place.get() for _ in range(100)))
        assert (place.lookups, place.looks) == (1, 2)

    asyncio.run(ask())


def test_who_was_looked_up_before_a_change_is_not_remembered() -> None:
    place = Place()

    def look_up() -> Caller:
        place.recent.forget()  # revoked, while the database was being asked
        return place.look_up()

    async def ask() -> None:
        await place.recent.get(SHOWN, look_up)
        assert len(place.recent) == 0

    asyncio.run(ask())


def test_a_session_that_is_over_is_looked_up() -> None:
    place = Place()
    key = Key("key_0123456789ab", "eagles", "", Scope.READ, datetime.now(UTC), None)
    over = Session("0" * 64, key, datetime.now(UTC) - timedelta(seconds=1))
    place.caller = Caller("eagles", Scope.READ.scopes, key.key_id, over)

    async def ask() -> None:
        await place.get()
        await place.get()
        assert place.lookups == 2

    asyncio.run(ask())


def test_a_database_that_does_not_answer_lets_nobody_in() -> None:
    place = Place()

    def fail() -> int:
        raise OSError("no answer")

    async def ask() -> None:
        await place.get()
        recent = place.recent
        recent._ask = fail
        place.time += LOOK_SECONDS
        with pytest.raises(OSError, match="no answer"):
            await place.get()

    asyncio.run(ask())
