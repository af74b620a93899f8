"""Speed of ELECTRA's pretraining step beside PyTorch steps built from transformers.

Three sides, each in a process of its own, take turns on the same rows:

- tfner;
- transformers: `ElectraForMaskedLM` and `ElectraForPreTraining`, as they are;
- transformers-slots: the same, but the generator's vocabulary product is taken at the
  hidden pieces alone, as tfner and google-research/electra do.

    python -m benchmarks.pretraining.steps --output pretraining.json

takes about fifteen minutes on two cores; nothing else may run meanwhile. The share of
the peak divides the step's multiplications and additions, forward once and backward
twice, by those of the fastest of all sides' products of two square float32 matrices.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import harness
from tfner import PretrainConfig
from tfner.config.pretrain import PRETRAIN_PRESETS

MODULE = "benchmarks.pretraining.steps"
SIDES = ("tfner", "transformers", "transformers-slots")
CLS, SEP, PAD, MASK, FIRST = 2, 3, 0, 4, 5
SETTINGS = ("preset", "batch_size", "length", "vocabulary", "steps", "rounds")
Step = Callable[[int], float]
"""Takes so many steps and returns the last loss."""


def main() -> None:
    """Measure and write, or, with --side, be one side of the measurement."""
    args = arguments()
    if args.side:
        serve(args)
        return
    settings = harness.values(args, *SETTINGS)
    sides = {
        name: harness.start(MODULE, harness.flags({"side": name, **settings}))
        for name in SIDES
    }
    for side in sides.values():
        harness.ask(side, 1)  # compiles
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    for _ in range(args.rounds):
        for name, side in sides.items():
            rounds[name].append(harness.ask(side, args.steps))
    peak = max(harness.ask(side, 0)["matrix_flops"] for side in sides.values())
    record: dict[str, Any] = {
        "settings": settings,
        "peak_gflops": peak / 1e9,
        "sides": {n: summary(args, r, peak) for n, r in rounds.items()},
    }
    rates = {n: side["tokens_per_second"] for n, side in record["sides"].items()}
    record["ratios"] = {n: rates["tfner"] / rates[n] for n in SIDES[1:]}
    harness.write(record, args.output)
    harness.show(record)
    for side in sides.values():
        side.communicate("")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("--preset", choices=PRETRAIN_PRESETS, default="small")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--steps", type=int, default=10, help="of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args()


def summary(
    args: argparse.Namespace, rounds: list[dict[str, Any]], peak: float
) -> dict[str, Any]:
    """Return tokens a second and the share of the peak, the median of all rounds."""
    tokens = args.batch_size * args.length * args.steps
    rates = [tokens / found["seconds"] for found in rounds]
    rate = statistics.median(rates)
    per_token = flops(config_of(args), args) / (args.batch_size * args.length)
    return {
        "tokens_per_second": rate,
        "share_of_peak": rate * per_token / peak,
        "rounds": rates,
        "last_loss": rounds[-1]["loss"],
    }


def config_of(args: argparse.Namespace) -> PretrainConfig:
    """Return the settings of a preset, at the length of the rows."""
    changes = {
        "batch_size": args.batch_size,
        "max_length": args.length,
        "steps": 1000,
        "warmup_ratio": 0.1,
        "data": "rows",
        "output": "run",
    }
    return PretrainConfig(**PRETRAIN_PRESETS[args.preset] | changes)


def flops(config: PretrainConfig, args: argparse.Namespace) -> float:
    """Count the operations of one step, forward once and backward twice."""
    tokens, inner = args.batch_size * args.length, config.model.embedding_size

    def encoder(width: int, intermediate: int) -> float:
        products = 4 * width**2 + 2 * width * intermediate + 2 * args.length * width
        project = 0 if inner == width else inner * width
        return tokens * (config.model.num_layers * products + project)

    generator = config.model.generator_width
    slots = args.batch_size * slots_of(args, config)
    found = encoder(config.model.hidden_size, config.model.intermediate_size)
    found += encoder(generator, 4 * generator)
    found += slots * (generator * inner + inner * args.vocabulary)
    found += tokens * (config.model.hidden_size**2 + config.model.hidden_size)
    return 2 * 3 * found


def slots_of(args: argparse.Namespace, config: PretrainConfig) -> int:
    """Hidden pieces of a row."""
    return int((config.task.mask_rate + 0.005) * args.length)


def make_rows(args: argparse.Namespace) -> np.ndarray[Any, np.dtype[np.int32]]:
    """(B, S) random pieces between [CLS] and [SEP]: there is no padding."""
    shape = (args.batch_size, args.length)
    rows = np.random.default_rng(0).integers(FIRST, args.vocabulary, shape)
    rows[:, 0], rows[:, -1] = CLS, SEP
    return rows.astype("int32")


def serve(args: argparse.Namespace) -> None:
    """Answer every number of steps with their seconds; 0 measures a matrix product."""
    make = {
        "tfner": make_tfner,
        "transformers": lambda args: make_transformers(args, slots=False),
        "transformers-slots": lambda args: make_transformers(args, slots=True),
    }[args.side]
    step, multiply = make(args)

    def reply(question: str) -> dict[str, Any]:
        if question == "0":
            return {"matrix_flops": harness.matrix_flops(multiply)}
        before = time.perf_counter()
        loss = step(int(question))
        return {"loss": loss, "seconds": time.perf_counter() - before}

    harness.answer(reply)


def make_tfner(args: argparse.Namespace) -> tuple[Step, Callable[[], Any]]:
    """`tfner pretrain`'s step."""
    import tensorflow as tf

    from tfner.pretraining.model import make_model, make_optimizer
    from tfner.pretraining.step import PretrainingModel

    config = config_of(args)
    model = make_model(
        config,
        vocab_size=args.vocabulary,
        mask_id=MASK,
        special_ids=(CLS, SEP, PAD, MASK),
    )
    training_model = PretrainingModel(
        model, clip_norm=config.optimizer.clip_norm, seed=0
    )
    optimizer = make_optimizer(config.optimizer)
    optimizer.build(model.trainable_variables)
    training_model.compile(optimizer=optimizer, jit_compile=True)
    training_model.make_train_function()
    ids = tf.constant(make_rows(args))
    row = {
        "input_ids": ids,
        "attention_mask": tf.ones_like(ids),
        "token_type_ids": tf.zeros_like(ids),
    }
    batches = iter(tf.data.Dataset.from_tensors(row).repeat())
    square = tf.random.normal((harness.MATRIX, harness.MATRIX))

    def step(steps: int) -> float:
        training_model.reset_metrics()
        for _ in range(steps):
            logs = training_model.train_function(batches)
        return float(logs["loss"])

    return step, lambda: tf.matmul(square, square).numpy()


