"""Nested entities of GENIA: tfner's span extraction, the published one, a tagger.

    python -m benchmarks.accuracy.nested ENCODER CORPUS --limit 1000 --epochs 3 \
        --output nested.json

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
With `--recipe auto` tfner's sides train as `tfner train` does without options: epochs,
rate, batch size and length are the recipe's. It goes without the published model.

All train with an allocator that keeps what it has got (harness.ALLOCATOR): PyTorch,
which asks for the large tensors anew at every step, takes nearly twice the time
without. Seconds and memory of single steps are measured by span_steps.py.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from queue import Queue
from typing import Any, get_args

from benchmarks import harness
from tfner import Document, Predictor, read_corpus, score, write_corpus
from tfner.config.choices import Recipe
from tfner.nesting import inner, outermost

PARTS = tuple(f"mrc-ner.{part}.json.gz" for part in ("train", "dev", "test"))
SIDES = ("tfner", "peer", "tagger")
OF_RECIPE = ("epochs", "learning_rate", "batch_size", "max_length")
"""Settings that are not given where the recipe decides."""
SETTINGS = (
    *("limit", "test_limit", "epochs", "tagger_epochs", "fitting"),
    *("learning_rate", "batch_size", "max_length", "cores", "recipe", "precision"),
)
RATE = "train_records_per_second"


def main() -> None:
    """Measure everything, or, with --side, one side in this process."""
    args = arguments()
    if args.side:
        os.sched_setaffinity(0, {args.core})
        sys.stdout.write(json.dumps(one_side(args)) + "\n")
        return
    with tempfile.TemporaryDirectory() as place:
        if args.fitting:
            args.folder = Path(place)
            write_fitting(args)
        measure(args)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
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
    parser.add_argument("--recipe", choices=get_args(Recipe), default="published")
    parser.add_argument("--precision", default="float32", help="of training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--sides", nargs="+", choices=SIDES, default=SIDES, help="without the slow peer"
    )
    parser.add_argument(
        "--fitting", action="store_true", help="only sentences that are not cut"
    )
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.folder = args.folder or Path(args.corpus)
    if args.recipe == "auto":
        if "peer" in (args.side, *args.sides):
            parser.error("--recipe auto needs --sides without peer")
        vars(args).update(dict.fromkeys(OF_RECIPE))
    return args


def measure(args: argparse.Namespace) -> None:
    """Run all sides of all seeds, a seed on a core, and write after each seed."""
    cores: Queue[int] = Queue()
    for core in args.cores:
        cores.put(core)

    def run(seed: int) -> dict[str, Any]:
        core = cores.get()
        try:
            sides = {side: in_process(args, side, seed, core) for side in args.sides}
        finally:
            cores.put(core)
        return {"seed": seed, **sides}

    runs: list[dict[str, Any]] = []
    record: dict[str, Any] = {"settings": harness.values(args, *SETTINGS), "runs": runs}
    with ThreadPoolExecutor(len(args.cores)) as pool:
        for done in as_completed([pool.submit(run, seed) for seed in args.seeds]):
            runs.append(done.result())
            runs.sort(key=itemgetter("seed"))
            record["summary"] = summary(runs)
            harness.write(record, args.output)
    harness.show(record)


def in_process(
    args: argparse.Namespace, side: str, seed: int, core: int
) -> dict[str, Any]:
    """Run one side in a process of its own, with the flags of this one."""
    more = {"side": side, "seed": seed, "core": core, "folder": args.folder}
    words = [*sys.argv[1:], *harness.flags(more)]
    return harness.side_of("benchmarks.accuracy.nested", words, harness.ALLOCATOR)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average over the seeds, with the standard deviation of F1."""
    means: dict[str, Any] = {}
    for side in (side for side in SIDES if side in runs[0]):
        results = [run[side] for run in runs]
        names = ("f1", "precision", "recall", RATE)
        means[side] = {n: statistics.fmean(r[n] for r in results) for n in names}
        means[side]["f1_sd"] = harness.sd([result["f1"] for result in results])
        if side == "tfner":
            chosen = [result["tuned"] for result in results]
            means[side]["tuned_f1"] = statistics.fmean(r["f1"] for r in chosen)
            means[side]["tuned_inner_recall"] = mean_inner(chosen)
        if side != "peer":
            means[side]["inner_recall"] = mean_inner(results)
    if "peer" in means:
        means["speed_ratio"] = means["tfner"][RATE] / means["peer"][RATE]
    return means


