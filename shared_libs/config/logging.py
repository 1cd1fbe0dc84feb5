"""Logs: one line of JSON per event on stderr for machines, coloured lines for people on a terminal.

Every line has `ts` (UTC, ISO 8601), `level`, `event` and `service`, then what the call adds. An exception is a field
of its own, a list of types, messages and frames without the values of variables, which may be secrets.
What libraries log through the standard library comes out the same way.
"""

import json
import logging
import math
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logging(
    service: str,
    level: Literal["debug", "info", "warning", "error"] = "info",
    mode: Literal["auto", "json", "human"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """Sets up logging for this process; a later call replaces an earlier one.

    service: the name in every line. level: what is less is left out. mode: "auto" is "human" on a terminal and "json"
    elsewhere. stream: stderr unless given.
    """
    out = stream if stream is not None else sys.stderr
    human = mode == "human" or (mode == "auto" and out.isatty())

    def add_service(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"service": service, **event}

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.StackInfoRenderer(),
        add_service,
    ]
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if human:
        plain = structlog.dev.plain_traceback
        last.append(structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="ts", exception_formatter=plain))
    else:
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last += [structlog.processors.ExceptionRenderer(tracebacks), _render_json]

    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    for old in list(root.handlers):
        if getattr(old, "is_laxai", False):
            root.removeHandler(old)
    handler.is_laxai = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(_LEVELS[level])
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `get_logger(__name__).info("track_started", video_id=…)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _render_json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    first = {key: event.pop(key) for key in ("ts", "level", "event", "service") if key in event}
    return json.dumps(_plain({**first, **event}), allow_nan=False)


def _plain(value: Any) -> Any:
    """`value` in what JSON has: other things by their repr, NaN and infinity as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return repr(value)
