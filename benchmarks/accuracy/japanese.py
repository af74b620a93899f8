"""Japanese NER the whole way by the command line, and what its words cannot express.

Takes the folder of a UD_Japanese-GSD release with named entities (`train.bio`,
`dev.bio`, `test.bio` and `raw/*.txt`) and a directory with a vocabulary. Counts, then
converts, trains, evaluates, exports and evaluates the export with `tfner`, and compares
the two scores. Without `--encoder` an ELECTRA of the given sizes with random weights is
trained: its F1 says nothing of a pretrained one. Ten epochs of the default sizes take
about twelve minutes on two cores:

    python -m benchmarks.accuracy.japanese GSD VOCABULARY --epochs 10 \
        --output japanese.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import (
    Document,
    LabelSet,
    TokenClassification,
    load_tokenizer,
    read_corpus,
    score,
)
from tfner.tokenization import Tokenizer

PARTS = ("train", "dev", "test")
LENGTHS = (128, 512)


def main() -> None:
    """Count, run the commands, write."""
    args = arguments()
    tokenizer = load_tokenizer(args.vocabulary)
    record: dict[str, Any] = {
        "corpus": args.name or args.gsd.name,
        "parts": {part: count(args.gsd, part, tokenizer) for part in PARTS},
    }
    with tempfile.TemporaryDirectory() as folder:
        record["run"] = run(args, Path(folder))
    harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("gsd", type=Path)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("--name", help="of the release, for the result")
    parser.add_argument("--encoder", type=Path, help="pretrained; random if not given")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--preset")
    parser.add_argument("--trials", type=int, default=1)
    return parser.parse_args()


def convert(gsd: Path, folder: Path) -> dict[str, Path]:
    """Write the parts as documents with their raw text; return their files."""
    parts = {part: folder / f"{part}.jsonl" for part in PARTS}
    for part, target in parts.items():
        columns, raw = files(gsd, part)
        harness.tfner("corpus", "convert", columns, target, "--raw-text", raw)
    return parts


def files(gsd: Path, part: str) -> tuple[Path, Path]:
    """Return column file and raw text of one part."""
    return gsd / f"{part}.bio", gsd / "raw" / f"{part}.txt"


def count(gsd: Path, part: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """Count sentences, words, entities, and what MeCab and windows lose of them."""
    columns, raw = files(gsd, part)
    documents = list(read_corpus(columns, raw_text=raw))
    by_mecab = [
        Document(d.id, d.text, (), tokenizer.encode(d.text).words) for d in documents
    ]
    counts = score(documents, by_mecab).coverage
    lost = {
        str(length): {
            how: words_lost(documents, tokenizer, length, how)
            for how in ("window", "truncate")
        }
        for length in LENGTHS
    }
    return {
        "sentences": len(documents),
        "words": sum(len(document.words or ()) for document in documents),
        "entities": counts["gold_entities"],
        "entities_off_mecab_words": counts["entities_off_word_boundaries"],
        "texts_with_a_space": sum(" " in document.text for document in documents),
        "words_lost": lost,
    }


def words_lost(
    documents: Sequence[Document], tokenizer: Tokenizer, length: int, how: str
) -> int:
    """Count the words that no window gives a prediction for."""
    task = TokenClassification(
        tokenizer, LabelSet(["X"]), max_length=length, words="own", on_overflow=how
    )
    lost = 0
    for document in documents:
        windows = task.encode(document).windows
        predicted = sum(len(window.word_index) for window in windows)
        lost += (
            len(task.windowing.words_of(task.tokenizer, document, windows)) - predicted
        )
    return lost


def run(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Convert, train, evaluate, export, evaluate the export."""
    parts = convert(args.gsd, folder)
    names = ("epochs", "batch_size", "learning_rate", "trials", "preset")
    encoder = args.encoder or random_electra(args, folder / "encoder")
    files = {**parts, "encoder": encoder, "output": folder / "model"}
    files["recipe"] = "published"
    report = told("train", *harness.flags(files | harness.values(args, *names)))
    bundle = report["bundle"]
    scores = told("evaluate", bundle, parts["test"])
    exported = told("export", bundle, folder / "out", "--max-length", 512)
    again = told("evaluate", exported["saved_model"], parts["test"])
    return {
        "encoder": "given" if args.encoder else "random weights",
        **harness.values(args, "layers", "width", *names[:3], "preset"),
        "trials": [
            {"seed": t["seed"], "dev_f1": t["dev"]["f1"], "test": brief(t["test"])}
            for t in report["trials"]
        ],
        "summary": report["summary"],
        "train_sentences_per_second": report["train_sentences_per_second"],
        "bundle": brief(scores),
        "export": brief(again),
        "export_equals_bundle": scores["per_label"] == again["per_label"],
        "max_abs_difference": exported["max_abs_difference"],
        "signature": signature(exported["saved_model"]),
    }


def brief(score: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a score that go into a result."""
    names = ("f1", "precision", "recall", "support", "interval")
    return {
        **{name: score[name] for name in names},
        "entities_off_word_borders": score["coverage"]["entities_off_word_boundaries"],
    }


def told(*arguments: object) -> dict[str, Any]:
    """Run a command of `tfner` and return its JSON."""
    report: dict[str, Any] = json.loads(harness.tfner(*arguments, "--json"))
    return report


def signature(saved_model: str) -> list[str]:
    """Return what TensorFlow's own tool shows of the serving signature."""
    program = Path(sys.executable).with_name("saved_model_cli")
    shown = harness.output_of(
        [
            *(program, "show", "--dir", saved_model, "--tag_set", "serve"),
            *("--signature_def", "serving_default"),
        ]
    )
    return [line.strip() for line in shown.splitlines() if line.strip()]


def random_electra(args: argparse.Namespace, folder: Path) -> Path:
    """Write an ELECTRA encoder with random weights, the vocabulary beside it."""
    return harness.save_random_encoder(
        args.vocabulary,
        folder,
        family="electra",
        hidden_size=args.width,
        num_layers=args.layers,
        num_heads=args.width // 64,
        intermediate_size=4 * args.width,
        embedding_size=128,
    )


if __name__ == "__main__":
    main()
