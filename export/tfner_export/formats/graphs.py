"""The parts that formats of engines share: checks, calibration, assets, comparison."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.checkpoints.saved_graph import ASSETS
from tfner.data.features import ATTENTION_MASK, LABELED_POSITIONS, to_wire
from tfner.engines import Engine
from tfner.engines.onnx_graph import check
from tfner.errors import BundleError, ExportError
from tfner.inference.batching import SPANS, make_batches
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner_export.assets import renew_selftest, selftest_of, write_assets
from tfner_export.saved_model.span_verification import random_span_batches
from tfner_export.saved_model.verification import (
    Features,
    random_batches,
    text_batches,
)

if TYPE_CHECKING:
    from tfner.inference.bundle import SelfTest
    from tfner_export.exporter import Source

logger = logging.getLogger("tfner.export")

TOLERANCE = 2e-5
"""Largest difference of a probability in float32."""
CALIBRATED = 256
"""Texts of which the sizes of numbers are learnt; more tell nothing new."""
TIMED = 15
"""Runs of one text, of which the median is told."""


def check_graph(source: Source) -> None:
    """Refuse models that no graph can be made of.

    Raises:
        ConfigError: there is none for the encoder or the head.
        ExportError: texts for calibration are given, and nothing that needs them.
    """
    check(source.model)
    serving = source.serving
    if serving.calibrate and serving.precision != "int8":
        raise ExportError(
            "texts are for --precision int8, whose scales they give. Received: "
            f"--calibrate with --precision {serving.precision}."
        )


def calibration(source: Source) -> Iterator[dict[str, Any]]:
    """Batches of the texts for calibration, by their names on the wire."""
    task, texts = source.bundle.task, islice(source.serving.calibrate, CALIBRATED)
    windows = [window for text in texts for window in task.encode(text).windows]
    packs = source.model.encoder.packs
    rows = SimpleNamespace(packs=packs, row_length=None)
    for batch in make_batches(rows, windows, pad_id=task.tokenizer.pad_id):
        yield to_wire(batch.features)


def write_rest(source: Source, stage: Path, engine: Engine) -> dict[str, Any]:
    """Write the assets of a graph that is written already, and run it.

    The self-test of a graph that is not exact becomes what it finds itself.

    Args:
        source: what was exported.
        stage: holds the graph, gets the assets.
        engine: that runs it.

    Returns:
        The `engine`, the `precision`, the `mebibytes` of the graph's files, and the
        `milliseconds` that one text of usual length takes.
    """
    precision, selftest = source.serving.precision, selftest_of(source)
    files = [path for path in stage.iterdir() if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    told = {"engine": engine.program, "precision": precision}
    write_assets(stage / ASSETS, source, selftest, **told)
    predictor = Predictor.load(stage)
    if not source.exact:
        renew_selftest(stage, predictor, selftest, precision)
    return {
        **told,
        "mebibytes": round(size, 1),
        "milliseconds": round(_latency(predictor, selftest), 2),
    }


def compare_graph(source: Source, stage: Path) -> float:
    """Run a written graph beside the Keras model.

    In float32 that is random rows and the self-test's texts, which must agree; with
    fewer digits the texts alone, whose difference is told.

    Raises:
        ExportError: a probability or an entity differs, or is no number.
    """
    try:
        predictor = Predictor.load(stage, verify=True)
    except BundleError as error:
        raise ExportError(f"the export was not published: {error}") from error
    worst, allowed = 0.0, TOLERANCE if source.exact else 1.0
    expected = KerasRunner(source.model)
    for batch in _batches(source):
        pairs = _comparable(batch, expected(batch), predictor.run(batch))
        worst = max([worst, *(_largest(one - other) for one, other in pairs)])
    if not worst < allowed:
        raise ExportError(
            "the export was not published: its graph differs from the Keras model by "
            f"{worst:.2g}; {allowed:g} is allowed."
        )
    return worst


def _batches(source: Source) -> Iterator[Features]:
    """The self-test's texts, and random rows where a graph is to be exact."""
    task = source.bundle.task
    yield from text_batches(source.bundle, task.max_length)
    if not source.exact:
        return
    if SPANS in task.outputs:
        yield from random_span_batches(task.tokenizer, task.max_length)
    else:
        yield from random_batches(task, task.max_length)


def _comparable(
    batch: Features, one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[tuple[Any, Any]]:
    """Pairs of probabilities of the same thing: of words, pieces, spans.

    A span that only one of the two has found is left to the self-test: its probability
    may lie at a threshold.
    """
    unit = LABELED_POSITIONS if LABELED_POSITIONS.name in batch else ATTENTION_MASK
    real = batch[unit.name] > 0
    for name in one:
        if name.endswith("probs") and one[name].ndim > 1:
            yield one[name][real], other[name][real]
    if SPANS in one:
        scores = [
            dict(zip(map(tuple, found[SPANS]), found["scores"], strict=True))
            for found in (one, other)
        ]
        for span in scores[0].keys() & scores[1].keys():
            yield scores[0][span], scores[1][span]


def _largest(difference: Any) -> float:
    return float(np.abs(difference).max(initial=0))


def _latency(predictor: Predictor, selftest: SelfTest) -> float:
    """Milliseconds that the text of median length takes by itself."""
    by_length = sorted(selftest.texts, key=len)
    text = by_length[len(by_length) // 2]
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        predictor.predict([text])
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
