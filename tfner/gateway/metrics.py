"""Measurements in the form of Prometheus.

With several worker processes they are kept in files of `PROMETHEUS_MULTIPROC_DIR`, so
that any of them can give those of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

# A second series for each, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]
SHARED = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters, gauges and histograms of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = self.registry
        self.requests = Counter(
            "tfner_requests", "Requests answered.", ["route", "status"], registry=kept
        )
        self.seconds = Histogram(
            "tfner_request_seconds",
            "Seconds from the first byte of a request to the last of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=kept,
        )
        self.in_progress = Gauge(
            "tfner_requests_in_progress",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=kept,
        )
        self.texts = Counter("tfner_texts", "Texts answered.", ["model"], registry=kept)
        self.waiting = Gauge(
            "tfner_queue_texts",
            "Texts that wait or are being worked on: scale by it.",
            ["model"],
            multiprocess_mode="livesum",
            registry=kept,
        )
        self.batch_windows = Histogram(
            "tfner_batch_windows",
            "Windows that the model runs at once.",
            ["model"],
            buckets=WINDOWS,
            registry=kept,
        )
        self.batch_seconds = Histogram(
            "tfner_batch_seconds",
            "Seconds that the model takes for a batch.",
            ["model"],
            buckets=SECONDS,
            registry=kept,
        )
        self.pieces = Counter(
            "tfner_pieces", "Pieces that the model has run.", ["model"], registry=kept
        )
        self.loads = Counter(
            "tfner_model_loads",
            "Versions that were loaded, or refused.",
            ["model", "outcome"],
            registry=kept,
        )

    def batch_observer(self, model: str) -> Callable[[int, int, float], None]:
        """Make what takes windows, pieces and seconds of each batch of a model."""
        windows = self.batch_windows.labels(model)
        seconds, pieces = self.batch_seconds.labels(model), self.pieces.labels(model)

        def observe(number: int, length: int, took: float) -> None:
            windows.observe(number)
            pieces.inc(length)
            seconds.observe(took)

        return observe

    def render(self) -> tuple[bytes, str]:
        """Give the measurements of all processes, and their content type."""
        registry = self.registry
        if SHARED in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_process(number: int) -> None:
    """Leave out the gauges of a worker process that has ended.

    Args:
        number: its process id.
    """
    multiprocess.mark_process_dead(number)  # type: ignore[no-untyped-call]


def shared_by(folder: Path) -> dict[str, str]:
    """Give the environment in which processes keep their measurements together."""
    return {SHARED: str(folder)}
