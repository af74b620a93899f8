"""F1 of a tagger with and without moving averages of its weights.

Both train on all sentences (no dev part), seed by seed, and score the test file after
the last epoch:

    python -m benchmarks.accuracy.averaging ENCODER TRAIN TEST --seeds 0 --epochs 3 \
        --output averaging.json
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from typing import Any

from benchmarks import harness

SIDES = ("last", "averaged")


def main() -> None:
    """Measure every seed."""
    parser = harness.parser(__doc__)
    harness.add_training(parser)
    parser.add_argument("--ema", type=float, default=0.99)
    args = parser.parse_args()
    record = {
        "train": args.train.name,
        "test": args.test.name,
        "settings": harness.values(args, *harness.TRAINING, "ema"),
    }
    harness.seed_by_seed(
        args,
        record,
        lambda seed: {side: f1(args, seed, side) for side in SIDES},
        summary,
    )


def f1(args: argparse.Namespace, seed: int, side: str) -> float:
    """Return the test F1 of one run."""
    more = ("--ema", args.ema) if side == "averaged" else ()
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/model"
        report = harness.train_tagger(args, seed, output, "--test", args.test, *more)
    return float(report["test"]["f1"])


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average each side over its seeds."""
    return {side: statistics.fmean(run[side] for run in runs) for side in SIDES}


if __name__ == "__main__":
    main()
