"""Entities of an exported tagger: the pipeline of transformers beside `tfner predict`.

Trains a tagger (or takes `--model`), exports it for transformers, and compares the
entities of `pipeline("token-classification", aggregation_strategy=...)` with those of
`tfner predict`, by both decoders, on the sentences of the test and the training corpus
as raw text. Five minutes on two cores, three of them for training:

    python -m benchmarks.robustness.pipeline ENCODER mit_movie/engtrain.bio \
        mit_movie/engtest.bio --limit 3000 --epochs 2 --output pipeline.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import read_corpus

DECODERS = ("argmax", "viterbi")
STRATEGIES = ("first", "simple")
EXAMPLES = 2

Entities = list[tuple[int, int, str]]


def main() -> None:
    """Measure and write."""
    args = arguments()
    with tempfile.TemporaryDirectory() as name:
        bundle, exported = args.model or Path(name) / "model", Path(name) / "exported"
        if not args.model:
            harness.train_tagger(args, args.seeds[0], bundle)
        harness.tfner("export", bundle, exported, "--format", "huggingface")
        texts = sentences(args)
        ours = {by: predicted(bundle, texts, Path(name), by) for by in DECODERS}
        theirs = {by: piped(exported, texts, by) for by in STRATEGIES}
    record = {
        "train": args.train.name,
        "test": args.test.name,
        "settings": None if args.model else harness.values(args, *harness.TRAINING),
        "sentences": len(texts),
        "entities": sum(map(len, ours["argmax"])),
        **{
            strategy: {
                "warnings": told,
                **{by: compared(texts, ours[by], found) for by in DECODERS},
            }
            for strategy, (found, told) in theirs.items()
        },
    }
    harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    harness.add_training(parser)
    parser.add_argument("--model", type=Path, help="a finished one: nothing is trained")
    parser.add_argument("--sentences", type=int, default=2000, help="to compare")
    return parser.parse_args()


def sentences(args: argparse.Namespace) -> list[str]:
    """Return the first different texts of the test and the training corpus."""
    documents = itertools.chain(*map(read_corpus, (args.test, args.train)))
    return list(dict.fromkeys(d.text for d in documents))[: args.sentences]


def predicted(
    bundle: Path, texts: Sequence[str], folder: Path, decoder: str
) -> list[Entities]:
    """Return what `tfner predict` finds in each text."""
    file = folder / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    output = harness.tfner(
        "predict", bundle, file, "--decode", decoder, "--to", "jsonl"
    )
    records = [json.loads(line) for line in output.splitlines()]
    if [record["text"] for record in records] != list(texts):
        raise SystemExit("the texts of the predictions are not those that were given")
    return [
        [(e["start"], e["end"], e["label"]) for e in record["entities"]]
        for record in records
    ]


def piped(
    directory: Path, texts: Sequence[str], strategy: str
) -> tuple[list[Entities], list[str]]:
    """Return what the pipeline finds in each text, and what it warns of."""
    import transformers

    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    transformers.utils.logging.add_handler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        run = transformers.pipeline(
            "token-classification",
            model=str(directory),
            aggregation_strategy=strategy,
        )
        found = run(list(texts), batch_size=16)
    told += [str(warning.message) for warning in caught]
    return [
        [(e["start"], e["end"], e["entity_group"]) for e in entities]
        for entities in found
    ], sorted(set(told))


def compared(
    texts: Sequence[str], ours: Sequence[Entities], theirs: Sequence[Entities]
) -> dict[str, Any]:
    """Return the number of texts whose entities differ, with the first of them."""
    differing = [
        {"text": text, "tfner": mine, "transformers": yours}
        for text, mine, yours in zip(texts, ours, theirs, strict=True)
        if mine != yours
    ]
    return {"differing_sentences": len(differing), "examples": differing[:EXAMPLES]}


if __name__ == "__main__":
    main()
