"""Processor seconds and peak memory of training steps, by what of an encoder learns.

    python -m benchmarks.speed.vocabulary ENCODER... --output vocabulary.json

Trains a tagger on rows of random pieces, of which there are as many as a corpus has
different ones: as `tfner train` does, where the vectors of these pieces learn; with the
vectors of the whole vocabulary learning; and by LoRA. Each is measured in a process of
its own on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import harness

PIECES, TAGS = 5_000, 9
"""Different pieces of the corpus, and its tags."""
SIDES = ("met", "whole", "lora")
RANK, STEPS = 8, 10


def main() -> None:
    """Measure all encoders, or, with --side, one in this process."""
    parser = harness.parser(__doc__)
    parser.add_argument("encoders", nargs="+", metavar="ENCODER", type=Path)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--length", type=int, default=128, help="pieces of a row")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        sys.stdout.write(json.dumps(one_side(args)) + "\n")
        return
    settings = harness.values(args, "rows", "length")
    record = {
        "settings": {**settings, "pieces": PIECES, "rank": RANK},
        "encoders": [measured(args, encoder, settings) for encoder in args.encoders],
    }
    harness.write(record, args.output)
    harness.show(record)


def measured(
    args: argparse.Namespace, encoder: Path, settings: dict[str, Any]
) -> dict[str, Any]:
    """Measure one encoder in all ways."""
    config = json.loads((encoder / "config.json").read_text("utf-8"))
    names = ("vocab_size", "num_hidden_layers", "hidden_size")
    words = [encoder, *harness.flags({**settings, "core": args.core}), "--side"]
    return {
        **{name: config[name] for name in names},
        **{
            side: harness.side_of("benchmarks.speed.vocabulary", [*words, side])
            for side in SIDES
        },
    }


def one_side(args: argparse.Namespace) -> dict[str, Any]:
    """Measure one way, on one core."""
    os.sched_setaffinity(0, {args.core})
    step = training_step(args.encoders[0], args.rows, args.length, args.side)
    step()  # compiles
    seconds = []
    for _ in range(STEPS):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": round(statistics.median(seconds), 3), "peak_mb": peak // 1024}


def training_step(
    encoder: Path, rows: int, length: int, side: str
) -> Callable[[], None]:
    """Return a call that trains one batch."""
    import numpy as np
    import tensorflow as tf

    from tfner.checkpoints.loading import load_encoder
    from tfner.models.encoders.lora import add_adapters
    from tfner.models.heads.losses import masked_crossentropy
    from tfner.models.heads.token_classifier import TokenClassifier
    from tfner.training.optimizers import adamw

    model = TokenClassifier(load_encoder(encoder), TAGS)
    random, shape = np.random.default_rng(0), (rows, length)
    pieces = random.choice(model.encoder.vocab_size, PIECES, replace=False)
    features = {
        "input_ids": random.choice(pieces, shape),
        "attention_mask": np.ones(shape),
        "token_type_ids": np.zeros(shape),
        "labeled_positions": np.tile(np.arange(1, length, 2), (rows, 1)),
    }
    tensors = {name: tf.constant(a.astype("int32")) for name, a in features.items()}
    labels = tf.constant(random.integers(0, TAGS, (rows, length // 2)))
    model(tensors)
    if side == "met":
        model.encoder.learn_pieces(pieces)
    elif side == "lora":
        add_adapters(model.encoder, RANK)
    optimizer = adamw(learning_rate=1e-4, steps=100, warmup_steps=0, weight_decay=0.01)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=True)
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = masked_crossentropy(labels, model(tensors, training=True))
        weights = model.trainable_variables
        found = tape.gradient(loss, weights, unconnected_gradients="zero")
        gradients, _ = tf.clip_by_global_norm(list(map(tf.convert_to_tensor, found)), 1)
        optimizer.apply(gradients, weights)

    return step


if __name__ == "__main__":
    main()
