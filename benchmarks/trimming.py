"""What it saves to compute no further than the longest row of a batch.

Exports a bundle with and without trimming, runs both SavedModels by turns over a
corpus, one window a row in the order of the file, and writes the times as JSON:

    python benchmarks/trimming.py BUNDLE CORPUS --limit 256 --output trimming.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
from environment import describe

from tfner.corpus import read_corpus
from tfner.data.packing import assemble
from tfner.inference.bundle import Bundle
from tfner.inference.runners import SavedModelRunner
from tfner_export import export_saved_model


def main() -> None:
    """Measure and write."""
    args = arguments()
    bundle = Bundle.load(args.bundle)
    documents = islice(read_corpus(args.corpus), args.limit)
    windows = [w for document in documents for w in bundle.task.encode(document)]
    pieces = [len(window) for window in windows]
    batches = [
        features(bundle, windows[start : start + args.batch_size], args.max_length)
        for start in range(0, len(windows), args.batch_size)
    ]
    with tempfile.TemporaryDirectory() as folder:
        runners = {
            name: runner(bundle, Path(folder) / name, args.max_length)
            for name in ("trimmed", "untrimmed")
        }
        difference = compared(runners, batches)
        seconds = measured(runners, batches, args.repeats)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    record = {
        "corpus": args.corpus.name,
        "rows": len(windows),
        "mean_pieces": statistics.mean(pieces),
        "max_length": args.max_length,
        "batch_size": args.batch_size,
        "repeats": args.repeats,
        "seconds": seconds,
        "median_seconds": medians,
        "ratio": medians["untrimmed"] / medians["trimmed"],
        "max_abs_difference": difference,
        **describe(),
    }
    text = json.dumps(record, indent=2) + "\n"
    sys.stdout.write(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, help="sentences; all by default")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def runner(bundle: Bundle, folder: Path, max_length: int) -> SavedModelRunner:
    """One of the two exports, loaded; the folder's name says which."""
    exported = export_saved_model(
        bundle, folder, max_length=max_length, trimmed=folder.name == "trimmed"
    )
    return SavedModelRunner(exported.saved_model, packs=False)


def features(bundle: Bundle, windows: list[Any], max_length: int) -> dict[str, Any]:
    """A batch as a client sends it: one window a row, rows of full length."""
    return assemble(
        windows,
        [[number] for number in range(len(windows))],
        shape=(len(windows), max_length),
        pad_id=bundle.task.tokenizer.pad_id,
    ).features


def compared(runners: dict[str, SavedModelRunner], batches: list[Any]) -> float:
    """The largest difference on the first batch, which also warms both up."""
    first, second = (run(batches[0])["probs"] for run in runners.values())
    return float(np.abs(first - second).max())


def measured(
    runners: dict[str, SavedModelRunner], batches: list[Any], repeats: int
) -> dict[str, list[float]]:
    """Seconds of every pass over the corpus, the two by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(repeats):
        for name, run in runners.items():
            start = time.perf_counter()
            for batch in batches:
                run(batch)
            seconds[name].append(round(time.perf_counter() - start, 3))
    return seconds


if __name__ == "__main__":
    main()
