"""F1 and training speed beside another program, the two run in turn, seed by seed.

The peer is any script that takes ENCODER TRAIN TEST and the flags below, and prints one
JSON object per epoch with `train_seconds`, `train_sentences_per_second`, `f1`,
`f1_strict` and `filled_positions`. MIT Movie with MiniLM takes about ten minutes a seed
on two cores:

    python -m benchmarks.accuracy.training ENCODER TRAIN TEST --peer PEER.py \
        --seeds 0 1 2 --epochs 3 --output mit_movie.json

Both sides train on all sentences (no dev part), of the corpus's own words, and score
the test file after the last epoch. The rate of tfner includes the compilation of its
step.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import harness

RATE = "train_sentences_per_second"


def main() -> None:
    """Measure every seed."""
    parser = harness.parser(__doc__)
    harness.add_training(parser)
    parser.add_argument("--peer", type=Path, help="the other program's script")
    parser.add_argument("--precision", default="float32", help="of tfner")
    args = parser.parse_args()
    sides = {"tfner": run_tfner} | ({"peer": run_peer} if args.peer else {})
    record = {
        "train": args.train.name,
        "test": args.test.name,
        "settings": harness.values(args, *harness.TRAINING, "precision"),
    }
    harness.seed_by_seed(
        args,
        record,
        lambda seed: {name: run(args, seed) for name, run in sides.items()},
        summary,
    )


def run_tfner(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Train and score with tfner."""
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/model"
        report = harness.train_tagger(
            *(args, seed, output, "--test", args.test, "--words", "gold"),
            *("--precision", args.precision),
        )
    return {
        "f1": report["test"]["f1"],
        "f1_strict": report["test"]["conventions"]["strict"]["f1"],
        **{name: report[name] for name in (RATE, "compile_seconds")},
        "filled_positions": report["filled_positions"],
    }


def run_peer(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Train and score with the other program; its rate is that of all epochs."""
    command = [sys.executable, args.peer, args.encoder, args.train, args.test]
    lines = harness.output_of([*command, *harness.training_flags(args, seed)])
    epochs = [json.loads(line) for line in lines.splitlines()]
    sentences = sum(epoch["train_seconds"] * epoch[RATE] for epoch in epochs)
    last = epochs[-1]
    return {
        "f1": last["f1"],
        "f1_strict": last["f1_strict"],
        RATE: sentences / sum(epoch["train_seconds"] for epoch in epochs),
        "filled_positions": last["filled_positions"],
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average each side over its seeds; compare the rates where both ran."""
    pairs = [run for run in runs if "peer" in run]
    means: dict[str, Any] = {
        side: {
            name: statistics.fmean(run[side][name] for run in having)
            for name in ("f1", "f1_strict", RATE)
        }
        for side, having in (("tfner", runs), ("peer", pairs))
        if having
    }
    if pairs:
        ratios = [run["tfner"][RATE] / run["peer"][RATE] for run in pairs]
        means |= {"speed_ratios": ratios, "speed_ratio": statistics.median(ratios)}
    return means


if __name__ == "__main__":
    main()
