"""Training steps of `tfner train` beside PyTorch's, block by block, and peak memory.

Both sides train a tagger on the same sentences, each in a process of its own on one
core, and take turns of some steps: tfner is the whole command, held up between turns
by a callback; PyTorch is the loop of transformers' `run_ner.py`: random batches padded
to their longest row, AdamW, clipping, linear decay. Rates are sentences a processor
second, reading of batches included. The compilation of the step is no part of them; it
is given apart, and with its share of an epoch of the whole corpus. Peak memory is that
of a process until it ends, for tfner with reading the corpus and saving the model.

    python -m benchmarks.speed.training MINILM engtrain.bio --output training_movie.json
    python -m benchmarks.speed.training MINILM jnlpba/train.iob2 \
        --output training_jnlpba.json
    python -m benchmarks.speed.training E5_SMALL r2.8/train.bio --steps 4 \
        --output training_gsd.json

Each takes five to ten minutes on an idle core. `--keep-memory` gives both an allocator
that keeps what it has got (harness.ALLOCATOR), which PyTorch is faster with. With
`--autocast`, PyTorch runs a second time with products in bfloat16, to be compared with
`--set precision='"mixed_bfloat16"'`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness

MODULE = "benchmarks.speed.training"
SIDES = ("tfner", "pytorch")
AUTOCAST = "pytorch_bfloat16"
SETTINGS = ("batch_size", "max_length", "learning_rate", "steps", "rounds")
IGNORED, EPOCHS = -100, 3


def main() -> None:
    """Measure and write, or, with --side, be one side of the measurement."""
    args = arguments()
    if args.side:
        os.sched_setaffinity(0, {args.core})
        filled = train_tfner(args) if args.side == SIDES[0] else train_pytorch(args)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer(peak_mb=peak // 1024, filled_positions=filled)
        return
    names = (*SIDES, AUTOCAST) if args.autocast else SIDES
    sides = {name: start(args, name) for name in names}
    first = {name: harness.ask(side, 1) for name, side in sides.items()}  # compiles
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(args.rounds):
        for name, side in sides.items():
            rounds[name].append(harness.ask(side, args.steps))
    ends = {name: harness.ask(side, 0) for name, side in sides.items()}
    record: dict[str, Any] = {
        "corpus": args.corpus.name,
        "settings": harness.values(args, *SETTINGS, "keep_memory", "set"),
        "sides": {
            name: {**summary(rounds[name], first[name]), **ends[name]} for name in names
        },
    }
    record |= compared(record["sides"], first["tfner"])
    harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("encoder")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--steps", type=int, default=10, help="of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep-memory", action="store_true", help="once allocated")
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--autocast", action="store_true", help="PyTorch in bfloat16")
    parser.add_argument("--side", choices=(*SIDES, AUTOCAST), help=argparse.SUPPRESS)
    return parser.parse_args()


def start(args: argparse.Namespace, name: str) -> subprocess.Popen[str]:
    """Start a side, which reads the corpus and waits."""
    settings = {"side": name, "core": args.core, **harness.values(args, *SETTINGS)}
    words = [args.encoder, args.corpus, *harness.flags(settings)]
    words += ["--set", *args.set] if args.set else []
    return harness.start(MODULE, words, harness.ALLOCATOR if args.keep_memory else {})


def summary(rounds: list[dict[str, Any]], first: dict[str, Any]) -> dict[str, Any]:
    """Return sentences a processor second, the median of all rounds, and the rest."""
    rates = [found["sentences"] / found["processor_seconds"] for found in rounds]
    return {
        "sentences_per_processor_second": statistics.median(rates),
        "rounds": rates,
        "first_step_processor_seconds": first["processor_seconds"],
    }


def compared(sides: dict[str, Any], first: dict[str, Any]) -> dict[str, float | None]:
    """Compare rates without and with compilation, of one and of three epochs."""
    rates = {n: side["sentences_per_processor_second"] for n, side in sides.items()}
    rate, peer = (rates[name] for name in SIDES)
    sentences = first["corpus_sentences"]
    epoch, peer_epoch = sentences / rate, sentences / peer
    compiling = first["processor_seconds"] - first["sentences"] / rate
    autocast = rates.get(AUTOCAST)
    return {
        "ratio": rate / peer,
        "ratio_to_autocast": rate / autocast if autocast else None,
        "compile_processor_seconds": compiling,
        "compile_share_of_epoch": compiling / (compiling + epoch),
        "ratio_of_one_epoch": peer_epoch / (compiling + epoch),
        "ratio_of_three_epochs": 3 * peer_epoch / (compiling + 3 * epoch),
        "memory_ratio": sides["tfner"]["peak_mb"] / sides["pytorch"]["peak_mb"],
    }


class Turns:
    """Steps that are taken when they are asked for, and timed.

    Args:
        corpus: sentences of the whole corpus.
        steps: of an epoch.
    """

    def __init__(self, corpus: int, steps: int) -> None:
        self.corpus, self.batch = corpus, corpus / steps
        self.steps = self.left = 0
        self.began = 0.0

    def begin_step(self) -> bool:
        """Wait until a step is asked for; False if there will be no more."""
        if not self.left:
            self.steps = self.left = int(sys.stdin.readline())
            self.began = time.process_time()
        return self.left > 0

    def end_step(self) -> None:
        """Count a step, and answer after the last one of a turn."""
        self.left -= 1
        if not self.left:
            answer(
                processor_seconds=time.process_time() - self.began,
                sentences=self.batch * self.steps,
                corpus_sentences=self.corpus,
            )


def answer(**figures: float) -> None:
    """Answer what was asked."""
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def train_tfner(args: argparse.Namespace) -> float:
    """Run `tfner train`, whose steps wait for their turns; return the filled share."""
    import keras

    from tfner import TrainConfig, read_corpus
    from tfner.finetuning.train import run_trials

    corpus = sum(1 for _ in read_corpus(args.corpus))

    class Waits(keras.callbacks.Callback):
        """Holds up every step, and ends the run."""

        def on_train_begin(self, logs: Any = None) -> None:
            """Count the steps."""
            self.turns = Turns(corpus, self.params["steps"])

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            """Wait; the run ends after a step that was not asked for."""
            self.model.stop_training = not self.turns.begin_step()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Count the step."""
            if not self.model.stop_training:
                self.turns.end_step()

    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            **harness.values(args, "encoder", "batch_size", "learning_rate"),
            max_length=args.max_length,
            train=str(args.corpus),
            output=f"{folder}/model",
            recipe="published",
            dev_fraction=0,
            **{name: json.loads(v) for name, v in (s.split("=") for s in args.set)},
        )
        report = run_trials(config, callbacks=[Waits()])
    return float(report["filled_positions"])


