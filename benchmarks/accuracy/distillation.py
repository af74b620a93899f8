"""Students of fewer layers: the F1 they keep and the time they save.

For every number of gold sentences and every seed a teacher is trained on that part of
the training file, drawn by a seeded shuffle, and the sentences that are left are its
raw texts. The student takes some of its layers and learns from both. Beside it stands
`alone`: the same layers, trained on the tags of the gold part without a teacher's
answers. All are scored on the test file. The speed is that of `Predictor.predict` on
the test file, in processor seconds, teacher and student in turn, after one pass that is
not counted; the median of the passes counts:

    python -m benchmarks.accuracy.distillation ENCODER TRAIN TEST --layers 3 \
        --sentences 500 2000 0 --seeds 0 1 2 --output distillation_mit_movie.json
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import Document, Predictor, read_corpus, write_corpus

WHOLE = 0
"""Number of gold sentences that stands for all: then there are no raw texts."""
WAYS = ("teacher", "student", "alone")
TIMED = ("teacher", "student")


def main() -> None:
    """Measure every part with every seed, and write after each."""
    args = arguments()
    documents, gold = list(read_corpus(args.train)), list(read_corpus(args.test))
    labels = sorted({entity.label for d in documents for entity in d.entities})
    record: dict[str, Any] = {
        "train": args.train.name,
        "test": args.test.name,
        "test_sentences": len(gold),
        "settings": harness.values(args, "layers", "epochs", "repeats", *LEARNING),
        "runs": [],
    }
    for size in args.sentences:
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as folder:
                files = parts(documents, size, Path(folder))
                run = {"sentences": size or len(documents), "seed": seed}
                found = measure(args, files, labels, seed, Path(folder), gold)
                record["runs"].append(run | found)
            record["summary"] = summary(record["runs"])
            harness.write(record, args.output)
    harness.show(record)


LEARNING = ("temperature", "gold_weight", "hidden_weight")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("encoder")
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--layers", type=int, default=3, help="of the student")
    parser.add_argument("--sentences", type=int, nargs="+", default=[500, 2_000, WHOLE])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--epochs", type=int, help="of all runs; the recipe's if not set"
    )
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--gold-weight", type=float, default=0.5)
    parser.add_argument("--hidden-weight", type=float, default=0.0)
    parser.add_argument("--repeats", type=int, default=5, help="passes of prediction")
    return parser.parse_args()


def parts(
    documents: Sequence[Document], size: int, folder: Path
) -> tuple[Path, Path | None]:
    """Write a gold part with its tags, and the rest as lines of raw text."""
    order = list(documents)
    random.Random(0).shuffle(order)
    gold, rest = (order, []) if size == WHOLE else (order[:size], order[size:])
    write_corpus(gold, folder / "gold.jsonl")
    if not rest:
        return folder / "gold.jsonl", None
    lines = "".join(f"{document.text}\n" for document in rest)
    (folder / "raw.txt").write_text(lines, encoding="utf-8")
    return folder / "gold.jsonl", folder / "raw.txt"


def measure(
    args: argparse.Namespace,
    files: tuple[Path, Path | None],
    labels: Sequence[str],
    seed: int,
    folder: Path,
    gold: Sequence[Document],
) -> dict[str, Any]:
    """Train all ways, score them, and time prediction."""
    train, raw = files
    shared = {"train": train, "test": args.test, "seed": seed, "epochs": args.epochs}
    named = ("--labels", ",".join(labels))
    teacher, bundle = trained(
        ("train", "--encoder", args.encoder, *named), shared, folder / "teacher"
    )
    distill = ("distill", bundle, "--layers", args.layers)
    learning = harness.flags(harness.values(args, *LEARNING))
    texts = () if raw is None else ("--texts", raw)
    student, small = trained((*distill, *learning, *texts), shared, folder / "student")
    alone, _ = trained((*distill, "--gold-weight", 1), shared, folder / "alone")
    figures = zip(WAYS, (teacher, student, alone), strict=True)
    return {
        **{name: {"f1": f1} for name, f1 in figures},
        "processor_seconds": timed((bundle, small), gold, args.repeats),
    }


def trained(
    command: Sequence[object], settings: dict[str, Any], output: Path
) -> tuple[float, str]:
    """Run a command that trains; return the test F1 and the bundle."""
    flags = harness.flags({**settings, "output": output})
    report = json.loads(harness.tfner(*command, *flags, "--json"))
    return report["test"]["f1"], report["bundle"]


def timed(
    bundles: Sequence[str], gold: Sequence[Document], repeats: int
) -> dict[str, float]:
    """Return the median processor seconds in which each model predicts the texts."""
    texts = [document.text for document in gold]
    predictors = dict(zip(TIMED, map(Predictor.load, bundles), strict=True))

    def seconds(predictor: Predictor) -> float:
        start = time.process_time()
        predictor.predict(texts)
        return time.process_time() - start

    for predictor in predictors.values():
        predictor.predict(texts)
    ways = {name: lambda p=p: seconds(p) for name, p in predictors.items()}
    return harness.medians(harness.in_turn(ways, repeats))


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Average the seeds of every part: F1, the share of it kept, and the speed-up."""
    rows = {}
    for size in dict.fromkeys(run["sentences"] for run in runs):
        mine = [run for run in runs if run["sentences"] == size]
        row: dict[str, Any] = {}
        for way in WAYS:
            scores = [run[way]["f1"] for run in mine]
            row[way] = {"f1": statistics.fmean(scores), "f1_sd": harness.sd(scores)}
        if row["teacher"]["f1"]:
            row["f1_kept"] = row["student"]["f1"] / row["teacher"]["f1"]
        row["times_as_fast"] = statistics.fmean(
            run["processor_seconds"]["teacher"] / run["processor_seconds"]["student"]
            for run in mine
        )
        rows[f"{size} sentences"] = row
    return rows


if __name__ == "__main__":
    main()
