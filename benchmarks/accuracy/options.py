"""The recipe of `tfner train`, and what other options change in its F1.

    python -m benchmarks.accuracy.options ENCODER TRAIN TEST --name "GENIA, MiniLM" \
        --limit 1000 --options "" "--context 0" "--head crf" --seeds 0 1 \
        --output options.json

Each of `--options` is a run of its own for every seed; an empty one is the recipe
alone. Dev is `--dev`, or what the recipe holds out of the training corpus. With
`--alone` the test sentences, JSON lines, are also scored one by one without their
documents, as a server gets them: a tagger with context has none then. Every finished
run is written at once, and runs that the output holds are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import harness

PARTS = ("dev", "test", "alone")


def main() -> None:
    """Run what the output lacks, and write after each."""
    args = arguments()
    record = harness.held(args.output)
    for seed, options in itertools.product(args.seeds, args.options):
        key = {"corpus": args.name, "options": options, "seed": seed}
        if not harness.is_held(record, key):
            record["runs"].append(key | train(args, seed, options))
            record["summary"] = summary(record["runs"])
            harness.write(record, args.output)
    harness.show(record["summary"])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("encoder")
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--name", required=True, help="of corpus, part and encoder")
    parser.add_argument("--limit", type=int, help="training sentences; all by default")
    parser.add_argument("--options", nargs="+", required=True, help="of `tfner train`")
    parser.add_argument("--precision", default="float32", help="of training")
    parser.add_argument("--alone", action="store_true", help="also without documents")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    return parser.parse_args()


def train(args: argparse.Namespace, seed: int, options: str) -> dict[str, Any]:
    """Train one tagger and return its scores."""
    given = harness.values(args, *("encoder", "train", "test", "dev", "limit"))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        given |= {"precision": args.precision, "seed": seed, "output": model}
        words = [*harness.flags(given), *shlex.split(options)]
        told = json.loads(harness.tfner("train", *words, "--json"))
        if args.alone:
            texts = without_documents(args.test, Path(folder) / "alone.jsonl")
            told["alone"] = json.loads(
                harness.tfner("evaluate", model, texts, "--json")
            )
    f1 = {part: told[part]["f1"] for part in PARTS if told.get(part)}
    return f1 | {"sentences_per_second": told["train_sentences_per_second"]}


def without_documents(test: Path, output: Path) -> Path:
    """Write the sentences so that none has a neighbour."""
    with test.open(encoding="utf-8") as lines, output.open("w", encoding="utf-8") as to:
        for line in lines:
            sentence = json.loads(line)
            sentence.pop("document", None)
            print(json.dumps(sentence), file=to)
    return output


def summary(runs: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Average over the seeds, by corpus and options."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        name = f"{run['corpus']}, {run['options'] or 'the recipe'}"
        rows.setdefault(name, []).append(run)
    return {name: _means(group) for name, group in rows.items()}


def _means(runs: list[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {"seeds": len(runs)}
    for part in PARTS:
        values = [run[part] for run in runs if run.get(part) is not None]
        means[part] = harness.shown(values) if values else "–"
    return means


if __name__ == "__main__":
    main()
