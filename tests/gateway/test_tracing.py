"""Spans of OpenTelemetry: below the client's, with facts and without texts."""

from __future__ import annotations

import sys

import pytest

from tfner.errors import ConfigError
from tfner.gateway.tracing import Tracing, exporting

trace = pytest.importorskip("opentelemetry.sdk.trace")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_requests_are_spans_of_their_clients(serve, packing) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
        InMemorySpanExporter,
    )

    kept, provider = InMemorySpanExporter(), trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    with serve({"tiny": packing}, app={"tracing": Tracing(provider)}) as running:
        running.client.post("/v1/entities", json={"texts": ["anna"]}, headers=headers)
        running.client.get("/nothing-secret")
    span, other = kept.get_finished_spans()
    assert span.name == "POST /v1/entities"
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.attributes["http.response.status_code"] == 200
    assert (span.attributes["tfner.model"], span.attributes["tfner.texts"]) == (
        "tiny",
        1,
    )
    assert "secret" not in other.to_json()


def test_what_is_missing_is_told(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp", None)
    with pytest.raises(ConfigError, match=r"tfner\[otel\]"):
        exporting()
