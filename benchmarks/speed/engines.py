"""Prediction by every engine beside transformers' pipeline and loops written by hand.

All contestants find entities in the same texts, one after the other in every round, in
one process: `pipeline(batch_size=32)`; PyTorch, KerasHub, and ONNX Runtime and OpenVINO
in several precisions, in a loop over batches of 32 sorted by length, on the Hugging
Face export of the model; tfner by each engine and precision that is installed, OpenVINO
in int8 as exported; and a pipeline of spaCy, which is another model. Then each finds
the entities of one short text. Processor seconds tell what it takes, whatever else the
machine does. The share of the peak divides the model's matrix products, padding not
counted, by those of large square matrices in float32, measured in the same run; fewer
digits may pass 1. spaCy's has no meaning. The texts are words between spaces. MIT
Movie's test part takes ten minutes on an idle core:

    python -m benchmarks.speed.spacy_peer engtrain.bio SPACY
    python -m benchmarks.speed.engines MODEL engtest.bio \
        --calibrate engtrain.bio --spacy SPACY/model-best --output engines.json
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.peers import Find, Peers
from tfner import Predictor, read_corpus, score
from tfner.document import Document
from tfner.errors import TfnerError
from tfner.storage.workers import available_cores

SINGLES = 30
ENGINES = {
    "float32": ("tensorflow", "xla", "openvino", "onnxruntime"),
    "bfloat16": ("openvino",),
    "int8": ("onnxruntime",),
}


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--calibrate", type=Path, help="texts for OpenVINO's int8")
    parser.add_argument("--spacy", type=Path, help="pipeline of spacy_peer.py")
    parser.add_argument("--sentences", type=int, help="texts; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names of contestants")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    gold = list(read_corpus(args.corpus))[: args.sentences]
    texts = [document.text for document in gold]
    short = sorted(texts, key=len)[len(texts) // 2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peers = Peers(args.model, folder, calibrate=args.calibrate, spacy=args.spacy)
        ways, left_out = contestants(args, peers, folder)
        scores = {
            name: round(100 * f1(gold, find(texts)), 2) for name, find in ways.items()
        }
        whole = measured(ways, texts, args.repeats)
        single = measured(ways, [short], SINGLES)
        work, peak = peers.operations(texts), harness.float32_peak()
    record = {
        "corpus": args.corpus.name,
        "sentences": len(texts),
        "cores": available_cores(),
        "repeats": args.repeats,
        "short": short,
        "peak_gflops": round(peak / 1e9, 1),
        "gflop": round(work / 1e9, 1),
        "left_out": left_out,
        "contestants": {
            name: {
                "f1": scores[name],
                **whole[name],
                **rates(whole[name]["processor_seconds"], len(texts), work / peak),
                "short_text_processor_ms": round(
                    1000 * single[name]["processor_seconds"], 2
                ),
                "short_text_ms": round(1000 * single[name]["seconds"], 2),
            }
            for name in ways
        },
    }
    harness.write(record, args.output)
    harness.show(record)


def rates(seconds: float, texts: int, least: float) -> dict[str, float]:
    """Return what a contestant does in a processor second.

    Args:
        seconds: of the processor, for all texts.
        texts: so many.
        least: seconds of the model's matrix products at the processor's peak.
    """
    return {
        "sentences_per_processor_second": round(texts / seconds, 1),
        "share_of_peak": round(least / seconds, 3),
    }


def f1(gold: Sequence[Document], found: Sequence[Document]) -> float:
    """Return the F1 of documents that bear no ids."""
    pairs = zip(gold, found, strict=True)
    return score(gold, [replace(other, id=own.id) for own, other in pairs]).f1


def measured(
    ways: Mapping[str, Find], texts: Sequence[str], repeats: int
) -> dict[str, dict[str, float]]:
    """Return the medians of seconds and processor seconds of every way."""

    def timed(find: Find) -> tuple[float, float]:
        start, processor = time.perf_counter(), time.process_time()
        find(texts)
        return time.perf_counter() - start, time.process_time() - processor

    calls = {name: lambda find=find: timed(find) for name, find in ways.items()}
    for call in calls.values():
        call()
    found = harness.in_turn(calls, repeats)
    medians = {}
    for name, times in found.items():
        seconds, processor = map(statistics.median, zip(*times, strict=True))
        medians[name] = {
            "seconds": round(seconds, 5),
            "processor_seconds": round(processor, 5),
        }
    return medians


def contestants(
    args: argparse.Namespace, peers: Peers, folder: Path
) -> tuple[dict[str, Find], dict[str, str]]:
    """Make all that are to be measured.

    Returns:
        What finds entities, and why others are left out, both by their names.
    """
    found, left_out = {}, {}
    for name, make in {**peers.ways(), **own_ways(args, folder)}.items():
        if args.only and name not in args.only:
            continue
        try:
            found[name] = make()
        except (ImportError, TfnerError) as error:
            left_out[name] = str(error)
    return found, left_out


def own_ways(args: argparse.Namespace, folder: Path) -> dict[str, Callable[[], Find]]:
    """Return what makes tfner's contestants, by name."""

    def load(model: str | Path, **settings: Any) -> Find:
        return Predictor.load(model, **settings).predict

    ways: dict[str, Callable[[], Find]] = {
        f"tfner, {engine}, {precision}": partial(
            load, args.model, engine=engine, precision=precision
        )
        for precision, engines in ENGINES.items()
        for engine in engines
    }
    if args.calibrate:
        ways["tfner, openvino, int8"] = lambda: load(export_openvino(args, folder))
    return ways


def export_openvino(args: argparse.Namespace, folder: Path) -> Path:
    """Export the model for OpenVINO in int8, calibrated with a corpus."""
    exported = folder / "openvino"
    flags = ("--format", "openvino", "--precision", "int8")
    harness.tfner("export", args.model, exported, *flags, "--calibrate", args.calibrate)
    return exported


if __name__ == "__main__":
    main()
