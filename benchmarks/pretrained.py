"""What pretraining is worth: a tagger from its encoder, and one from random weights.

Takes a run of `tfner pretrain` and the folder of a UD_Japanese-GSD release with named
entities (`train.bio`, `dev.bio`, `test.bio` and `raw/*.txt`). The same architecture is
trained on it from the pretrained weights and from those that pretraining began with,
drawn anew for every seed, with the same settings; dev selects the epoch, and the test
file is scored once a run. Six runs of ten epochs of a small encoder take about ten
minutes on two cores:

    python benchmarks/pretrained.py RUN GSD --seeds 0 1 2 --epochs 10 \
        --output pretrained.json
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from environment import describe
from japanese import PARTS, brief, files, tfner

SIDES = ("pretrained", "random")
SIZES = (
    *("objective", "embedding_size", "hidden_size", "num_layers", "num_heads"),
    *("intermediate_size", "generator_size", "initializer_range", "hidden_dropout"),
    *("max_length", "mask_rate", "steps", "batch_size", "learning_rate", "warmup"),
    *("bias_correction", "discriminator_rate", "discriminator_weight"),
    *("sinusoidal_positions", "encoder", "seed"),
)
"""Settings of pretraining that go into the result."""


def main() -> None:
    """Measure and write, after every seed."""
    args = arguments()
    settings = ("epochs", "batch_size", "learning_rate", "max_length", "dropout")
    record: dict[str, Any] = {
        "corpus": args.name or args.gsd.name,
        "pretraining": pretraining(args.run),
        "settings": {name: getattr(args, name) for name in settings},
        "runs": [],
        **describe(),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in PARTS:
            columns, raw = files(args.gsd, part)
            target = folder / f"{part}.jsonl"
            tfner("corpus", "convert", columns, target, "--raw-text", raw)
        for seed in args.seeds:
            run: dict[str, Any] = {"seed": seed}
            for side in SIDES:
                run[side] = trained(args, folder, seed, side)
            record["runs"].append(run)
            record["summary"] = summary(record["runs"])
            text = json.dumps(record, indent=2) + "\n"
            args.output.write_text(text, encoding="utf-8")
    sys.stdout.write(json.dumps(record["summary"], indent=2) + "\n")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("gsd", type=Path)
    parser.add_argument("--name", help="of the release, for the result")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.1, help="in the encoder")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def pretraining(run: Path) -> dict[str, Any]:
    """Sizes, settings and last figures of the run, and what it was trained on."""
    config = config_of(run)
    manifest = json.loads((Path(config.data) / "dataset.json").read_text("utf-8"))
    with (run / "log.csv").open(encoding="utf-8", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    return {
        **{name: getattr(config, name) for name in SIZES},
        "texts": [Path(source["path"]).name for source in manifest["inputs"]],
        "records": manifest["counts"]["records"],
        "vocabulary": manifest["special_ids"]["vocab_size"],
        "last": {name: float(value) for name, value in last.items()},
    }


def config_of(run: Path, **changes: Any) -> Any:
    """The settings of a run."""
    from tfner.config.pretrain import PretrainConfig, read_pretrain_settings

    return PretrainConfig(**read_pretrain_settings(run / "run.toml", [], changes))


def trained(
    args: argparse.Namespace, folder: Path, seed: int, side: str
) -> dict[str, Any]:
    """Scores of one run."""
    encoder = args.run / "encoder"
    if side == "random":
        encoder = unlearnt(args.run, folder / f"random-{seed}", seed)
    flags = [part for name in PARTS for part in (f"--{name}", folder / f"{name}.jsonl")]
    flags += ["--encoder", encoder, "--output", folder / f"{side}-{seed}.model"]
    for name in ("epochs", "batch_size", "learning_rate", "max_length"):
        flags += [f"--{name.replace('_', '-')}", getattr(args, name)]
    flags += ["--hidden-dropout", args.dropout, "--attention-dropout", args.dropout]
    report = json.loads(tfner("train", *flags, "--seed", seed, "--json"))
    return {"dev_f1": report["dev"]["f1"], **brief(report["test"])}


def unlearnt(run: Path, folder: Path, seed: int) -> Path:
    """The encoder as its run drew it before the first step, its tokenizer beside it."""
    from tfner.checkpoints.huggingface import save_encoder
    from tfner.pretraining.checkpoints import pieces_of
    from tfner.pretraining.dataset.records import read_manifest
    from tfner.pretraining.model import make_model
    from tfner.tokenization import load_tokenizer

    config = config_of(run, seed=seed)
    pieces = pieces_of(read_manifest(Path(config.data)))
    save_encoder(make_model(config, **pieces).encoder, folder)
    load_tokenizer(run / "encoder").save(folder)
    return folder


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of the test F1 of either side, and the gain."""
    found: dict[str, Any] = {}
    for side in SIDES:
        scores = [run[side]["f1"] for run in runs]
        sd = statistics.stdev(scores) if len(scores) > 1 else 0.0
        found[side] = {"mean": statistics.fmean(scores), "sd": sd}
    gain = found["pretrained"]["mean"] - found["random"]["mean"]
    return {**found, "gain": gain}


if __name__ == "__main__":
    main()