def make_transformers(
    args: argparse.Namespace, *, slots: bool
) -> tuple[Step, Callable[[], Any]]:
    """Make a step of transformers' two models, with shared embeddings, in PyTorch."""
    import torch

    config = config_of(args)
    generator, discriminator = two_models(config, args)
    weights = {id(w): w for m in (generator, discriminator) for w in m.parameters()}
    optimizer = torch.optim.AdamW(
        weights.values(), lr=config.optimizer.learning_rate, eps=1e-6
    )
    ids = torch.tensor(make_rows(args)).long()
    hidden = slots_of(args, config)

    def losses() -> Any:
        order = torch.rand(ids.shape)
        order[:, [0, -1]] = -1.0
        at = order.topk(hidden).indices
        wanted = ids.gather(1, at)
        masked = ids.scatter(
            1, at, torch.where(torch.rand(at.shape) < 0.85, MASK, wanted)
        )
        index = at[:, :, None]
        if slots:
            rows = generator.electra(masked).last_hidden_state
            rows = rows.gather(1, index.expand(-1, -1, rows.shape[-1]))
            logits = generator.generator_lm_head(generator.generator_predictions(rows))
            first = torch.nn.functional.cross_entropy(logits.mT, wanted)
        else:
            labels = torch.full_like(ids, -100).scatter(1, at, wanted)
            output = generator(masked, labels=labels)
            first, logits = output.loss, output.logits
            logits = logits.gather(1, index.expand(-1, -1, logits.shape[-1]))
        noise = -torch.log(-torch.log(torch.rand(logits.shape)))
        filled = ids.scatter(1, at, (logits.detach() + noise).argmax(-1))
        second = discriminator(filled, labels=(filled != ids).float()).loss
        return first + config.task.discriminator_weight * second

    def step(steps: int) -> float:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = losses()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), config.optimizer.clip_norm)
            optimizer.step()
        return float(loss)

    square = torch.randn(harness.MATRIX, harness.MATRIX)
    return step, lambda: square @ square


def two_models(config: PretrainConfig, args: argparse.Namespace) -> tuple[Any, Any]:
    """Generator and discriminator of transformers, in training, of the same sizes."""
    import transformers

    shared = {
        "vocab_size": args.vocabulary,
        "embedding_size": config.model.embedding_size,
        "num_hidden_layers": config.model.num_layers,
        "max_position_embeddings": config.model.max_positions,
    }
    generator = transformers.ElectraForMaskedLM(
        transformers.ElectraConfig(
            hidden_size=config.model.generator_width,
            num_attention_heads=config.model.generator_heads,
            intermediate_size=4 * config.model.generator_width,
            **shared,
        )
    )
    discriminator = transformers.ElectraForPreTraining(
        transformers.ElectraConfig(
            hidden_size=config.model.hidden_size,
            num_attention_heads=config.model.num_heads,
            intermediate_size=config.model.intermediate_size,
            **shared,
        )
    )
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.generator_lm_head.weight = (
        discriminator.electra.embeddings.word_embeddings.weight
    )
    return generator.train(), discriminator.train()


if __name__ == "__main__":
    main()
