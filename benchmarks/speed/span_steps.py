"""Seconds and peak memory of training steps of span extraction, beside PyTorch.

    python -m benchmarks.speed.span_steps ENCODER --output span_steps.json

Both take training steps on rows of random pieces, each in a process of its own on one
core: tfner's span extraction and the published model (mrc_peer.py). Seconds are taken
with an allocator that keeps what it has got (harness.ALLOCATOR): PyTorch, which asks
for the large tensors anew at every step, takes nearly twice the time without. Peak
memory is taken with glibc's own settings.
Where the published model does not fit this machine, what it keeps for the gradient is
computed, which is less than its peak: of B x L x L x 2H numbers the pairs, the sums
before gelu, what dropout leaves, and its mask as bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import harness

SHAPES = ((16, 128), (8, 512))
"""Rows, and their pieces."""
STEPS = 3
"""Of a shape; the fastest counts."""
KEPT_TENSORS = 3.25
"""Float32 tensors of all pairs' hidden units that PyTorch keeps for the gradient."""


def main() -> None:
    """Measure all shapes, or, with --side, one in this process."""
    args = arguments()
    if args.side:
        sys.stdout.write(json.dumps(one_side(args)) + "\n")
        return
    shapes = [measured(args, rows, pieces) for rows, pieces in SHAPES]
    harness.write({"shapes": shapes}, args.output)
    harness.show({"shapes": shapes})


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("encoder")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--side", choices=("tfner", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--shape", type=int, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(args: argparse.Namespace, rows: int, pieces: int) -> dict[str, Any]:
    """Measure both sides for one shape."""
    config = json.loads((Path(args.encoder) / "config.json").read_text("utf-8"))
    pairs = rows * pieces * pieces * 2 * config["hidden_size"] * 4 / 2**20
    found = {"rows": rows, "pieces": pieces, "pair_tensor_mb": round(pairs)}
    found["tfner"] = in_process(args, "tfner", rows, pieces)
    if KEPT_TENSORS * pairs < 0.8 * available():
        found["peer"] = in_process(args, "peer", rows, pieces)
    else:
        found["peer"] = {"computed_mb": round(KEPT_TENSORS * pairs)}
    return found


def in_process(
    args: argparse.Namespace, side: str, rows: int, pieces: int
) -> dict[str, Any]:
    """Measure seconds of a step, and in another process its peak memory."""
    words = [*sys.argv[1:], "--side", side, "--shape", rows, pieces]
    usual = harness.side_of("benchmarks.speed.span_steps", words)
    quick = harness.side_of("benchmarks.speed.span_steps", words, harness.ALLOCATOR)
    return {**usual, "seconds": quick["seconds"]}


def one_side(args: argparse.Namespace) -> dict[str, Any]:
    """Measure one side, on one core."""
    os.sched_setaffinity(0, {args.core})
    if args.side == "peer":
        from benchmarks.accuracy.mrc_peer import random_step as make
    else:
        make = tfner_step
    seconds = fastest(make(args.encoder, *args.shape))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak_mb": peak // 1024}


def available() -> float:
    """Return the memory that this machine has to give, in MB."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    values = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return values["MemAvailable"] / 1024


def tfner_step(encoder: str, rows: int, length: int) -> Callable[[], None]:
    """Return a training step on rows of random pieces."""
    import numpy as np
    import tensorflow as tf

    from tfner.checkpoints.loading import load_encoder
    from tfner.models.heads.span_extractor import SpanExtractor
    from tfner.models.heads.span_losses import SpanLoss
    from tfner.training.optimizers import adamw

    model = SpanExtractor(load_encoder(encoder))
    model.build()
    optimizer = adamw(learning_rate=1e-5, steps=1, warmup_steps=0, weight_decay=0.01)
    optimizer.build(model.trainable_variables)
    context = np.broadcast_to(np.arange(length) >= length // 5, (rows, length))
    starts = np.where(context, 0, -100).astype("int32")
    starts[:, length // 2] = 1
    spans = np.where(starts > 0, 0, -100)[..., None].astype("int32")
    features = {
        "input_ids": np.random.default_rng(0).integers(1000, 2000, context.shape),
        "attention_mask": np.ones(context.shape),
        "token_type_ids": context,
    }
    features = {name: array.astype("int32") for name, array in features.items()}
    features |= {"start_labels": starts, "end_labels": starts}

    @tf.function(jit_compile=True)
    def step(features: Any) -> None:
        with tf.GradientTape() as tape:
            outputs = model(features, training=True)
            targets = {
                "start_labels": starts,
                "end_labels": starts,
                "span_labels": spans,
            }
            total, count = SpanLoss()(targets, outputs)
            loss = total / count
        weights = model.trainable_variables
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
        optimizer.apply(gradients, weights)

    tensors = {name: tf.constant(array) for name, array in features.items()}
    return lambda: step(tensors)


def fastest(step: Callable[[], None]) -> float:
    """Return the seconds of the fastest of several calls; the first may compile."""
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
