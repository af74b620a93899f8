"""Time that dropout takes of a training step: tfner's, Keras' own, and none.

Trains a tagger of random weights on random pieces, step by step and by turns with each
kind of dropout, and writes the times as JSON. The defaults, the sizes of MiniLM, take a
minute on two cores:

    python -m benchmarks.speed.dropout --output dropout.json
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any
from unittest import mock

import keras
import numpy as np

from benchmarks import harness
from tfner.models.encoders import Encoder, embeddings, layer
from tfner.models.heads import token_classifier
from tfner.models.heads.losses import masked_crossentropy
from tfner.training.optimizers import adamw

MODULES: tuple[ModuleType, ...] = (embeddings, layer, token_classifier)
"""Modules that make layers of dropout."""
PIECES, TAGS = 5000, 9


class KerasDropout(keras.layers.Dropout):
    """Keras' dropout with the calls of tfner's."""

    def call(self, inputs: Any, training: Any = None, seed: Any = None) -> Any:
        """Drop units; the seed is Keras' own."""
        return super().call(inputs, training=bool(training))

    def draw(self) -> None:
        """Draw nothing."""


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--length", type=int, default=64, help="pieces of a row")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--jit-compile", action="store_true", help="by XLA")
    args = parser.parse_args()
    steps = {
        "none": training_step(args, rate=0.0),
        "tfner": training_step(args, rate=0.1),
        "keras": training_step(args, rate=0.1, dropout=KerasDropout),
    }
    for step in steps.values():
        step()  # traces
    ways = {name: partial(harness.seconds_of, step) for name, step in steps.items()}
    seconds = harness.in_turn(ways, args.repeats)
    medians = harness.medians(seconds)
    record = {
        **harness.values(
            args, "layers", "width", "batch_size", "length", "jit_compile"
        ),
        "seconds": seconds,
        "median_seconds": medians,
        "share_of_step": {
            name: 1 - medians["none"] / medians[name] for name in ("tfner", "keras")
        },
    }
    harness.write(record, args.output)
    harness.show(record)


def training_step(
    args: argparse.Namespace, *, rate: float, dropout: type | None = None
) -> Callable[[], Any]:
    """Return a call that trains one batch.

    Args:
        args: sizes.
        rate: of every dropout.
        dropout: class of its layers, in place of tfner's.
    """
    with contextlib.ExitStack() as patches:
        for module in MODULES if dropout else ():
            patches.enter_context(mock.patch.object(module, "Dropout", dropout))
        encoder = Encoder(
            vocab_size=PIECES,
            hidden_size=args.width,
            num_layers=args.layers,
            num_heads=args.width // 32,
            intermediate_size=4 * args.width,
            hidden_dropout=rate,
            attention_dropout=rate,
        )
        model = token_classifier.TokenClassifier(encoder, TAGS, dropout=rate)
    model.compile(
        optimizer=adamw(
            learning_rate=1e-4, steps=100, warmup_steps=10, weight_decay=0.01
        ),
        loss=masked_crossentropy,
        jit_compile=args.jit_compile,
    )
    random = np.random.default_rng(0)
    shape = (args.batch_size, args.length)
    features = {
        "input_ids": random.integers(1, PIECES, shape),
        "attention_mask": np.ones(shape),
        "token_type_ids": np.zeros(shape),
        "labeled_positions": np.tile(np.arange(1, args.length, 2), (shape[0], 1)),
    }
    features = {name: array.astype("int32") for name, array in features.items()}
    labels = random.integers(0, TAGS, features["labeled_positions"].shape, "int32")
    return partial(model.train_on_batch, features, labels)


if __name__ == "__main__":
    main()
