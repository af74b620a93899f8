"""Gain of pretraining: a tagger from its encoder, and one from random weights.

Takes a run of `tfner pretrain` and the folder of a UD_Japanese-GSD release with named
entities (`train.bio`, `dev.bio`, `test.bio` and `raw/*.txt`). The same architecture is
trained on it from the pretrained weights and from those that pretraining began with,
drawn anew for every seed, with the same settings; dev selects the epoch, and the test
file is scored once a run. Six runs of ten epochs of a small encoder take about ten
minutes on two cores:

    python -m benchmarks.pretraining.gain RUN GSD --seeds 0 1 2 --epochs 10 \
        --output pretrained.json
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.accuracy.japanese import brief, convert, told
from tfner import PretrainConfig, load_tokenizer

SIDES = ("pretrained", "random")
SIZES = (
    *("objective", "embedding_size", "hidden_size", "num_layers", "num_heads"),
    *("intermediate_size", "generator_size", "initializer_range", "hidden_dropout"),
    *("max_length", "mask_rate", "steps", "batch_size", "learning_rate"),
    *("warmup_ratio", "bias_correction", "discriminator_rate", "discriminator_weight"),
    *("sinusoidal_positions", "encoder", "seed"),
)
"""Settings of pretraining that go into the result."""
TRAINING = ("epochs", "batch_size", "learning_rate", "max_length")


def main() -> None:
    """Measure every seed."""
    args = arguments()
    record = {
        "corpus": args.name or args.gsd.name,
        "pretraining": pretraining(args.run),
        "settings": harness.values(args, *TRAINING, "dropout"),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        parts = convert(args.gsd, folder)
        harness.seed_by_seed(
            args,
            record,
            lambda seed: {
                side: trained(args, parts, folder, seed, side) for side in SIDES
            },
            summary,
        )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("gsd", type=Path)
    parser.add_argument("--name", help="of the release, for the result")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.1, help="in the encoder")
    return parser.parse_args()


def pretraining(run: Path) -> dict[str, Any]:
    """Return sizes, settings and last figures of a run, and its texts."""
    settings = settings_of(run)
    manifest = json.loads((Path(settings["data"]) / "dataset.json").read_text("utf-8"))
    with (run / "log.csv").open(encoding="utf-8", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    return {
        **{name: settings.get(name) for name in SIZES},
        "texts": [Path(source["path"]).name for source in manifest["inputs"]],
        "records": manifest["counts"]["records"],
        "vocabulary": manifest["special_ids"]["vocab_size"],
        "last": {name: float(value) for name, value in last.items()},
    }


def settings_of(run: Path) -> dict[str, Any]:
    """Read the settings of a run."""
    sections = tomllib.loads((run / "run.toml").read_text("utf-8")).values()
    return {name: value for section in sections for name, value in section.items()}


def trained(
    args: argparse.Namespace, parts: dict[str, Path], folder: Path, seed: int, side: str
) -> dict[str, Any]:
    """Train and score one side with one seed.

    Args:
        args: of the command line.
        parts: the corpus.
        folder: for encoder and model.
        seed: of the run.
        side: one of `SIDES`.
    """
    encoder = args.run / "encoder"
    if side == "random":
        encoder = untrained(args.run, folder / f"random-{seed}", seed)
    settings = harness.values(args, *TRAINING) | {
        "encoder": encoder,
        "output": folder / f"{side}-{seed}.model",
        "hidden_dropout": args.dropout,
        "attention_dropout": args.dropout,
        "seed": seed,
        "recipe": "published",
    }
    report = told("train", *harness.flags(parts | settings))
    return {"dev_f1": report["dev"]["f1"], **brief(report["test"])}


def untrained(run: Path, folder: Path, seed: int) -> Path:
    """Write the encoder as its run drew it before its first step, and its tokenizer."""
    from tfner.checkpoints.huggingface import save_encoder
    from tfner.pretraining.checkpoints import pieces_of
    from tfner.pretraining.dataset.manifest import read_manifest
    from tfner.pretraining.model import make_model

    config = PretrainConfig(**settings_of(run) | {"seed": seed})
    pieces = pieces_of(read_manifest(Path(config.records.data)))
    save_encoder(make_model(config, **pieces).encoder, folder)
    load_tokenizer(run / "encoder").save(folder)
    return folder


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation of either side's test F1, and the gain."""
    scores = {side: [run[side]["f1"] for run in runs] for side in SIDES}
    means: dict[str, Any] = {
        side: {"mean": statistics.fmean(values), "sd": harness.sd(values)}
        for side, values in scores.items()
    }
    gain = means["pretrained"]["mean"] - means["random"]["mean"]
    return {**means, "gain": gain}


if __name__ == "__main__":
    main()
