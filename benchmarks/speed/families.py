"""Encoders of every family: equality with transformers, and speed beside PyTorch.

    python -m benchmarks.speed.families --output families.json

Models have random weights (benchmarks/random_models.py). Three parts are measured:

- parity: of the smallest models, whose weights have a standard deviation of 0.3, the
  largest difference of a hidden state from transformers' PyTorch model on rows with
  padding and two segments, where the family has them; from rows that are packed into
  one, or stand alone at their own length; from what XLA compiles. Of a tagger, the
  largest difference of a probability after the export to a SavedModel.
- tiny, base: training steps (forward, backward, clipped AdamW: the step of `tfner
  train`) and sentences of prediction a second, of taggers of 2 layers 128 wide and of
  12 layers 768 wide with 30,000 pieces. PyTorch is transformers' tagger with a fused
  AdamW. Each side is a process of its own with an allocator that keeps what it has
  got; they take turns on the same rows. One thread each is the default: threads of
  PyTorch that wait for each other count as busy, and where anything else runs on the
  machine they wait long.

All takes about 25 minutes on two cores. The result is written after every family; what
the output holds of other families and parts stays.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from tfner.checkpoints.families import FAMILIES

MODULE = "benchmarks.speed.families"
PARTS = ("parity", "tiny", "base")
CALLS = {"tiny": {"train": 20, "predict": 40}, "base": {"train": 1, "predict": 2}}
"""Calls in a turn."""
SETTINGS = ("rows", "length", "threads")
BATCH = "batch.npz"
IGNORED = -100
Calls = dict[str, Callable[[], Any]]
"""What a side does: "train" takes a step, "predict" gives probabilities (B, W, T)."""


def main() -> None:
    """Measure and write, or, with --side, be one side of the measurement."""
    args = arguments()
    match args.side:
        case "parity":
            sys.stdout.write(json.dumps(parity(args.families[0], args.seeds)) + "\n")
        case "tfner" | "pytorch":
            serve(args)
        case _:
            measure(args)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=[*FAMILIES])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=8, help="of a batch")
    parser.add_argument("--length", type=int, default=64, help="pieces of a row")
    parser.add_argument("--repeats", type=int, default=3, help="turns of a side")
    parser.add_argument("--threads", type=int, default=1, help="of a side")
    sides = ("parity", "tfner", "pytorch")
    parser.add_argument("--side", choices=sides, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> None:
    """Measure part by part and family by family, and write after each."""
    record: dict[str, Any] = {}
    if args.output and args.output.is_file():
        record = json.loads(args.output.read_text(encoding="utf-8"))
    record["settings"] = harness.values(args, *SETTINGS, "repeats", "seeds")
    for part in args.parts:
        found = record.setdefault(part, {})
        for family in args.families:
            if part == "parity":
                words = ("--side", "parity", "--families", family)
                flags = (*words, "--seeds", *args.seeds)
                found[family] = harness.side_of(MODULE, flags)
            else:
                found[family] = speed(args, family, part)
            harness.write(record, args.output)
            sys.stderr.write(f"{part} {family}: {json.dumps(found[family])}\n")


# Parity


def parity(family: str, seeds: list[int]) -> dict[str, float]:
    """The largest differences of a family over all seeds."""
    found = [differences(family, seed) for seed in seeds]
    return {name: max(one[name] for one in found) for name in found[0]}


def differences(family: str, seed: int) -> dict[str, float]:
    """The largest differences of a family's smallest model of one seed."""
    import tensorflow as tf

    from benchmarks import random_models
    from tfner.checkpoints.loading import load_encoder

    theirs = random_models.make_model(family, seed=seed)
    batch = random_models.make_batch(theirs.config, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        encoder = load_encoder(folder)
    real = batch["attention_mask"] > 0
    ours = encoder(batch).numpy()[real]  # (N, H) of all pieces
    compiled = tf.function(encoder, jit_compile=True)
    alone = [encoder(row).numpy()[0] for row in rows_alone(batch)]
    others = {
        "transformers": random_models.run(theirs, batch)[real],
        "packed": encoder(packed(batch)).numpy()[0],
        "bucketed": np.concatenate(alone),
        "xla": compiled(batch).numpy()[real],
    }
    found = {name: float(np.abs(ours - other).max()) for name, other in others.items()}
    return {**found, "saved_model": exported(family, seed)}


def packed(batch: dict[str, Any]) -> dict[str, Any]:
    """All windows of a batch in one row."""
    mask = batch["attention_mask"]
    windows = mask * np.arange(1, len(mask) + 1, dtype=np.int32)[:, None]
    return {
        name: array[mask > 0][None]
        for name, array in {**batch, "attention_mask": windows}.items()
    }


def rows_alone(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Each window by itself, without padding."""
    lengths = batch["attention_mask"].sum(1)
    return [
        {name: array[row : row + 1, :length] for name, array in batch.items()}
        for row, length in enumerate(lengths)
    ]


def exported(family: str, seed: int) -> float:
    """The largest difference of a probability between a SavedModel and its tagger."""
    from benchmarks import random_models
    from tfner.inference.loading import open_bundle
    from tfner_export import export_saved_model

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_models.save_tagger(family, folder / "tagger", seed=seed)
        bundle = open_bundle(folder / "tagger")
        length = bundle.task.max_length
        done = export_saved_model(bundle, folder / "export", max_length=length)
    return done.max_abs_difference


# Speed


def speed(args: argparse.Namespace, family: str, size: str) -> dict[str, Any]:
    """Measure both sides of a family by turns."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        prepare(args, family, size, Path(folder))
        words = harness.flags({"folder": folder, **harness.values(args, *SETTINGS)})
        sides = {}
        for side in ("tfner", "pytorch"):
            process = harness.start(MODULE, ["--side", side, *words], harness.ALLOCATOR)
            sides[side] = stack.enter_context(process)
        first, other = (
            np.array(harness.ask(process, "first_row 1")["probabilities"])
            for process in sides.values()
        )
        turns: dict[str, Any] = {kind: {s: [] for s in sides} for kind in CALLS[size]}
        for turn in range(args.repeats + 1):
            for kind, calls in CALLS[size].items():
                for side, process in sides.items():
                    found = harness.ask(process, f"{kind} {calls if turn else 1}")
                    if turn:  # the first one compiles
                        turns[kind][side].append(found)
    return {
        "load_before": round(load, 1),
        "largest_difference_of_probabilities": float(np.abs(first - other).max()),
        **{kind: summary(args, kind, sides) for kind, sides in turns.items()},
    }


def summary(
    args: argparse.Namespace, kind: str, turns: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """Medians of both sides, and how many times as fast as PyTorch tfner is.

    Args:
        args: has the rows of a batch.
        kind: "train", whose unit is a step, or "predict", whose unit is a sentence.
        turns: seconds and processor seconds of a call, by side.
    """
    units = 1 if kind == "train" else args.rows
    found: dict[str, Any] = {}
    for side, calls in turns.items():
        seconds = statistics.median(call["seconds"] for call in calls)
        busy = statistics.median(call["processor_seconds"] for call in calls)
        found[side] = {
            "per_second": units / seconds,
            "processor_seconds": busy / units,
            "turns": [call["seconds"] / units for call in calls],
        }
    pairs = list(zip(turns["pytorch"], turns["tfner"], strict=True))
    for name in ("seconds", "processor_seconds"):
        ratios = [theirs[name] / ours[name] for theirs, ours in pairs]
        found[f"ratio_of_{name}"] = statistics.median(ratios)
    return found


def prepare(args: argparse.Namespace, family: str, size: str, folder: Path) -> None:
    """Write the tagger and the batch of both sides.

    Rows have from half their length to all of it, the first one has all; every other
    piece begins a word.
    """
    from benchmarks import random_models

    random_models.save_tagger(family, folder, seed=0, size=size)
    rng = np.random.default_rng(0)
    lengths = rng.integers(args.length // 2, args.length + 1, args.rows)
    lengths[0] = args.length
    config = random_models.make_config(family, size)
    rows: Any = random_models.make_batch(config, seed=0, lengths=lengths)
    at = np.arange(1, args.length - 1, 2, dtype=np.int32)
    is_word = at < lengths[:, None] - 1
    tags = rng.integers(0, len(random_models.TAGS), is_word.shape)
    np.savez(
        folder / BATCH,
        **rows,
        labeled_positions=np.where(is_word, at, 0).astype(np.int32),
        labels=np.where(is_word, tags, IGNORED).astype(np.int32),
    )


def serve(args: argparse.Namespace) -> None:
    """Answer "train N" and "predict N" with the seconds of one of so many calls."""
    make = {"tfner": tfner_calls, "pytorch": pytorch_calls}[args.side]
    with np.load(args.folder / BATCH) as stored:
        calls = make(args, dict(stored))

    def reply(question: str) -> dict[str, Any]:
        kind, count = question.split()
        if kind == "first_row":
            return {"probabilities": calls["predict"]()[0].tolist()}
        wall, busy = time.perf_counter(), time.process_time()
        for _ in range(int(count)):
            calls[kind]()
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
        return {"seconds": wall / int(count), "processor_seconds": busy / int(count)}

    harness.answer(reply)


def tfner_calls(args: argparse.Namespace, batch: dict[str, Any]) -> Calls:
    """The step of `tfner train`, and the runner of `tfner predict`."""
    import tensorflow as tf

    from tfner import TrainConfig
    from tfner.finetuning.model import compile_task_model
    from tfner.inference.loading import open_bundle
    from tfner.inference.runners import KerasRunner
    from tfner.training.distribution import distribution

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    bundle = open_bundle(args.folder)
    model = bundle.load_model()
    config = TrainConfig(
        train="rows", encoder="random", output="nowhere", learning_rate=5e-5
    )
    training_model = compile_task_model(
        *(model, bundle.task, config),
        seed=0,
        steps=1000,
        distribution=distribution("none"),
    )
    training_model.make_train_function()
    labels = batch.pop("labels")
    batches = iter(tf.data.Dataset.from_tensors((batch, labels)).repeat())
    run = KerasRunner(model)

    def train() -> float:
        return float(training_model.train_function(batches)["loss"])

    return {"train": train, "predict": lambda: run(batch)["probs"]}


def pytorch_calls(args: argparse.Namespace, batch: dict[str, Any]) -> Calls:
    """A step of transformers' tagger as its `Trainer` takes it, and its prediction."""
    import torch
    import transformers

    from benchmarks.random_models import inputs_of

    torch.set_num_threads(args.threads)
    kind = transformers.AutoModelForTokenClassification
    model = kind.from_pretrained(args.folder)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=5e-5, weight_decay=0.01, fused=True
    )
    at, tags = batch.pop("labeled_positions"), batch.pop("labels")
    labels = np.full(batch["input_ids"].shape, IGNORED)
    np.put_along_axis(labels, at, tags, axis=1)
    inputs, targets = inputs_of(model, batch), torch.tensor(labels)

    def train() -> Any:
        model.train()
        optimizer.zero_grad()
        loss = model(**inputs, labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    def predict() -> Any:
        model.eval()
        with torch.inference_mode():
            probabilities = model(**inputs).logits.softmax(-1).numpy()
        return np.take_along_axis(probabilities, at[:, :, None], axis=1)

    return {"train": train, "predict": predict}


if __name__ == "__main__":
    main()
