"""Requests a second that a core of `tfner serve` answers, by the length of the texts.

The texts are the corpus's, one after another, cut after so many words. The server has
one core to itself; the figure is of its processor seconds:

    python -m benchmarks.serving.sizing MODEL CORPUS --cores 0 --output sizing.json

Needs the extra `serve`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.serving.load import memory, served, warm_load
from tfner import read_corpus

MOST_TEXTS = 500


def main() -> None:
    """Measure every length and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--words", type=int, nargs="+", default=[10, 50, 200, 1000])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--cores", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    os.sched_setaffinity(0, args.cores)
    words = [w for document in read_corpus(args.corpus) for w in document.text.split()]
    record: dict[str, Any] = {
        "corpus": args.corpus.name,
        "settings": harness.values(args, "seconds", "clients", "cores"),
        "by_words": {},
    }
    serve = [sys.executable, "-m", "tfner.cli.main", "serve", f"model={args.model}"]
    for length in args.words:
        starts = range(0, min(len(words), MOST_TEXTS * length), length)
        texts = [" ".join(words[at : at + length]) for at in starts]
        with (
            tempfile.TemporaryDirectory() as folder,
            served([*serve, "--port", "0"], Path(folder) / "log") as server,
        ):
            row, spent = warm_load(*server, texts, args.clients, args.seconds)
            row["requests_per_core_second"] = round(row["requests"] / spent, 1)
            row["mib_peak"] = memory(server[0], "VmHWM")
        record["by_words"][str(length)] = row
        harness.write(record, args.output)
    harness.show(record)


if __name__ == "__main__":
    main()
