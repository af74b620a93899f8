"""Sentences that `tfner predict` reads per second, and its memory as files grow.

Repeats a corpus to files of two sizes, predicts each with `tfner predict` in a process
of its own, and writes rate and peak memory. 100,000 sentences with MiniLM take five
minutes on two cores:

    python -m benchmarks.speed.prediction MODEL CORPUS --sentences 10000 100000 \
        --output prediction.json
"""

from __future__ import annotations

import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import read_corpus


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sentences", type=int, nargs="+", default=[10_000, 100_000])
    args = parser.parse_args()
    texts = [document.text for document in read_corpus(args.corpus)]
    with tempfile.TemporaryDirectory() as folder:
        runs = [predict(args.model, texts, n, Path(folder)) for n in args.sentences]
    record = {"corpus": args.corpus.name, "runs": runs}
    harness.write(record, args.output)
    harness.show(record)


def predict(model: str, texts: list[str], count: int, folder: Path) -> dict[str, Any]:
    """Run `tfner predict` over `count` lines."""
    source, target = folder / f"{count}.txt", folder / f"{count}.jsonl"
    lines = islice(cycle(texts), count)
    source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "tfner.cli.main", "predict", model, source]
    _, seconds, memory = harness.measured([*command, "--output", target])
    with target.open(encoding="utf-8") as file:
        written = sum(1 for _ in file)
    return {
        "sentences": written,
        "seconds": round(seconds, 1),
        "sentences_per_second": round(written / seconds, 1),
        "peak_memory_mb": memory,
    }


if __name__ == "__main__":
    main()
