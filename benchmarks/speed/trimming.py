"""Time that exports save by computing no further than the longest row of a batch.

Exports a bundle with and without trimming, runs both SavedModels by turns over a
corpus, one window a row in the order of the file, as TensorFlow Serving loads and runs
them, and writes the times as JSON:

    python -m benchmarks.speed.trimming BUNDLE CORPUS --limit 256 \
        --before EXPORT_DIR/chunk/VERSION --output trimming.json

With --before an export of the same model by an earlier version takes its turns, too,
which tells whether exports have become slower. Takes three minutes on an idle core.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from tfner import Bundle, read_corpus
from tfner.data.features import to_wire
from tfner.data.packing import assemble
from tfner_export import export_saved_model
from tfner_export.saved_model.session import served_graph
from tfner_export.saved_model.signatures import SERVING

Run = Callable[[Any], Any]
BEFORE = "before"


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--before", type=Path, help="SavedModel of an earlier version")
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
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_graphs:
        places = {
            name: exported(bundle, Path(folder) / name, args.max_length)
            for name in ("trimmed", "untrimmed")
        }
        places |= {BEFORE: args.before} if args.before else {}
        ways = {
            name: open_graphs.enter_context(served_graph(place)).run
            for name, place in places.items()
        }
        calls = {name: partial(run, SERVING) for name, run in ways.items()}
        differences = compared(calls, batches)
        passes = {name: partial(pass_of, run, batches) for name, run in calls.items()}
        times = harness.in_turn(passes, args.repeats)
    seconds, processor = (
        {name: [each[clock] for each in found] for name, found in times.items()}
        for clock in (0, 1)
    )
    medians = harness.medians(processor)
    record = {
        "corpus": args.corpus.name,
        "rows": len(windows),
        "mean_pieces": statistics.mean(len(window) for window in windows),
        **harness.values(args, "max_length", "batch_size", "repeats"),
        "seconds": seconds,
        "processor_seconds": processor,
        "median_processor_seconds": medians,
        "ratio": medians["untrimmed"] / medians["trimmed"],
        "times_as_fast_as_before": (
            medians[BEFORE] / medians["trimmed"] if args.before else None
        ),
        "max_abs_difference": differences["untrimmed"],
        "max_abs_difference_from_before": differences.get(BEFORE),
    }
    harness.write(record, args.output)
    harness.show(record)


def exported(bundle: Bundle, folder: Path, max_length: int) -> Path:
    """Export into a folder, whose name says in which way; returns the SavedModel."""
    result = export_saved_model(
        bundle, folder, max_length=max_length, trimmed=folder.name == "trimmed"
    )
    return result.saved_model


def features(bundle: Bundle, windows: list[Any], max_length: int) -> dict[str, Any]:
    """Return a batch as a client sends it: one window a row, rows of full length."""
    batch = assemble(
        windows,
        [[number] for number in range(len(windows))],
        shape=(len(windows), max_length),
        pad_id=bundle.task.tokenizer.pad_id,
    )
    return to_wire(batch.features)


def compared(runs: Mapping[str, Run], batches: list[Any]) -> dict[str, float]:
    """Return the largest differences of probabilities from the first way's.

    Of the first batch, which also warms all up.
    """
    first, *others = (probabilities(run(batches[0])) for run in runs.values())
    names = list(runs)[1:]
    return {
        name: float(np.abs(first - other).max())
        for name, other in zip(names, others, strict=True)
    }


def probabilities(outputs: dict[str, Any]) -> Any:
    """Return the probabilities among the outputs of a tagger."""
    (found,) = (values for name, values in outputs.items() if name.endswith("_probs"))
    return found


def pass_of(run: Run, batches: list[Any]) -> tuple[float, float]:
    """Return the seconds of one pass over the corpus, and those of the processor."""
    start, processor = time.perf_counter(), time.process_time()
    for batch in batches:
        run(batch)
    return (
        round(time.perf_counter() - start, 3),
        round(time.process_time() - processor, 3),
    )


if __name__ == "__main__":
    main()
