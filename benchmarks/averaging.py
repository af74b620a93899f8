"""A tagger with and without moving averages of its weights: F1 of the test file.

Both train on all sentences (no dev part), seed by seed, and score the test file after
the last epoch:

    python benchmarks/averaging.py ENCODER TRAIN TEST --seeds 0 --epochs 3 \
        --batch-size 32 --learning-rate 1e-4 --output averaging.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from typing import Any

from environment import describe
from training import add_shared, output_of, shared_flags


def main() -> None:
    """Measure and write."""
    args = arguments()
    names = ("epochs", "batch_size", "learning_rate", "max_length", "limit", "ema")
    record: dict[str, Any] = {
        "train": args.train.name,
        "test": args.test.name,
        "settings": {name: getattr(args, name) for name in names},
        "runs": [
            {"seed": seed}
            | {name: f1(args, seed, ema) for name, ema in sides(args.ema).items()}
            for seed in args.seeds
        ],
        **describe(),
    }
    text = json.dumps(record, indent=2) + "\n"
    args.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shared(parser)
    parser.add_argument("--ema", type=float, default=0.99)
    return parser.parse_args()


def sides(ema: float) -> dict[str, list[str]]:
    """Flags of either side."""
    return {"last": [], "averaged": ["--ema", str(ema)]}


def f1(args: argparse.Namespace, seed: int, flags: list[str]) -> float:
    """Test F1 of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "tfner.cli.main", "train", "--json"),
            *("--train", str(args.train), "--test", str(args.test)),
            *("--encoder", args.encoder, "--dev-fraction", "0"),
            *("--output", f"{folder}/model", *flags, *shared_flags(args, seed)),
        ]
        report = json.loads(output_of(command))
    found: float = report["test"]["f1"]
    return found


if __name__ == "__main__":
    main()
