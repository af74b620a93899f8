"""Nested entities of GENIA: tfner's span extraction, the published one, a tagger.

    python benchmarks/nested.py ENCODER CORPUS --limit 1000 --epochs 3 \
        --output benchmarks/results/nested.json

CORPUS is a directory with `mrc-ner.{train,dev,test}.json.gz`. For each seed all sides
train on the first `--limit` sentences and score the test file after the last epoch,
each in a process of its own: tfner's span extraction, the published model in PyTorch
(mrc_peer.py), and tfner's tagger trained on the outermost entities alone. The published
model's speed is that of some steps; its F1 is learnt with the pairs listed, the same
formula in under a quarter of the time. The span extraction scores once more with the
thresholds that dev chose.
With `--fitting`, sentences that `--max-length` would cut are left out of all files:
the published model misses what it cuts, and short rows are what it has time for.
With `--cores 0 1`, as many seeds run at a time, each on a core of its own.

All train with an allocator that keeps what it has got (ALLOCATOR): PyTorch, which asks
for the large tensors anew at every step, takes nearly twice the time without.
Seconds and memory of single steps are measured by span_steps.py.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from queue import Queue
from typing import Any

from environment import describe

PARTS = tuple(f"mrc-ner.{part}.json.gz" for part in ("train", "dev", "test"))
SIDES = ("tfner", "peer", "tagger")
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Settings of glibc."""


def main() -> None:
    """Measure everything, or, with --side, one thing in this process."""
    args = arguments()
    if args.side:
        sys.stdout.write(json.dumps(one_side(args)) + "\n")
        return
    with tempfile.TemporaryDirectory() as place:
        if args.fitting:
            args.folder = Path(place)
            write_fitting(args)
        record = measured(args)
    sys.stdout.write(json.dumps(record, indent=2) + "\n")


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of all sides, each from a process of its own; written after each seed."""
    record: dict[str, Any] = {
        "settings": {
            name: getattr(args, name)
            for name in (
                *("limit", "test_limit", "epochs", "tagger_epochs", "fitting"),
                *("learning_rate", "batch_size", "max_length", "cores"),
            )
        },
        **describe(),
    }
    cores: Queue[int] = Queue()
    for core in args.cores:
        cores.put(core)

    def run(seed: int) -> dict[str, Any]:
        core = cores.get()
        try:
            found = {side: in_process(args, side, seed, core) for side in args.sides}
        finally:
            cores.put(core)
        return {"seed": seed, **found}

    runs = record["runs"] = []
    with ThreadPoolExecutor(len(args.cores)) as pool:
        for done in as_completed([pool.submit(run, seed) for seed in args.seeds]):
            runs.append(done.result())
            runs.sort(key=itemgetter("seed"))
            record["summary"] = summary(runs)
            text = json.dumps(record, indent=2) + "\n"
            args.output.write_text(text, encoding="utf-8")
    return record


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds, and the standard deviation of F1."""
    found: dict[str, Any] = {}
    for side in (side for side in SIDES if side in runs[0]):
        results = [run[side] for run in runs]
        scores = [result["f1"] for result in results]
        names = ("f1", "precision", "recall", "train_records_per_second")
        found[side] = {n: statistics.fmean(r[n] for r in results) for n in names}
        found[side]["f1_sd"] = statistics.stdev(scores) if len(runs) > 1 else None
        if side == "tfner":
            chosen = [result["tuned"] for result in results]
            inner = [result["inner_recall"]["recall"] for result in chosen]
            found[side]["tuned_f1"] = statistics.fmean(r["f1"] for r in chosen)
            found[side]["tuned_inner_recall"] = statistics.fmean(inner)
        if side != "peer":
            inner = [result["inner_recall"]["recall"] for result in results]
            found[side]["inner_recall"] = statistics.fmean(inner)
    if "peer" in found:
        rate = "train_records_per_second"
        found["speed_ratio"] = found["tfner"][rate] / found["peer"][rate]
    return found


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
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[0])
    parser.add_argument("--output", type=Path, default=Path("nested.json"))
    parser.add_argument(
        "--sides", nargs="+", choices=SIDES, default=SIDES, help="without the slow peer"
    )
    parser.add_argument(
        "--fitting", action="store_true", help="only sentences that are not cut"
    )
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--seed", type=int, help="of the side")
    parser.add_argument("--core", type=int, help="of the side")
    parser.add_argument("--folder", type=Path, help="of the files that are used")
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
    args: argparse.Namespace, side: str, seed: int, core: int
) -> dict[str, Any]:
    """One side in a process of its own, with the flags of this one."""
    flags = [*sys.argv[1:], f"--side={side}", f"--seed={seed}", f"--core={core}"]
    flags.append(f"--folder={args.folder}")
    return result_of(__file__, flags, variables=ALLOCATOR)


def result_of(
    script: str, flags: Sequence[str], *, variables: Mapping[str, str]
) -> dict[str, Any]:
    """What a script writes as its last line, a JSON object, in a process of its own."""
    done = subprocess.run(
        [sys.executable, script, *flags],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one_side(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of one side, learnt on one core."""
    os.sched_setaffinity(0, {args.core})
    if args.side == "peer":
        import mrc_peer

        return mrc_peer.train(args)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return train(args)


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Tfner's span extraction, or its tagger on the outermost entities."""
    from dataclasses import replace

    from tfner.config.train import PRESETS, TrainConfig
    from tfner.corpus import read_corpus, write_corpus
    from tfner.evaluation import score
    from tfner.finetuning.train import run_trials
    from tfner.inference.predictor import Predictor
    from tfner.nesting import outermost

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
        found = Predictor.load(report["bundle"]).predict(gold)
        more = {}
        if args.side == "tfner":
            dev = list(read_corpus(folder / "mrc-ner.dev.json.gz"))
            more["tuned"] = tuned(report["bundle"], dev, gold)
    result = score(gold, found).to_json()
    rate = report["train_sentences_per_second"]
    questions = 5 if args.side == "tfner" else 1
    return {
        **{name: result[name] for name in ("f1", "precision", "recall", "per_label")},
        "inner_recall": inner_recall(gold, found),
        "train_records_per_second": rate * questions,
        "compile_seconds": report["compile_seconds"],
        "filled_positions": report["filled_positions"],
        **more,
    }


def tuned(bundle: str, dev: list[Any], test: list[Any]) -> dict[str, Any]:
    """Scores of the test file with the thresholds that dev chose."""
    from tfner.finetuning.thresholds import tune_thresholds
    from tfner.inference.bundle import Bundle
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner

    opened = Bundle(bundle)
    task, model = opened.task, opened.load_model()
    thresholds = tune_thresholds(task, model, dev)
    found = Predictor(task, KerasRunner(model)).predict(test)
    scores = rates_of(test, found)
    return {"dev": thresholds, **scores, "inner_recall": inner_recall(test, found)}


def rates_of(gold: list[Any], found: list[Any]) -> dict[str, float]:
    """F1, precision and recall."""
    from tfner.evaluation import score

    result = score(gold, found, resamples=0)
    return {name: getattr(result, name) for name in ("f1", "precision", "recall")}


def inner_recall(gold: list[Any], found: list[Any]) -> dict[str, float]:
    """How many of the entities within others are found."""
    from tfner.nesting import inner

    total = right = 0
    for document, other in zip(gold, found, strict=True):
        within = set(inner(document.entities))
        total += len(within)
        right += len(within & set(other.entities))
    return {"inner": total, "found": right, "recall": right / max(1, total)}


if __name__ == "__main__":
    main()
