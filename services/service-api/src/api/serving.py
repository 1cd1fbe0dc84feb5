"""The service as a process: where it listens, and how it ends."""

from __future__ import annotations

import gc
import ipaddress
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.receiving import intake_of
from api.settings import ANY_HOST, LOCAL_HOSTS, ApiSettings
from api.site import Site, open_site
from api.workers import workers_at_work
from shared_libs.common.errors import InputError
from shared_libs.config.logging import configure_logging

LAST_SECONDS = 10
"""How long requests may still take when the service is to end."""


def serve(settings: ApiSettings) -> None:
    """Serves until SIGTERM or Ctrl-C, which then go on to whoever heeded them before.

    Raises InputError for an address that cannot be listened at or must not be without keys, and for a storage or a
    database that cannot be used; TransientError where it cannot be reached.
    """
    configure_logging("service-api", settings.log_level, settings.log_mode)
    for library in ("alembic", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
    site = open_site(settings)
    _check_exposure(settings, site)
    with listen(settings.host, settings.port) as sock:
        port = sock.getsockname()[1]
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        _say(f"LaxAI at http://{name}:{port}/")
        if not workers_at_work(site.engine):
            _say("no worker attached: jobs wait until one is")
        allowed = settings.allowed_hosts
        if _is_wildcard(settings.host):
            if set(allowed) == set(LOCAL_HOSTS):
                _say(f"it goes by {', '.join(allowed)} alone; LAXAI_ALLOWED_HOSTS gives it other names")
        else:
            allowed = [*allowed, name.lower()]
        app = create_app(settings.model_copy(update={"allowed_hosts": allowed}), site)
        intake_of(app)
        # What is there by now stays: nobody is to wait while it is looked through for what does not.
        gc.collect()
        gc.freeze()
        Server(app).run(sockets=[sock])


class Server(uvicorn.Server):
    """uvicorn, with answers that go on for long told to end."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=LAST_SECONDS,
            # uvloop takes one new connection for each round of events: under load, newcomers would wait for seconds.
            loop="asyncio",
        )
        super().__init__(config)
        self._site: Site = app.state.site
        self._is_deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end. Ctrl-C does nothing where a script has it ignored."""
        if sig == signal.SIGINT and self._is_deaf:
            return
        self._site.stopping.set()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """Begins the end, from any thread."""
        self._site.stopping.set()
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address. Raises InputError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
            sock.listen(2048)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise InputError("--host, --port", f"{host}:{port}: {error.strerror}", hint="choose others") from None
    return sock


def _check_exposure(settings: ApiSettings, site: Site) -> None:
    """Without keys, nobody but this machine is served."""
    if site.keys.are_needed():
        return
    hint = "make a key first: keys create --tenant NAME --scope admin"
    if not _is_loopback(settings.host):
        raise InputError("--host", f"{settings.host} can be reached by others, and there are no keys", hint=hint)
    if ANY_HOST in settings.allowed_hosts:
        cause = "* lets every site that a browser here shows ask as this machine, and there are no keys"
        raise InputError("LAXAI_ALLOWED_HOSTS", cause, hint=hint)


def _is_loopback(host: str) -> bool:
    """Whether all that a name stands for is on this machine."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
