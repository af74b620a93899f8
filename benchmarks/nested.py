"""Nested entities of GENIA: tfner's span extraction, the published one, a tagger.

    python benchmarks/nested.py ENCODER CORPUS --limit 1000 --epochs 3 \
        --output benchmarks/results/nested.json

CORPUS is a directory with `mrc-ner.{train,dev,test}.json.gz`. All sides train on the
first `--limit` sentences and score the test file after the last epoch, each in a
process of its own: tfner's span extraction, the published model in PyTorch
(mrc_peer.py), and tfner's tagger trained on the outermost entities alone. The published
model's speed is that of some steps; its F1 is learnt with the pairs listed, the same
formula in under a quarter of the time. The span extraction is then asked through
prefilters that keep several shares of dev's entities: what they save and what they
cost. Beside the published model, each span extraction takes training steps of 16 x 128
and of 8 x 512 pieces, whose peak memory is noted.
With `--fitting`, sentences that `--max-length` would cut are left out of all files:
the published model misses what it cuts, and short rows are what it has time for.
Where the published model does not fit this machine, what it keeps for the gradient is
computed, which is less than its peak: of B x L x L x 2H numbers the pairs, the sums
before gelu, what dropout leaves, and its mask as bytes.

All train with an allocator that keeps what it has got (ALLOCATOR): PyTorch, which asks
for the large tensors anew at every step, takes nearly twice the time without.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from environment import describe

PARTS = tuple(f"mrc-ner.{part}.json.gz" for part in ("train", "dev", "test"))
SHAPES = ((16, 128), (8, 512))
SHARES = (0.999, 0.99, 0.95)
"""Of dev's entities, whose questions the prefilters keep."""
SIDES = ("tfner", "peer", "tagger")
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Settings of glibc."""
STEPS = 3
"""Of a shape; the fastest counts."""
KEPT_TENSORS = 3.25
"""Float32 tensors of all pairs' hidden units that PyTorch keeps for the gradient."""


