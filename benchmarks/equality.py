"""Whether runs that should be equal are: replicas, workers, parts of a batch, kills.

Trains a small encoder with random weights on the first sentences of a corpus, without
dropout and with clipping, and compares losses step by step and final weights with those
of an undisturbed run on one device. Kills come at random moments, seeded. Ten minutes
on two cores:

    python benchmarks/equality.py VOCABULARY CORPUS --limit 2000 --output equality.json

Also trains with and without moving averages of the weights (`--ema`), with dropout, to
compare their F1 on dev.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from environment import describe

from tfner.config.train import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
RUN = """
import json, logging, sys
from pathlib import Path
import tensorflow as tf
if int(sys.argv[3]) > 1:
    device = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[3])
    tf.config.set_logical_device_configuration(device, parts)
from tfner.config.train import TrainConfig, read_settings
from tfner.finetuning import run
from tfner.finetuning.callbacks import StopAtNaN
from tfner.finetuning.train import train

class Recorder(StopAtNaN):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        with open(sys.argv[2], "a") as file:
            file.write(json.dumps([self.epoch, batch + 1, float(logs["loss"])]) + "\\n")

run.StopAtNaN = Recorder
settings = read_settings(Path(sys.argv[1]), [], {})
logging.basicConfig(level="INFO", format="%(message)s")
train(TrainConfig(**settings))
"""


def main() -> None:
    """Measure and write."""
    args = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder = make_encoder(args.vocabulary, folder / "encoder")
        base = settings(args, encoder, folder)
        whole = train(base, folder / "whole")
        record: dict[str, Any] = {
            "corpus": args.corpus.name,
            "limit": args.limit,
            "epochs": args.epochs,
            "mirrored": against(
                whole,
                train(base | {"strategy": "mirrored"}, folder / "mirrored", devices=2),
            ),
            "two_workers": against(whole, two_workers(base, folder)),
            "accumulate_4": against(
                whole, train(base | {"accumulate": 4}, folder / "accumulate")
            ),
            "kills": kills(base, folder / "killed", whole, args.kills, args.seed),
            "ema": {
                str(ema): dev_f1(
                    train(
                        base | {"ema": ema, **dict.fromkeys(DROPOUTS, 0.1)},
                        folder / f"ema-{ema}",
                    )
                )
                for ema in (0.0, 0.99)
            },
            **describe(),
        }
    args.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record, indent=2) + "\n")


DROPOUTS = ("dropout", "hidden_dropout", "attention_dropout")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def make_encoder(vocabulary: Path, folder: Path) -> Path:
    """A small BERT with random weights."""
    import keras

    from tfner.checkpoints.huggingface import save_encoder
    from tfner.models.encoders.bert import Encoder
    from tfner.tokenization import load_tokenizer

    keras.utils.set_random_seed(0)
    tokenizer = load_tokenizer(vocabulary)
    encoder = Encoder(
        vocab_size=tokenizer.vocab_size,
        hidden_size=64,
        num_layers=2,
        num_heads=2,
        intermediate_size=128,
        max_positions=128,
    )
    encoder.build()
    save_encoder(encoder, folder)
    tokenizer.save(folder)
    return folder


def settings(args: argparse.Namespace, encoder: Path, folder: Path) -> dict[str, Any]:
    """Of the undisturbed run: no dropout, clipping on, an epsilon above rounding."""
    return {
        "train": str(args.corpus),
        "limit": args.limit,
        "encoder": str(encoder),
        "epochs": args.epochs,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "max_length": 64,
        "clip_norm": 0.5,
        "adam_epsilon": 1e-5,
        "jit_compile": False,
        **dict.fromkeys(DROPOUTS, 0.0),
    }


def start(
    given: dict[str, Any],
    output: Path,
    *,
    devices: int = 1,
    cluster: str | None = None,
    name: str = "",
) -> subprocess.Popen[bytes]:
    """A run in a process of its own; `output` becomes its model."""
    toml = output.with_name(f"{output.name}{name}.toml")
    toml.write_text(TrainConfig(**given, output=str(output)).to_toml(), "utf-8")
    losses = output.with_name(f"{output.name}{name}.losses")
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'export'}"
    if cluster:
        environment["TF_CONFIG"] = cluster
    with output.with_name(f"{output.name}{name}.log").open("ab") as log:
        command = [sys.executable, "-c", RUN, str(toml), str(losses), str(devices)]
        return subprocess.Popen(command, stderr=log, env=environment)


def train(given: dict[str, Any], output: Path, *, devices: int = 1) -> Path:
    """A run to its end."""
    if start(given, output, devices=devices).wait():
        raise SystemExit(output.with_name(f"{output.name}.log").read_text("utf-8"))
    return output


def two_workers(base: dict[str, Any], folder: Path) -> Path:
    """Two processes on this machine."""
    output, ports = folder / "workers", []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    members = [f"127.0.0.1:{port}" for port in ports]
    given = base | {"strategy": "multi-worker"}
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        cluster = json.dumps({"cluster": {"worker": members}, "task": task})
        name = f"-{index}" if index else ""
        processes.append(start(given, output, cluster=cluster, name=name))
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(output.with_name("workers.log").read_text("utf-8"))
    return output


def kills(
    base: dict[str, Any], output: Path, whole: Path, count: int, seed: int
) -> dict[str, Any]:
    """A run that is killed at random moments and resumed, against the whole one."""
    drawn = random.Random(seed)
    given = base | {"save_steps": 2, "resume": True}
    start_up = 0.0
    moments = []
    for _ in range(count):
        began = time.monotonic()
        process = start(given, output)
        losses = output.with_name(f"{output.name}.losses")
        seen = losses.stat().st_size if losses.exists() else 0
        while process.poll() is None:  # until it trains, so that kills meet training
            if losses.exists() and losses.stat().st_size > seen:
                break
            time.sleep(0.05)
        start_up = time.monotonic() - began
        time.sleep(drawn.uniform(0.0, 0.8))
        process.send_signal(signal.SIGKILL)
        moments.append(process.wait() == -signal.SIGKILL)
        if output.exists():  # it was faster than the kill
            break
    if not output.exists():
        train(given, output)
    found = against(whole, output, losses=False)
    return {"kills": sum(moments), "start_up_seconds": start_up, **found}


def weights_of(model: Path) -> list[Any]:
    """Every array of a bundle's weights, by name."""
    import h5py

    arrays: dict[str, Any] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(model / "model.weights.h5") as file:
        file.visititems(keep)
    return [arrays[name] for name in sorted(arrays)]


def against(whole: Path, other: Path, *, losses: bool = True) -> dict[str, Any]:
    """Largest differences of weights and of the running losses of every step."""
    pairs = zip(weights_of(whole), weights_of(other), strict=True)
    found: dict[str, Any] = {
        "largest_difference_of_weights": max(
            float(np.abs(a - b).max()) for a, b in pairs
        )
    }
    if losses:
        both = [
            [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            for path in (p.with_name(f"{p.name}.losses") for p in (whole, other))
        ]
        steps = list(zip(*both, strict=True))
        found["steps"] = len(steps)
        found["largest_difference_of_losses"] = max(abs(a[2] - b[2]) for a, b in steps)
    return found


def dev_f1(model: Path) -> float:
    """Of the best epoch."""
    metrics = json.loads((model / "metrics.json").read_text("utf-8"))
    return float(metrics["dev"]["f1"])


if __name__ == "__main__":
    main()
