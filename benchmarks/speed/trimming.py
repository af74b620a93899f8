"""Time that exports save by computing no further than the longest row of a batch.

Exports a bundle with and without trimming, runs both SavedModels by turns over a
corpus, one window a row in the order of the file, and writes the times as JSON:

    python -m benchmarks.speed.trimming BUNDLE CORPUS --limit 256 \
        --output trimming.json
"""

from __future__ import annotations

import statistics
import tempfile
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from tfner import Bundle, read_corpus
from tfner.data.packing import assemble
from tfner.inference.runners import SavedModelRunner
from tfner_export import export_saved_model


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, help="sentences; all by default")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    bundle = Bundle.load(args.bundle)
    documents = islice(read_corpus(args.corpus), args.limit)
    windows = [
        w for document in documents for w in bundle.task.encode(document).windows
    ]
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
        ways = {name: partial(pass_of, run, batches) for name, run in runners.items()}
        seconds = harness.in_turn(ways, args.repeats)
    medians = harness.medians(seconds)
    record = {
        "corpus": args.corpus.name,
        "rows": len(windows),
        "mean_pieces": statistics.mean(len(window) for window in windows),
        **harness.values(args, "max_length", "batch_size", "repeats"),
        "seconds": seconds,
        "median_seconds": medians,
        "ratio": medians["untrimmed"] / medians["trimmed"],
        "max_abs_difference": difference,
    }
    harness.write(record, args.output)
    harness.show(record)


def runner(bundle: Bundle, folder: Path, max_length: int) -> SavedModelRunner:
    """Export into a folder, whose name says in which way, and load the export."""
    exported = export_saved_model(
        bundle, folder, max_length=max_length, trimmed=folder.name == "trimmed"
    )
    return SavedModelRunner(exported.saved_model, packs=False)


def features(bundle: Bundle, windows: list[Any], max_length: int) -> dict[str, Any]:
    """Return a batch as a client sends it: one window a row, rows of full length."""
    return assemble(
        windows,
        [[number] for number in range(len(windows))],
        shape=(len(windows), max_length),
        pad_id=bundle.task.tokenizer.pad_id,
    ).features


def compared(runners: dict[str, SavedModelRunner], batches: list[Any]) -> float:
    """Return the largest difference on the first batch, which also warms both up."""
    first, second = (run(batches[0])["probs"] for run in runners.values())
    return float(np.abs(first - second).max())


def pass_of(run: SavedModelRunner, batches: list[Any]) -> float:
    """Return the seconds of one pass over the corpus."""
    return harness.seconds_of(lambda: [run(batch) for batch in batches])


if __name__ == "__main__":
    main()
