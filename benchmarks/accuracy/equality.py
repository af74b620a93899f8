"""Equality of runs on one device, replicas, workers, parts of a batch, and after kills.

Trains a small encoder with random weights on the first sentences of a corpus, without
dropout and with clipping, and compares losses step by step and final weights with those
of an undisturbed run on one device. Kills come at random moments, seeded. Ten minutes
on two cores:

    python -m benchmarks.accuracy.equality VOCABULARY CORPUS --limit 2000 \
        --output equality.json
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

from benchmarks import harness

RUN = """
import json, sys
import keras
import tensorflow as tf
from tfner.cli.main import main

losses, devices = sys.argv[1], int(sys.argv[2])
if devices > 1:
    device = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(device, parts)

class Recorder(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        with open(losses, "a") as file:
            file.write(json.dumps([self.epoch, batch + 1, float(logs["loss"])]) + "\\n")

fit = keras.Model.fit
def recorded(self, *args, callbacks=(), **settings):
    return fit(self, *args, callbacks=[*callbacks, Recorder()], **settings)

keras.Model.fit = recorded
sys.argv = ["tfner", "train", *sys.argv[3:]]
main()
"""
"""`tfner train` that also writes the running loss of every step."""
Settings = dict[str, Any]


def main() -> None:
    """Measure and write."""
    args = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = settings(args, folder)
        whole = train(base, folder / "whole")
        mirrored = train(
            base | {"strategy": "mirrored"}, folder / "mirrored", devices=2
        )
        parts = train(base | {"accumulate": 4}, folder / "accumulate")
        record = {
            "corpus": args.corpus.name,
            **harness.values(args, "limit", "epochs"),
            "mirrored": against(whole, mirrored),
            "two_workers": against(whole, two_workers(base, folder)),
            "accumulate_4": against(whole, parts),
            "kills": kills(base, folder / "killed", whole, args.kills, args.seed),
        }
    harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    return parser.parse_args()


def settings(args: argparse.Namespace, folder: Path) -> Settings:
    """Return those of an undisturbed run: no dropout, an epsilon above rounding."""
    sizes = {
        "hidden_size": 64,
        "num_layers": 2,
        "num_heads": 2,
        "intermediate_size": 128,
        "max_positions": 128,
    }
    encoder = harness.save_random_encoder(args.vocabulary, folder / "encoder", **sizes)
    return {
        "train": args.corpus,
        "limit": args.limit,
        "encoder": encoder,
        "recipe": "published",
        "epochs": args.epochs,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "max_length": 64,
        "clip_norm": 0.5,
        "adam_epsilon": 1e-5,
        "jit_compile": False,
        **dict.fromkeys(("dropout", "hidden_dropout", "attention_dropout"), 0.0),
    }


def start(
    given: Settings,
    output: Path,
    *,
    devices: int = 1,
    cluster: str | None = None,
    name: str = "",
) -> subprocess.Popen[bytes]:
    """Begin a run in a process of its own.

    Args:
        given: settings of `tfner train`.
        output: becomes its model.
        devices: parts of the processor that count as devices.
        cluster: `TF_CONFIG` of a worker.
        name: of the worker, in the names of its files.
    """
    losses = output.with_name(f"{output.name}{name}.losses")
    words = harness.flags({**given, "output": output})
    environment = os.environ | ({"TF_CONFIG": cluster} if cluster else {})
    with output.with_name(f"{output.name}{name}.log").open("ab") as log:
        command = [sys.executable, "-c", RUN, str(losses), str(devices), *words]
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def train(given: Settings, output: Path, *, devices: int = 1) -> Path:
    """Run to the end."""
    if start(given, output, devices=devices).wait():
        raise SystemExit(output.with_name(f"{output.name}.log").read_text("utf-8"))
    return output


def two_workers(base: Settings, folder: Path) -> Path:
    """Train with two processes on this machine."""
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
    base: Settings, output: Path, whole: Path, count: int, seed: int
) -> dict[str, Any]:
    """Kill a run at random moments, resume it, and compare it with the whole one.

    Args:
        base: settings of the run.
        output: becomes its model.
        whole: the model of the undisturbed run.
        count: kills.
        seed: of their moments.
    """
    drawn = random.Random(seed)
    given = base | {"save_every": 2, "resume": True}
    start_up = 0.0
    killed = []
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
        killed.append(process.wait() == -signal.SIGKILL)
        if output.exists():  # it was faster than the kill
            break
    if not output.exists():
        train(given, output)
    difference = against(whole, output, losses=False)
    return {"kills": sum(killed), "start_up_seconds": start_up, **difference}


def weights_of(model: Path) -> list[Any]:
    """Return every array of a bundle's weights, by name."""
    import h5py

    arrays: dict[str, Any] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(model / "model.weights.h5") as file:
        file.visititems(keep)
    return [arrays[name] for name in sorted(arrays)]


def against(whole: Path, other: Path, *, losses: bool = True) -> dict[str, Any]:
    """Return the largest differences of weights and of the losses of all steps."""
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


if __name__ == "__main__":
    main()