def main() -> None:
    """Measure everything, or, with --side, one thing in this process."""
    args = arguments()
    if args.side:
        found = one_side(args)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sys.stdout.write(json.dumps({**found, "peak_mb": peak // 1024}) + "\n")
        return
    with tempfile.TemporaryDirectory() as place:
        if args.fitting:
            args.folder = Path(place)
            write_fitting(args)
        record = measured(args)
    args.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record, indent=2) + "\n")


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of all sides, each from a process of its own."""
    record: dict[str, Any] = {
        "settings": {
            name: getattr(args, name)
            for name in (
                *("limit", "test_limit", "epochs", "tagger_epochs", "fitting"),
                *("learning_rate", "batch_size", "max_length", "seed"),
            )
        },
        **{side: in_process(args, side, variables=ALLOCATOR) for side in args.sides},
        **describe(),
    }
    if "peer" in args.sides:
        rate = "train_records_per_second"
        record["speed_ratio"] = record["tfner"][rate] / record["peer"][rate]
        record["step_seconds"] = {
            side: step(args, side, *SHAPES[0], variables=ALLOCATOR)["seconds"]
            for side in ("tfner", "peer")
        }
        record["memory"] = [
            {"rows": rows, "pieces": pieces, **memory(args, rows, pieces)}
            for rows, pieces in SHAPES
        ]
    return record


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("encoder")
    parser.add_argument("corpus")
    parser.add_argument("--limit", type=int, default=1000, help="training sentences")
    parser.add_argument("--test-limit", type=int, help="test sentences; all if not set")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument(
        "--tagger-epochs", type=int, help="as many as fit the same time"
    )
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("nested.json"))
    parser.add_argument(
        "--sides", nargs="+", choices=SIDES, default=SIDES, help="without the slow peer"
    )
    parser.add_argument(
        "--fitting", action="store_true", help="only sentences that are not cut"
    )
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--folder", type=Path, help="of the files that are used")
    parser.add_argument("--shape", type=int, nargs=2, help="one step of these rows")
    args = parser.parse_args()
    args.folder = args.folder or Path(args.corpus)
    return args


def write_fitting(args: argparse.Namespace) -> None:
    """The corpus without the sentences that `--max-length` would cut."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.encoder)

    def fits(record: dict[str, Any]) -> bool:
        texts = (record["query"].split(), record["context"].split(" "))
        pieces = tokenizer(*texts, is_split_into_words=True)["input_ids"]
        return len(pieces) <= args.max_length

    for part in PARTS:
        content = gzip.decompress((Path(args.corpus) / part).read_bytes())
        kept = []
        for _, records in groupby(json.loads(content), key=sentence_of):
            group = list(records)
            if all(map(fits, group)):
                number = len(kept) // len(group)
                kept += [
                    {**record, "qas_id": f"{number}.{kind}"}
                    for kind, record in enumerate(group, 1)
                ]
        (args.folder / part).write_bytes(gzip.compress(json.dumps(kept).encode()))


def sentence_of(record: dict[str, Any]) -> str:
    """The number of its sentence."""
    number: str = record["qas_id"].partition(".")[0]
    return number


def in_process(
    args: argparse.Namespace,
    side: str,
    *more: str,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One side in a process of its own, with the flags of this one."""
    flags = [*sys.argv[1:], "--side", side, "--folder", str(args.folder), *more]
    done = subprocess.run(
        [sys.executable, __file__, *flags],
        env={**os.environ, **(variables or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one_side(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of one side."""
    if args.side == "peer":
        import mrc_peer

        return mrc_peer.step_once(args) if args.shape else mrc_peer.train(args)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return step_once(args) if args.shape else train(args)


def step(
    args: argparse.Namespace, side: str, rows: int, pieces: int, **more: Any
) -> dict[str, Any]:
    """Seconds and peak memory of training steps of one shape."""
    return in_process(args, side, "--shape", str(rows), str(pieces), **more)


def memory(args: argparse.Namespace, rows: int, pieces: int) -> dict[str, Any]:
    """Peak memory of training steps of either span extraction, in MB."""
    width = (
        2 * json.loads((Path(args.encoder) / "config.json").read_text())["hidden_size"]
    )
    needed = KEPT_TENSORS * rows * pieces * pieces * width * 4 / 2**20
    found: dict[str, Any] = {
        "tfner_mb": step(args, "tfner", rows, pieces)["peak_mb"],
        "pair_tensor_mb": round(rows * pieces * pieces * width * 4 / 2**20),
    }
    if needed < 0.8 * available():
        return {**found, "peer_mb": step(args, "peer", rows, pieces)["peak_mb"]}
    return {**found, "peer_mb": round(needed), "peer_is_computed": True}


def available() -> float:
    """Memory that this machine has to give, in MB."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    values = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return values["MemAvailable"] / 1024


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Tfner's span extraction, or its tagger on the outermost entities."""
    from dataclasses import replace

    from tfner.config import PRESETS, TrainConfig
    from tfner.corpus import read_corpus, write_corpus
    from tfner.document import outermost
    from tfner.evaluation import score
    from tfner.inference.predictor import Predictor
    from tfner.training.trainer import run_trials

    folder = args.folder
    gold = list(read_corpus(folder / "mrc-ner.test.json.gz"))[: args.test_limit]
    corpus = folder / "mrc-ner.train.json.gz"
    settings = PRESETS["mrc"] | {"epochs": args.epochs}
    with tempfile.TemporaryDirectory() as place:
        if args.side == "tagger":
            documents = list(read_corpus(corpus))[: args.limit]
            flat = [
                replace(d, entities=tuple(outermost(d.entities))) for d in documents
            ]
            corpus = Path(place) / "outermost.jsonl"
            write_corpus(flat, corpus)
            settings = {"epochs": args.tagger_epochs or args.epochs}
        settings |= {
            name: getattr(args, name)
            for name in (
                *("encoder", "limit", "learning_rate", "batch_size"),
                *("max_length", "seed"),
            )
        }
        config = TrainConfig(
            train=str(corpus), output=f"{place}/model", dev_fraction=0.0, **settings
        )
        report = run_trials(config)
        predictor = Predictor.load(report["bundle"])
        found = predictor.predict(gold)
        filtered = {}
        if args.side == "tfner":
            dev = list(read_corpus(folder / "mrc-ner.dev.json.gz"))
            learnt = list(read_corpus(corpus))[: args.limit]
            filtered = {"prefilter": prefilters(predictor, learnt, dev, gold)}
    result = score(gold, found).to_json()
    rate = report["train_sentences_per_second"]
    questions = 5 if args.side == "tfner" else 1
    return {
        **{name: result[name] for name in ("f1", "precision", "recall", "per_label")},
        "inner_recall": inner_recall(gold, found),
        "train_records_per_second": rate * questions,
        "compile_seconds": report["compile_seconds"],
        "filled_positions": report["filled_positions"],
        **filtered,
    }


def prefilters(predictor: Any, *corpora: list[Any]) -> list[dict[str, float]]:
    """Questions asked, scores and seconds of the test file through prefilters.

    Args:
        predictor: of span extraction.
        *corpora: documents it has learnt, dev, test.
    """
    from tfner.evaluation import score
    from tfner.training.prefilter import fit_prefilter
    from tfner.training.span_dev import asked

    task, (learnt, dev, test) = predictor.task, corpora
    windows = [w for d in learnt for w in task.encode(d, with_targets=True)]
    rows = []
    for share in (None, *SHARES):
        task.prefilter = None
        if share is not None:
            task.prefilter = fit_prefilter(task, windows, dev, share=share)
        start = time.perf_counter()
        found = predictor.predict(test)
        seconds = time.perf_counter() - start
        result = score(test, found, resamples=0)
        rows.append(
            {
                "share": share,
                "asked": asked(task, test),
                **{n: getattr(result, n) for n in ("f1", "precision", "recall")},
                "seconds": seconds,
            }
        )
    return rows


def inner_recall(gold: list[Any], found: list[Any]) -> dict[str, float]:
    """How many of the entities within others are found."""
    from tfner.document import outermost

    total = right = 0
    for document, other in zip(gold, found, strict=True):
        inner = set(document.entities) - set(outermost(document.entities))
        total += len(inner)
        right += len(inner & set(other.entities))
    return {"inner": total, "found": right, "recall": right / max(1, total)}


def step_once(args: argparse.Namespace) -> dict[str, Any]:
    """Training steps on rows of random pieces."""
    import numpy as np
    import tensorflow as tf

    from tfner.checkpoints.loading import load_encoder
    from tfner.models.span import SpanExtractor
    from tfner.models.span_losses import SpanLoss
    from tfner.training.optimizers import adamw

    rows, length = args.shape
    model = SpanExtractor(load_encoder(args.encoder))
    model.build()
    optimizer = adamw(learning_rate=1e-5, steps=1, warmup=0.0, weight_decay=0.01)
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
    return {"seconds": fastest(lambda: step(tensors))}


def fastest(step: Callable[[], None]) -> float:
    """Seconds of the fastest of several calls; the first may compile."""
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
