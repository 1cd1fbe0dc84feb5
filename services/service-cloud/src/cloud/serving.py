"""A worker as a process: its signals, its logs, and where its metrics can be read."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cloud.settings import CloudSettings
from cloud.worker.tracing import export_traces
from cloud.worker.worker import Worker
from shared_libs.common.errors import InputError, TransientError
from shared_libs.config.logging import configure_logging, get_logger

BROKEN, OUT_OF_REACH = 1, 69
"""Exit codes: a mistake of ours; the database cannot be reached, as sysexits.h has it. Another start may help."""


def run_worker(settings: CloudSettings, metrics_host: str, metrics_port: int | None) -> NoReturn:
    """Works until SIGTERM or Ctrl-C, and ends the process: 143 or 130, 75 where others hold it for dead, 69 where the
    database cannot be reached at the start."""
    configure_logging("service-cloud", settings.log_level, settings.log_mode)
    stopped_by: list[int] = []
    flush = export_traces(settings.otlp_endpoint)
    worker = _once_reached(lambda: Worker(settings, lambda words: print(words, file=sys.stderr, flush=True)))

    def stop(number: int, frame: object) -> None:
        stopped_by.append(number)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    if metrics_port is not None:
        _serve_metrics(worker, metrics_host, metrics_port)
    code = BROKEN
    try:
        worker.run()
        code = 128 + stopped_by[0]
    except TransientError as error:
        code = OUT_OF_REACH
        print(f"error: {error}", file=sys.stderr)
    except Exception:
        get_logger(__name__).exception("worker_broke")
    flush()
    logging.shutdown()
    sys.stderr.flush()
    # Not by returning: threads of jobs that others go on with are waiting for nothing but this.
    os._exit(code)


def _once_reached(make: Callable[[], Worker]) -> Worker:
    """The worker, once its database answers: it may have been started at the same moment."""
    for seconds in (1, 2, 4, 8, 15):
        try:
            return make()
        except TransientError as error:
            print(f"{error}; trying again in {seconds} s", file=sys.stderr, flush=True)
            time.sleep(seconds)
    try:
        return make()
    except TransientError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(OUT_OF_REACH) from None


def _serve_metrics(worker: Worker, host: str, port: int) -> None:
    """/metrics for Prometheus, /health for whoever looks after the process. InputError for a port that is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(worker.metrics.registry))
            elif self.path == "/health":
                status = HTTPStatus.OK if worker.is_well else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "text/plain; charset=utf-8", b"well\n" if worker.is_well else b"no lease\n")
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"there are /metrics and /health\n")

        def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Who looks is not worth a line."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise InputError("--metrics-port", f"{host}:{port}: {error.strerror}", hint="choose another") from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    print(f"metrics at http://{host}:{server.server_port}/metrics", file=sys.stderr, flush=True)
