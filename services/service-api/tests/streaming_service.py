"""A service with two answers that go on for long: one that heeds the end, and one that does not. For test_cli."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator

from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

from api.app import create_app
from api.serving import Server, listen
from api.settings import ApiSettings
from api.site import Here, open_site
from shared_libs.common.command_line import run_command_line


def run(args: list[str], standalone_mode: bool) -> None:
    """Serves from the storage that is named."""
    site = open_site(ApiSettings.load(storage=args[0]))
    app = create_app(site.settings, site)

    @app.get("/api/v1/events")
    async def events(here: Here) -> EventSourceResponse:
        async def told() -> AsyncIterator[dict[str, str]]:
            while not here.stopping.is_set():
                yield {"data": "tick"}
                await asyncio.sleep(0.05)
            yield {"data": "the end"}

        return EventSourceResponse(told(), shutdown_grace_period=5)

    @app.get("/api/v1/slow")
    def slow() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            for number in range(10):
                yield b"%d" % number
                time.sleep(0.1)

        return StreamingResponse(parts())

    with listen("127.0.0.1", 0) as sock:
        print(f"LaxAI at http://127.0.0.1:{sock.getsockname()[1]}", file=sys.stderr, flush=True)
        Server(app).run(sockets=[sock])


if __name__ == "__main__":
    sys.exit(run_command_line(run, "streaming", interrupted="stopped"))
