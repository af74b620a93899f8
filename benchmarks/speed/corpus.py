"""Speed and memory of reading, checking, counting and converting a large column file.

Makes a file of invented words, two columns in IOB2 and about fifteen words a sentence,
and another four times as large; runs each command on each in a process of its own.
Processor seconds tell what it takes, whatever else the machine does; the peak of memory
at both sizes tells what grows with the file. A million lines take two minutes:

    python -m benchmarks.speed.corpus --lines 1000000 --output corpus.json
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import harness

Item = TypeVar("Item")

LARGER = 4
DRAWN = 1000
WORDS, NAMES = 40_000, 8_000
LABELS = ("PER", "LOC", "ORG", "MISC")
SHARE_OF_NAMES = 0.1
LENGTHS = (5, 25)
SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "an")]
READ = "from tfner import read_corpus; print(sum(1 for _ in read_corpus({!r})))"


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = {"file": args.lines, "larger_file": LARGER * args.lines}
        record: dict[str, Any] = harness.values(args, "lines", "seed")
        for name, lines in sizes.items():
            path = Path(folder) / f"{name}.bio"
            write(path, lines, args.seed)
            record[name] = {"lines": lines, "mb": round(path.stat().st_size / 1e6, 1)}
            for way, command in ways(path).items():
                record[name][way] = harness.usage_of(command)
    harness.write(record, args.output)
    harness.show(record)


def ways(path: Path) -> dict[str, list[object]]:
    """Return a command for each thing that is done with a file."""
    tfner = [sys.executable, "-m", "tfner.cli.main", "--quiet", "corpus"]
    records, columns = path.with_suffix(".jsonl"), path.with_suffix(".conll")
    return {
        "read": [sys.executable, "-c", READ.format(str(path))],
        "check": [*tfner, "check", path],
        "stats": [*tfner, "stats", path],
        "convert_to_jsonl": [*tfner, "convert", path, records],
        "convert_to_bioes": [*tfner, "convert", path, columns, "--scheme", "BIOES"],
    }


def write(path: Path, lines: int, seed: int) -> None:
    """Write a column file of so many lines, the same one for the same seed."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(rows(lines, random.Random(seed)))


def rows(lines: int, chance: random.Random) -> Iterator[str]:
    """Yield lines; words and names are as frequent as those of a language (Zipf)."""
    words = [invented(chance) for _ in range(WORDS)]
    names = [
        (invented(chance).title(), label) for label in LABELS for _ in range(NAMES)
    ]
    chance.shuffle(names)
    many, named = endless(words, chance), endless(names, chance)
    written = 0
    while written < lines:
        left = min(chance.randint(*LENGTHS), lines - written - 1)
        written += left + 1
        while left > 0:
            if chance.random() > SHARE_OF_NAMES:
                yield f"{next(many)}\tO\n"
                left -= 1
                continue
            name, label = next(named)
            yield f"{name}\tB-{label}\n"
            left -= 1
            if left and chance.random() < 0.5:
                yield f"{next(named)[0]}\tI-{label}\n"
                left -= 1
        yield "\n"


def invented(chance: random.Random) -> str:
    """Return a word of one to four syllables."""
    return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 4)))


def endless(items: Sequence[Item], chance: random.Random) -> Iterator[Item]:
    """Yield items, the first ones most often.

    Few are drawn at once: a command's peak of memory is at least that of this process.
    """
    weights = list(accumulate(1 / rank for rank in range(1, len(items) + 1)))
    while True:
        yield from chance.choices(items, cum_weights=weights, k=DRAWN)


if __name__ == "__main__":
    main()
