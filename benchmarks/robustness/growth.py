"""How the time to use a corpus grows with its size, for corpora made to be slow.

Makes corpora of every format whose parts are many or large in one way: one line, one
sentence, labels, entities within each other, faults, brackets that nothing closes. Each
is read, counted, checked, split, scored and written. It is made larger until that takes
long enough to be measured, and then several times as large. Writes the exponent, 1
where twice the file takes twice the time, as JSON:

    python -m benchmarks.robustness.growth --output growth.json

`--only WORD` measures the cases whose names hold a word.
"""

from __future__ import annotations

import gc
import logging
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.hostile_records import PAIR, RECORDS
from benchmarks.hostile_texts import TEXTS, Make
from tfner import read_corpus, score, write_corpus
from tfner.corpus import FORMATS
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.comparison import Comparison, render_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.split import split_documents
from tfner.corpus.stats import count_corpus
from tfner.document import Entity
from tfner.errors import TfnerError

CASES = {**TEXTS, **RECORDS}
LIMIT = 1.3
"""The largest exponent that is no finding."""
LEAST, LONGEST = 0.05, 20.0
"""Processor seconds of the smaller corpus, and after which the larger one is ended."""
TIMES, LARGEST = 8, 1 << 19
"""How much larger the larger one is, and the most bytes of the smaller one."""
LONGEST_MESSAGE = 20_000


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("--only", default="", help="a word of the cases' names")
    args = parser.parse_args()
    logging.disable()
    found: dict[str, Any] = {}
    for name in CASES:
        if args.only in name:
            found[name] = growth(name)
            print(name, found[name], file=sys.stderr, flush=True)
    slow = [name for name, row in found.items() if is_bad(row)]
    record = {"limit": LIMIT, "slow": slow, "cases": found}
    harness.write(record, args.output)
    harness.show(record)


def is_bad(row: dict[str, Any]) -> bool:
    """Tell whether a case is a finding."""
    return row["exponent"] > LIMIT or "wrong" in row


def growth(name: str, *, least: float = LEAST, times: int = TIMES) -> dict[str, Any]:
    """Measure a case of n parts and of several times as many.

    Args:
        name: a key of `CASES`.
        least: processor seconds that n parts take.
        times: how many times as many.

    Returns:
        Bytes and processor seconds of both, the exponent (0 where the larger corpus
        took too little to tell), and what is wrong, if anything is.
    """
    with tempfile.TemporaryDirectory() as folder:
        parts = 100
        while True:
            size, seconds, wrong = measured(name, parts, Path(folder))
            if seconds >= least or size >= LARGEST:
                break
            parts *= 4 if seconds < least / 8 else 2
        larger, more, wrong = measured(name, times * parts, Path(folder))
    exponent = math.log(more / seconds) / math.log(larger / size)
    row = {
        "bytes": [size, larger],
        "seconds": [round(seconds, 3), round(more, 3)],
        "exponent": round(exponent, 2) if more > times * least else 0.0,
    }
    return row | ({"wrong": wrong} if wrong else {})


def measured(name: str, parts: int, folder: Path) -> tuple[int, float, str]:
    """Use a case; return its bytes, processor seconds, and what is wrong, if so."""
    format, make = name.partition(":")[0], CASES[name]
    path = written(make, parts, format, folder)
    size = sum(file.stat().st_size for file in folder.glob("corpus*"))
    wrong = ""
    gc.collect()
    gc.disable()  # which takes its turns when it likes
    begin = time.process_time()
    try:
        with harness.within(LONGEST):
            use(path, format, folder)
    except harness.Late:
        wrong = f"longer than {LONGEST} s"
    except TfnerError as error:
        if len(str(error)) > LONGEST_MESSAGE:
            wrong = f"a message of {len(str(error)):,} characters"
    except Exception as error:
        wrong = f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        gc.enable()
    return size, max(time.process_time() - begin, 1e-3), wrong


def written(make: Make, parts: int, format: str, folder: Path) -> Path:
    """Write a case; return the path by which it is read."""
    content = make(parts)
    path = folder / "corpus"
    if format == "brat":
        text, _, content = content.partition(PAIR)
        path.with_suffix(".txt").write_text(text, encoding="utf-8")
        path = path.with_suffix(".ann")
    path.write_text(content, encoding="utf-8", newline="")
    return path


def use(path: Path, format: str, folder: Path) -> None:
    """Do with a corpus what the commands do.

    Raises:
        TfnerError: it cannot be read.
    """
    options = ReadOptions(discontinuous="parts")
    check_corpora([str(path)], format=format, options=options, keep=20)
    documents = list(read_corpus(path, format=format, discontinuous="parts"))
    comparison = Comparison()
    counts = count_corpus(comparison.watch(documents, str(path)))
    render_corpora([(str(path), counts)], comparison)
    for other in {"jsonl", format}:
        if FORMATS[other].write is not None:
            attempt(partial(write_corpus, documents, folder / "x", format=other))
    attempt(lambda: split_documents(documents, (0.5, 0.5)))
    guesses = [replace(d, entities=tuple(map(moved, d.entities))) for d in documents]
    attempt(lambda: score(documents, guesses, resamples=0))


def attempt(call: Callable[[], object]) -> None:
    """Do what a corpus may not allow."""
    try:
        call()
    except TfnerError as error:
        if len(str(error)) > LONGEST_MESSAGE:
            raise


def moved(entity: Entity) -> Entity:
    """Return an entity that overlaps another one."""
    return replace(entity, end=max(entity.start + 1, entity.end - 1), label="Z")


if __name__ == "__main__":
    main()
