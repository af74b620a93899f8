"""Softmax, softmax with constrained decoding, and CRF: F1, invalid sequences, times.

For every seed a softmax model and a CRF are trained; the softmax model is decoded by
argmax and by Viterbi, which needs no training of its own. The test file is scored after
the last epoch; no dev part is held out. Decoding is timed apart from the encoder: from
the probabilities of all windows to entities, the best of several passes.

    python benchmarks/heads.py ENCODER TRAIN TEST --seeds 0 1 2 --epochs 3 \
        --batch-size 32 --learning-rate 1e-4 --output heads_mit_movie.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from environment import describe
from training import add_shared, output_of, shared_flags

from tfner.corpus import read_corpus
from tfner.document import Document
from tfner.evaluation import score
from tfner.inference.batching import run_windows
from tfner.inference.predictor import Predictor
from tfner.schemes import invalid_positions
from tfner.tasks.context import encode_in_order

RUNS = {"softmax": ("argmax", "viterbi"), "crf": ("viterbi",)}
"""The decoders that each head is tried with."""
FIGURES = (
    "f1",
    "invalid_sequences",
    "train_sentences_per_second",
    "compile_seconds",
    "decode_seconds",
)


def main() -> None:
    """Measure and write, after every seed."""
    args = arguments()
    gold = list(read_corpus(args.test))
    record: dict[str, Any] = {
        "train": args.train.name,
        "test": args.test.name,
        "test_sentences": len(gold),
        "settings": {
            "epochs": args.epochs,
            "batch_size": args.batch_size,
            "learning_rate": args.learning_rate,
            "max_length": args.max_length,
            "limit": args.limit,
            "scheme": args.scheme,
        },
        "runs": [],
        **describe(),
    }
    for seed in args.seeds:
        run: dict[str, Any] = {"seed": seed}
        for head, decoders in RUNS.items():
            run |= measured(args, seed, head, decoders, gold)
        record["runs"].append(run)
        record["summary"] = summary(record["runs"])
        args.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record["summary"], indent=2) + "\n")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shared(parser)
    parser.add_argument("--scheme", default="IOB2", help="tags that are learnt")
    parser.add_argument("--repeats", type=int, default=3, help="passes of the decoder")
    return parser.parse_args()


def measured(
    args: argparse.Namespace,
    seed: int,
    head: str,
    decoders: tuple[str, ...],
    gold: list[Document],
) -> dict[str, dict[str, float]]:
    """Train one model, and decode the test file in every way asked for."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "tfner.cli.main", "train", "--json"),
            *("--train", str(args.train), "--encoder", args.encoder),
            *("--output", f"{folder}/model", "--dev-fraction", "0"),
            *("--head", head, "--scheme", args.scheme),
            *shared_flags(args, seed),
        ]
        report = json.loads(output_of(command))
        speed = {
            name: report[name]
            for name in ("train_sentences_per_second", "compile_seconds")
        }
        predictor = Predictor.load(report["bundle"])
    return {
        f"{head} {decoder}": decoded(predictor, decoder, gold, args.repeats) | speed
        for decoder in decoders
    }


def decoded(
    predictor: Predictor, decoder: str, gold: list[Document], repeats: int
) -> dict[str, float]:
    """F1, sequences that break the scheme, and seconds of the decoder alone."""
    task = predictor.task
    task.decode_by(decoder)  # type: ignore[attr-defined]
    encoded = list(encode_in_order(task, gold))
    flat = [window for _, windows in encoded for window in windows]
    outputs = iter(run_windows(predictor.run, flat, pad_id=task.tokenizer.pad_id))
    work = [(d, windows, [next(outputs) for _ in windows]) for d, windows in encoded]
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = [task.decode(*parts) for parts in work]
        seconds.append(time.perf_counter() - start)
    scheme = task.label_set.scheme
    invalid = sum(bool(invalid_positions(d.tags or (), scheme)) for d in found)
    return {
        "f1": score(gold, found, resamples=0).f1,
        "invalid_sequences": invalid,
        "decode_seconds": min(seconds),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds, and the spread of F1."""
    found: dict[str, Any] = {}
    for name in runs[0]:
        if name == "seed":
            continue
        values = {f: [run[name][f] for run in runs] for f in FIGURES}
        found[name] = {f: statistics.fmean(values[f]) for f in FIGURES}
        found[name]["f1_sd"] = statistics.stdev(values["f1"]) if len(runs) > 1 else 0.0
    return found


if __name__ == "__main__":
    main()
