"""Softmax, softmax with constrained decoding, and CRF: F1, broken sequences, times.

For every seed a softmax model and a CRF are trained; the softmax model is decoded by
argmax and by Viterbi, which needs no training of its own. The test file is scored after
the last epoch; no dev part is held out. Decoding is timed apart from the encoder: from
the probabilities of all windows to entities, the best of several passes.

    python -m benchmarks.accuracy.heads ENCODER TRAIN TEST --seeds 0 1 2 --epochs 3 \
        --output heads_mit_movie.json
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from typing import Any

from benchmarks import harness
from tfner import Document, Predictor, read_corpus, score
from tfner.schemes import invalid_positions

HEADS = {"softmax": ("argmax", "viterbi"), "crf": ("viterbi",)}
"""The decoders that each head is tried with."""
SPEEDS = ("train_sentences_per_second", "compile_seconds")
FIGURES = ("f1", "invalid_sequences", "decode_seconds", *SPEEDS)


def main() -> None:
    """Measure every seed."""
    parser = harness.parser(__doc__)
    harness.add_training(parser)
    parser.add_argument("--scheme", default="IOB2", help="tags that are learnt")
    parser.add_argument("--repeats", type=int, default=3, help="passes of the decoder")
    args = parser.parse_args()
    gold = list(read_corpus(args.test))
    record = {
        "train": args.train.name,
        "test": args.test.name,
        "test_sentences": len(gold),
        "settings": harness.values(args, *harness.TRAINING, "scheme"),
    }
    harness.seed_by_seed(args, record, lambda seed: run(args, seed, gold), summary)


def run(
    args: argparse.Namespace, seed: int, gold: list[Document]
) -> dict[str, dict[str, float]]:
    """Train a model of every head, and decode the test file in each of its ways."""
    figures = {}
    for head, decoders in HEADS.items():
        with tempfile.TemporaryDirectory() as folder:
            more = ("--head", head, "--scheme", args.scheme)
            report = harness.train_tagger(args, seed, f"{folder}/model", *more)
            speed = {name: report[name] for name in SPEEDS}
            for decoder in decoders:
                predictor = Predictor.load(report["bundle"], decode=decoder)
                figures[f"{head} {decoder}"] = (
                    decoded(predictor, gold, args.repeats) | speed
                )
    return figures


def decoded(
    predictor: Predictor, gold: list[Document], repeats: int
) -> dict[str, float]:
    """Return F1, sequences that break the scheme, and seconds of the decoder alone."""
    task: Any = predictor.task
    decode, work = task.decode, []

    def remember(*parts: Any) -> Document:
        work.append(parts)
        document: Document = decode(*parts)
        return document

    task.decode = remember
    predicted = predictor.predict(gold)
    scheme = task.label_set.scheme
    invalid = sum(bool(invalid_positions(d.tags or (), scheme)) for d in predicted)
    return {
        "f1": score(gold, predicted).f1,
        "invalid_sequences": invalid,
        "decode_seconds": min(
            harness.seconds_of(lambda: [decode(*parts) for parts in work])
            for _ in range(repeats)
        ),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average over the seeds, with the spread of F1."""
    means: dict[str, Any] = {}
    for name in (f"{head} {way}" for head, ways in HEADS.items() for way in ways):
        values = {figure: [run[name][figure] for run in runs] for figure in FIGURES}
        means[name] = {figure: statistics.fmean(values[figure]) for figure in FIGURES}
        means[name]["f1_sd"] = harness.sd(values["f1"])
    return means


if __name__ == "__main__":
    main()