def train_pytorch(args: argparse.Namespace) -> float:
    """Train as `run_ner.py` does; return the filled share of the positions."""
    import torch
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows, tags = encoded(args)
    model = transformers.AutoModelForTokenClassification.from_pretrained(
        args.encoder, num_labels=tags
    ).train()
    turns = Turns(len(rows), -(-len(rows) // args.batch_size))
    steps = EPOCHS * -(-len(rows) // args.batch_size)
    rate = args.learning_rate
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, int(0.1 * steps), steps
    )
    filled = positions = 0
    for batch in batches(rows, args.batch_size):
        if not turns.begin_step():
            break
        ids, mask, labels = (torch.tensor(values) for values in padded(batch))
        filled, positions = filled + int(mask.sum()), positions + mask.numel()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.side == AUTOCAST):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        turns.end_step()
    return filled / positions


def encoded(args: argparse.Namespace) -> tuple[list[tuple[list[int], list[int]]], int]:
    """Return pieces and labels of every sentence, and the number of tags."""
    import transformers

    from tfner import read_corpus

    documents = list(read_corpus(args.corpus))
    words = [[d.text[a:b] for a, b in d.words or ()] for d in documents]
    names = sorted({tag for document in documents for tag in document.tags or ()})
    numbers = {name: number for number, name in enumerate(names)}
    found = transformers.AutoTokenizer.from_pretrained(args.encoder)(
        words,
        is_split_into_words=True,
        truncation=True,
        max_length=args.max_length,
    )
    rows = []
    for at, document in enumerate(documents):
        owners = found.word_ids(at)
        first = [w is not None and w not in owners[:i] for i, w in enumerate(owners)]
        labels = [
            numbers[(document.tags or ())[word]] if is_first else IGNORED
            for word, is_first in zip(owners, first, strict=True)
        ]
        rows.append((found["input_ids"][at], labels))
    return rows, len(names)


def batches(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield random batches without end, epoch by epoch."""
    order = list(rows)
    while True:
        random.Random(0).shuffle(order)
        yield from (order[at : at + size] for at in range(0, len(order), size))


def padded(batch: Sequence[tuple[list[int], list[int]]]) -> Iterator[list[list[int]]]:
    """Yield pieces, mask and labels of a batch, each padded to its longest row."""
    longest = max(len(ids) for ids, _ in batch)
    yield [ids + [0] * (longest - len(ids)) for ids, _ in batch]
    yield [[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in batch]
    yield [tags + [IGNORED] * (longest - len(tags)) for _, tags in batch]


if __name__ == "__main__":
    main()
