"""The recipe of `tfner train` on a corpus, and on parts of it beside 12 settings.

The parts are the first sentences of one seeded shuffle. The grid is four learning rates
by three numbers of epochs around what a corpus of that size needs; its other settings
are the recipe's of a small run: batches of 16, no decay of rates, warm-up of a tenth,
viterbi. Its best is taken by the test F1, which favours the grid. The whole corpus (0
sentences) is trained by the recipe alone. Every finished run is written at once, and
runs that the output holds are not repeated:

    python -m benchmarks.accuracy.recipe ENCODER TRAIN TEST --name "MIT Movie, MiniLM" \
        --sentences 0 100 500 2000 --output recipe.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import read_corpus

RATES = ("1e-4", "2e-4", "4e-4", "8e-4")
WHOLE = 0
EPOCHS = {WHOLE: (), 100: (10, 20, 40), 500: (5, 10, 20), 2_000: (4, 8, 16)}
"""Epochs of the grid by the sentences of a part."""
FIXED = {"recipe": "published", "batch-size": 16, "decode": "viterbi"}


def main() -> None:
    """Run what the output lacks, and write after each."""
    args = arguments()
    grid = {"rates": RATES, "epochs": EPOCHS, **FIXED}
    record = harness.held(args.output, grid=grid)
    labels = types(args.train)
    with tempfile.TemporaryDirectory() as folder:
        for size in args.sentences:
            part = Path(folder) / f"{size or 'whole'}{args.train.suffix}"
            part.write_text(sample(args.train, size), encoding="utf-8")
            for settings in settings_of(size, args.seeds):
                key = {"corpus": args.name, "sentences": size, **settings}
                if not harness.is_held(record, key):
                    run = train(args, part, labels, settings, Path(folder) / "model")
                    record["runs"].append(key | run)
                    record["summary"] = summary(record["runs"])
                    harness.write(record, args.output)
    harness.show(record["summary"])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("train", type=Path, help="columns")
    parser.add_argument("test", type=Path)
    parser.add_argument("--dev", type=Path, help="of the whole corpus")
    parser.add_argument(
        "--name", required=True, help="of corpus and encoder, and of another precision"
    )
    parser.add_argument("--precision", default="float32", help="of training")
    parser.add_argument("--sentences", type=int, nargs="+", default=list(EPOCHS))
    parser.add_argument("--seeds", type=int, default=3, help="runs of the recipe")
    return parser.parse_args()


def types(train: Path) -> list[str]:
    """List the entity types of the whole corpus; a part may lack one."""
    found = {e.label for document in read_corpus(train) for e in document.entities}
    return sorted(found)


def sample(train: Path, size: int) -> str:
    """Return so many sentences of a column file, drawn by a seeded shuffle."""
    text = train.read_text(encoding="utf-8")
    if size == WHOLE:
        return text
    blocks = [block.strip("\n") for block in text.split("\n\n")]
    sentences = [b for b in blocks if b and not b.startswith(("###", "-DOCSTART-"))]
    random.Random(0).shuffle(sentences)
    return "\n\n".join(sentences[:size]) + "\n"


def settings_of(size: int, seeds: int) -> list[dict[str, Any]]:
    """List the runs on a part: the recipe's seeds, then the grid's first seed."""
    grid = itertools.product(RATES, EPOCHS[size])
    return [
        *({"way": "recipe", "seed": seed} for seed in range(seeds)),
        *(
            {"way": "grid", "seed": 0, "learning_rate": rate, "epochs": epochs}
            for rate, epochs in grid
        ),
    ]


def train(
    args: argparse.Namespace,
    part: Path,
    labels: list[str],
    settings: dict[str, Any],
    output: Path,
) -> dict[str, Any]:
    """Train one tagger and return its scores."""
    given = {"train": part, "test": args.test, "encoder": args.encoder}
    given |= {"output": output, "overwrite": True, "precision": args.precision}
    given |= {"dev": args.dev} if part.stem == "whole" else {}
    given |= {k: v for k, v in settings.items() if k != "way"}
    given |= FIXED if settings["way"] == "grid" else {}
    named = itertools.chain.from_iterable(("--labels", label) for label in labels)
    told = json.loads(harness.tfner("train", *harness.flags(given), *named, "--json"))
    return {"f1": told["test"]["f1"], "dev_f1": (told["dev"] or {}).get("f1")}


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Set the recipe beside the best, the median and the worst of the grid."""
    rows: dict[str, dict[str, Any]] = {"whole": {}, "parts": {}}
    for corpus, size in dict.fromkeys((r["corpus"], r["sentences"]) for r in runs):
        of_part = [r for r in runs if (r["corpus"], r["sentences"]) == (corpus, size)]
        recipe = [run["f1"] for run in of_part if run["way"] == "recipe"]
        if not recipe:
            continue
        f1 = sum(recipe) / len(recipe)
        shown = harness.shown(recipe)
        row = {"seeds": len(recipe), "f1": round(f1, 4), "shown": shown}
        grid = sorted(run["f1"] for run in of_part if run["way"] == "grid")
        if size == WHOLE:
            rows["whole"][corpus] = row
        elif grid:
            row |= {"runs": len(grid), "worst": grid[0], "best": grid[-1]}
            row |= {"median": grid[len(grid) // 2]}
            rows["parts"][f"{corpus}, {size:>5,} sentences"] = row
    return rows


if __name__ == "__main__":
    main()
