"""Japanese NER the whole way by the command line, and what its words cannot express.

Takes the folder of a UD_Japanese-GSD release with named entities (`train.bio`,
`dev.bio`, `test.bio` and `raw/*.txt`) and a directory with a vocabulary. Counts, then
converts, trains, evaluates, exports and evaluates the export with `tfner`, and compares
the two scores. Without `--encoder` an ELECTRA of the given sizes with random weights is
trained: its F1 says nothing of a pretrained one. Ten epochs of the default sizes take
about twelve minutes on two cores:

    python benchmarks/japanese.py GSD VOCABULARY --epochs 10 --output japanese.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from environment import describe

from tfner.corpus import read_corpus
from tfner.document import Document
from tfner.evaluation.coverage import Coverage
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer

PARTS = ("train", "dev", "test")
LENGTHS = (128, 512)


def main() -> None:
    """Count, run the commands, write."""
    args = arguments()
    tokenizer = load_tokenizer(args.vocabulary)
    record: dict[str, Any] = {
        "corpus": args.name or args.gsd.name,
        "parts": {part: count(args.gsd, part, tokenizer) for part in PARTS},
        **describe(),
    }
    with tempfile.TemporaryDirectory() as folder:
        record["run"] = run(args, Path(folder))
    args.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record, indent=2) + "\n")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
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
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def files(gsd: Path, part: str) -> tuple[Path, Path]:
    """Column file and raw text of one part."""
    return gsd / f"{part}.bio", gsd / "raw" / f"{part}.txt"


def count(gsd: Path, part: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """Sentences, words, entities, and what MeCab's words and windows lose of them."""
    columns, raw = files(gsd, part)
    documents = list(read_corpus(columns, raw_text=raw))
    coverage = Coverage()
    for document in documents:
        found = Document(
            document.id, document.text, (), tokenizer.encode(document.text).words
        )
        coverage.add(document, found)
    counts = coverage.to_json()
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
        "entities_off_mecab_words": counts["entities_off_word_borders"],
        "texts_with_a_space": sum(" " in document.text for document in documents),
        "words_lost": lost,
    }


def words_lost(
    documents: Sequence[Document], tokenizer: Tokenizer, length: int, how: str
) -> int:
    """Words that no window gives a prediction for."""
    task = TokenClassification(
        tokenizer, LabelSet(["X"]), max_length=length, words="own", on_overflow=how
    )
    lost = 0
    for document in documents:
        windows = task.encode(document)
        predicted = sum(len(window.word_index) for window in windows)
        lost += len(task.words_of(document, windows)) - predicted
    return lost


def run(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Convert, train, evaluate, export, evaluate the export."""
    for part in PARTS:
        columns, raw = files(args.gsd, part)
        tfner("corpus", "convert", columns, folder / f"{part}.jsonl", "--raw-text", raw)
    encoder = args.encoder or random_encoder(args, folder / "encoder")
    model, test = folder / "model", folder / "test.jsonl"
    flags = ["--train", folder / "train.jsonl", "--dev", folder / "dev.jsonl"]
    flags += ["--test", test, "--encoder", encoder, "--output", model]
    flags += ["--epochs", args.epochs, "--batch-size", args.batch_size]
    flags += ["--learning-rate", args.learning_rate, "--trials", args.trials]
    flags += ["--preset", args.preset] if args.preset else []
    report = json.loads(tfner("train", *flags, "--json"))
    bundle = report["bundle"]
    scores = json.loads(tfner("evaluate", bundle, test, "--json"))
    exported = json.loads(
        tfner("export", bundle, folder / "out", "--max-length", "512", "--json")
    )
    again = json.loads(tfner("evaluate", exported["saved_model"], test, "--json"))
    return {
        "encoder": "given" if args.encoder else "random weights",
        "layers": args.layers,
        "width": args.width,
        "epochs": args.epochs,
        "batch_size": args.batch_size,
        "learning_rate": args.learning_rate,
        "preset": args.preset,
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
    """The figures of a score that go into the result."""
    names = ("f1", "precision", "recall", "support", "interval")
    return {
        **{name: score[name] for name in names},
        "entities_off_word_borders": score["coverage"]["entities_off_word_borders"],
    }


def tfner(*arguments: object) -> str:
    """Standard output of a command; its errors go to ours."""
    command = [sys.executable, "-m", "tfner.cli.main", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def signature(saved_model: str) -> list[str]:
    """What TensorFlow's own tool shows of the serving signature."""
    program = Path(sys.executable).with_name("saved_model_cli")
    command = [program, "show", "--dir", saved_model, "--tag_set", "serve"]
    command += ["--signature_def", "serving_default"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def random_encoder(args: argparse.Namespace, folder: Path) -> Path:
    """An ELECTRA encoder that has learnt nothing, with the vocabulary beside it."""
    import keras

    from tfner.checkpoints.huggingface import save_encoder
    from tfner.models.encoders.bert import Encoder

    keras.utils.set_random_seed(0)
    tokenizer = load_tokenizer(args.vocabulary)
    encoder = Encoder(
        family="electra",
        vocab_size=tokenizer.vocab_size,
        hidden_size=args.width,
        num_layers=args.layers,
        num_heads=args.width // 64,
        intermediate_size=4 * args.width,
        embedding_size=128,
    )
    encoder.build()
    save_encoder(encoder, folder)
    tokenizer.save(folder)
    return folder


if __name__ == "__main__":
    main()
