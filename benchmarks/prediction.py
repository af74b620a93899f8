"""Sentences predicted per second, and whether memory grows with the file.

Repeats a corpus to files of two sizes, predicts each with `tfner predict` in a process
of its own, and writes rate and peak memory. 100,000 sentences with MiniLM take five
minutes on two cores:

    python benchmarks/prediction.py MODEL CORPUS --sentences 10000 100000 \
        --output prediction.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from environment import describe

from tfner.corpus import read_corpus


def main() -> None:
    """Measure and write."""
    args = arguments()
    texts = [document.text for document in read_corpus(str(args.corpus))]
    with tempfile.TemporaryDirectory() as folder:
        runs = [predict(args.model, texts, n, Path(folder)) for n in args.sentences]
    record = {"corpus": args.corpus.name, "runs": runs, **describe()}
    text = json.dumps(record, indent=2) + "\n"
    sys.stdout.write(text)
    args.output.write_text(text, encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sentences", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def predict(model: str, texts: list[str], count: int, folder: Path) -> dict[str, Any]:
    """One run of `tfner predict` over `count` lines."""
    source, target = folder / f"{count}.txt", folder / f"{count}.jsonl"
    lines = islice(cycle(texts), count)
    source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "tfner.cli.main", "predict", model, str(source)]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--output", str(target)])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    with target.open(encoding="utf-8") as file:
        written = sum(1 for _ in file)
    return {
        "sentences": written,
        "seconds": round(seconds, 1),
        "sentences_per_second": round(written / seconds, 1),
        "peak_memory_mb": round(usage.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
