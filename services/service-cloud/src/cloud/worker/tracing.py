"""Traces of jobs and their stages, for those who collect them (OTLP); nothing otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from opentelemetry import trace

_SECONDS_TO_FLUSH = 3.0


def span(name: str, **attributes: Any) -> Any:
    """A context manager: what is done inside, as a span of the trace under way."""
    return trace.get_tracer("laxai.service-cloud").start_as_current_span(name, attributes=attributes)


def export_traces(endpoint: str | None) -> Callable[[], None]:
    """Sends spans to an OTLP collector (`http://host:4318/v1/traces`); what is returned sends the rest, at the end.

    A collector that is away then costs the rest, and three seconds.
    """
    if endpoint is None:
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "laxai-service-cloud"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)

    def flush() -> None:
        last = threading.Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(_SECONDS_TO_FLUSH)

    return flush
