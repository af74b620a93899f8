"""Traces by OpenTelemetry: a span a request, below that of its client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tfner.errors import ConfigError

PARENT = ("traceparent", "tracestate")
"""Headers that name the span of the client."""
MISSING = "tracing needs OpenTelemetry: pip install 'tfner[otel]'"


class Tracing:
    """Begins and ends the spans of requests.

    Args:
        provider: of OpenTelemetry's SDK.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry import propagate, trace

        self._provider, self._kind = provider, trace.SpanKind.SERVER
        self._tracer, self._extract = provider.get_tracer("tfner"), propagate.extract

    def begin(self, headers: Mapping[bytes, bytes]) -> Any:
        """Begin a span, below the one that `traceparent` names."""
        given = {name: headers.get(name.encode()) for name in PARENT}
        carrier = {name: v.decode("latin-1") for name, v in given.items() if v}
        context = self._extract(carrier)
        return self._tracer.start_span("request", context=context, kind=self._kind)

    def end(
        self, span: Any, *, method: str, route: str, status: int, **facts: Any
    ) -> None:
        """End a span.

        Args:
            span: that has begun.
            method: of the request.
            route: that answered it.
            status: of the answer.
            **facts: more of it, without text.
        """
        from opentelemetry.trace import Status, StatusCode

        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                **{f"tfner.{name}": value for name, value in facts.items()},
            }
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


def exporting() -> Tracing:
    """Send spans by OTLP to where OpenTelemetry's environment variables say.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigError(MISSING) from None
    os.environ.setdefault("OTEL_SERVICE_NAME", "tfner")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