def mean_inner(results: list[dict[str, Any]]) -> float:
    """Return the mean share of the inner entities that are found."""
    return statistics.fmean(result["inner_recall"]["recall"] for result in results)


def write_fitting(args: argparse.Namespace) -> None:
    """Write the corpus without the sentences that `--max-length` would cut."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.encoder)

    def fits(record: dict[str, Any]) -> bool:
        texts = (record["query"].split(), record["context"].split(" "))
        pieces = tokenizer(*texts, is_split_into_words=True)["input_ids"]
        return len(pieces) <= args.max_length

    for part in PARTS:
        content = gzip.decompress((Path(args.corpus) / part).read_bytes())
        kept: list[dict[str, Any]] = []
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
    """Return the number of a record's sentence."""
    number: str = record["qas_id"].partition(".")[0]
    return number


def one_side(args: argparse.Namespace) -> dict[str, Any]:
    """Train and score one side."""
    if args.side == "peer":
        from benchmarks.accuracy import mrc_peer

        return mrc_peer.train(args)
    gold = list(read_corpus(args.folder / PARTS[2]))[: args.test_limit]
    with tempfile.TemporaryDirectory() as place:
        report = train(args, Path(place))
        bundle = report["bundle"]
        predicted = Predictor.load(bundle).predict(gold)
        tuned = {}
        if args.side == "tfner":
            dev = list(read_corpus(args.folder / PARTS[1]))
            tuned = {"tuned": with_tuned_thresholds(bundle, dev, gold)}
    result = score(gold, predicted).to_json()
    queries = 5 if args.side == "tfner" else 1
    return {
        **{name: result[name] for name in ("f1", "precision", "recall", "per_label")},
        "inner_recall": inner_recall(gold, predicted),
        RATE: report["train_sentences_per_second"] * queries,
        **{name: report[name] for name in ("compile_seconds", "filled_positions")},
        **tuned,
    }


def train(args: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Train tfner's span extraction, or its tagger on the outermost entities."""
    corpus, epochs = args.folder / PARTS[0], args.epochs
    more = ["--task", "span", "--preset", "mrc"]
    if args.side == "tagger":
        documents = list(read_corpus(corpus))[: args.limit]
        flat = [replace(d, entities=tuple(outermost(d.entities))) for d in documents]
        corpus = place / "outermost.jsonl"
        write_corpus(flat, corpus)
        more, epochs = [], args.tagger_epochs or epochs
    names = ("encoder", "limit", "seed", "recipe", "precision", *OF_RECIPE)
    settings = harness.values(args, *names) | {"epochs": epochs}
    settings["dev_fraction"] = 0 if args.recipe == "published" else None
    files = {"train": corpus, "output": place / "model"}
    words = harness.flags(files | settings)
    report: dict[str, Any] = json.loads(harness.tfner("train", *words, *more, "--json"))
    return report


def with_tuned_thresholds(
    bundle: str, dev: Sequence[Document], test: Sequence[Document]
) -> dict[str, Any]:
    """Score the test file with the thresholds that dev chooses."""
    from tfner.finetuning.evaluator import Evaluator
    from tfner.inference.bundle import Bundle
    from tfner.inference.runners import KerasRunner
    from tfner.tasks.span_extraction import SpanExtraction

    opened = Bundle.load(bundle)
    settings = {k: v for k, v in opened.task.settings().items() if k != "name"}
    task = SpanExtraction(
        opened.tokenizer, opened.label_set, tune_thresholds=True, **settings
    )
    task, model, chosen = task.fit_on_dev(
        opened.load_model(), Evaluator.encode(task, dev)
    )
    predicted = Predictor(task, KerasRunner(model)).predict(test)
    result = score(test, predicted)
    return {
        "dev": chosen["thresholds"],
        **{name: getattr(result, name) for name in ("f1", "precision", "recall")},
        "inner_recall": inner_recall(test, predicted),
    }


def inner_recall(
    gold: Sequence[Document], predicted: Sequence[Document]
) -> dict[str, float]:
    """Count how many of the entities within others are found."""
    total = right = 0
    for document, other in zip(gold, predicted, strict=True):
        within = set(inner(document.entities))
        total += len(within)
        right += len(within & set(other.entities))
    return {"inner": total, "found": right, "recall": right / max(1, total)}


if __name__ == "__main__":
    main()
