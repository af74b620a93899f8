"""Training speed and F1 beside another program, the two run in turn, seed by seed.

The peer is any script that takes ENCODER TRAIN TEST and the flags below, and prints one
JSON object per epoch with `train_seconds`, `train_sentences_per_second`, `f1`,
`f1_strict` and `filled_positions`. MIT Movie with MiniLM takes about ten minutes a seed
on two cores:

    python benchmarks/training.py ENCODER TRAIN TEST --peer PEER.py --seeds 0 1 2 \
        --epochs 3 --batch-size 32 --learning-rate 1e-4 --output mit_movie.json

Every side trains on all sentences (no dev part) and scores the test file after its last
epoch. tfner's rate includes the compilation of its train step.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from environment import describe


def main() -> None:
    """Measure and write, after every seed."""
    args = arguments()
    record: dict[str, Any] = {
        "train": args.train.name,
        "test": args.test.name,
        "settings": {
            "epochs": args.epochs,
            "batch_size": args.batch_size,
            "learning_rate": args.learning_rate,
            "max_length": args.max_length,
            "limit": args.limit,
        },
        "runs": [],
        **describe(),
    }
    for seed in args.seeds:
        run = {"seed": seed, "tfner": run_tfner(args, seed)}
        if args.peer:
            run["peer"] = run_peer(args, seed)
        record["runs"].append(run)
        record["summary"] = summary(record["runs"])
        args.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record["summary"], indent=2) + "\n")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shared(parser)
    parser.add_argument("--peer", type=Path, help="the other program's script")
    return parser.parse_args()


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Arguments of every benchmark that trains taggers seed by seed."""
    parser.add_argument("encoder")
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--limit", type=int, help="training sentences; all by default")
    parser.add_argument("--output", type=Path, required=True)


def shared_flags(args: argparse.Namespace, seed: int) -> list[str]:
    """Flags that both programs take."""
    names = ("epochs", "batch_size", "learning_rate", "max_length", "limit")
    flags = ["--seed", str(seed)]
    for name in names:
        value = getattr(args, name)
        if value is not None:
            flags += [f"--{name.replace('_', '-')}", str(value)]
    return flags


def run_tfner(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """`tfner train` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "tfner.cli.main", "train", "--json"),
            *("--train", str(args.train), "--test", str(args.test)),
            *("--encoder", args.encoder, "--output", f"{folder}/model"),
            *("--dev-fraction", "0"),
            *shared_flags(args, seed),
        ]
        report = json.loads(output_of(command))
    conventions = report["test"]["conventions"]
    return {
        "f1": report["test"]["f1"],
        "f1_strict": conventions["strict"]["f1"],
        "train_sentences_per_second": report["train_sentences_per_second"],
        "compile_seconds": report["compile_seconds"],
        "filled_positions": report["filled_positions"],
    }


def run_peer(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """The other program; its rate is that of all epochs together."""
    files = [args.encoder, str(args.train), str(args.test)]
    command = [sys.executable, str(args.peer), *files, *shared_flags(args, seed)]
    epochs = [json.loads(line) for line in output_of(command).splitlines()]
    sentences = sum(
        e["train_seconds"] * e["train_sentences_per_second"] for e in epochs
    )
    last = epochs[-1]
    return {
        "f1": last["f1"],
        "f1_strict": last["f1_strict"],
        "train_sentences_per_second": sentences
        / sum(e["train_seconds"] for e in epochs),
        "filled_positions": last["filled_positions"],
    }


def output_of(command: list[str]) -> str:
    """Standard output of a command; its errors go to ours."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over each side's seeds, and the ratio of the rates where both ran."""
    rate = "train_sentences_per_second"
    pairs = [run for run in runs if "peer" in run]
    found: dict[str, Any] = {
        side: {
            name: statistics.fmean(run[side][name] for run in having)
            for name in ("f1", "f1_strict", rate)
        }
        for side, having in (("tfner", runs), ("peer", pairs))
        if having
    }
    if pairs:
        ratios = [run["tfner"][rate] / run["peer"][rate] for run in pairs]
        found["speed_ratios"] = ratios
        found["speed_ratio"] = statistics.median(ratios)
    return found


if __name__ == "__main__":
    main()
