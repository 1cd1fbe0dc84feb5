"""Readers: each on a connection of its own, asking one thing after another, as the page does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import uvloop

from benchmarks.made_game import MadeGame

TRACKED_FRAMES = 100
"""Of tracks in one answer."""

_PATIENCE = 60.0
"""Seconds after which an answer counts as an error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """When it was asked for, in seconds since the beginning, and how long it took; status 0 where none came."""

    kind: str
    at: float
    seconds: float
    status: int


def addresses_of(game: MadeGame) -> Mapping[str, Callable[[random.Random], str]]:
    """What is read of a game, by what it is called in the results."""
    run = f"/api/v1/videos/{game.video_id}/runs/{game.run_id}"

    def tracks(chance: random.Random) -> str:
        first = chance.randrange(max(1, game.frames - TRACKED_FRAMES))
        return f"{run}/tracks?first={first}&last={first + TRACKED_FRAMES - 1}"

    return {
        "jobs": lambda _: "/api/v1/jobs",
        "one job": lambda _: f"/api/v1/jobs/{game.job_id}",
        "runs": lambda _: f"/api/v1/videos/{game.video_id}/runs",
        "players": lambda _: f"{run}/players",
        "tracks": tracks,
    }


def read_together(port: int, game: MadeGame, *, seconds: float, pause: float, seed: int) -> list[Answer]:
    """All answers that as many readers as there are keys got in a time. Each begins at a moment of its own, asks for
    something of the above, reads the answer, waits `pause` seconds, a half more or less, and asks again."""
    return uvloop.run(_read_together(port, game, seconds, pause, seed))


async def _read_together(port: int, game: MadeGame, seconds: float, pause: float, seed: int) -> list[Answer]:
    answers: list[Answer] = []
    begun = time.perf_counter()
    addresses = addresses_of(game)

    async def read(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        await asyncio.sleep(chance.uniform(0.0, max(pause, 0.2)))
        connection = _Connection(port, game.keys[number])
        while time.perf_counter() - begun < seconds:
            kind = chance.choice(list(addresses))
            asked = time.perf_counter()
            status = await connection.get(addresses[kind](chance))
            answers.append(Answer(kind, asked - begun, time.perf_counter() - asked, status))
            if pause:
                await asyncio.sleep(pause * chance.uniform(0.5, 1.5))
        connection.close()

    await asyncio.gather(*(read(number) for number in range(len(game.keys))))
    return answers


class _Connection:
    """HTTP as far as it is needed: clients that know all of it take longer than what they would measure."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = f"Host: localhost:{port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, address: str) -> int:
        """The status of the answer, which is read to its end; 0 where none came."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._get(address)
        except (OSError, EOFError, TimeoutError):
            self.close()
            return 0

    def close(self) -> None:
        """Ends the connection; the next question opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _get(self, address: str) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        reader, writer = self._streams
        writer.write(f"GET {address} HTTP/1.1\r\n{self._headers}".encode())
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        [length] = (int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:"))
        await reader.readexactly(length)
        return int(status.split()[1])
