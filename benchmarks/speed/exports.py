"""Every format and precision of an export: size, F1, speed and the time to load it.

    python -m benchmarks.speed.exports MODEL engtest.bio --calibrate engtrain.bio \
        --output exports.json

Exports the model in every format that `tfner export` has, in every precision, and in
int8 also calibrated, where that makes a difference. All find the entities of the same
texts through the Predictor, one after the other in every round, in one process; then
those of one short text. Megabytes are those of all files. The first answer is that of
`tfner predict` in a process of its own, from its start: imports, loading, one text.
MIT Movie's test part takes ten minutes on an idle core.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.speed.engines import SINGLES, f1, measured
from tfner import Predictor, read_corpus
from tfner.storage.workers import available_cores
from tfner_export.formats import FORMATS

BUNDLE = "the bundle itself"


def main() -> None:
    """Export, measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--calibrate", type=Path, help="corpus, to calibrate int8 with")
    parser.add_argument("--sentences", type=int, help="texts; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    gold = list(read_corpus(args.corpus))[: args.sentences]
    texts = [document.text for document in gold]
    short = sorted(texts, key=len)[len(texts) // 2]
    with tempfile.TemporaryDirectory() as folder:
        made, left_out = export_all(args, Path(folder))
        places = {BUNDLE: args.model} | made
        # While this process is small: its memory counts as theirs until they start.
        first = {name: first_answer(place, short) for name, place in places.items()}
        ways = {name: Predictor.load(place).predict for name, place in places.items()}
        scores = {name: f1(gold, find(texts)) for name, find in ways.items()}
        whole = measured(ways, texts, args.repeats)
        single = measured(ways, [short], SINGLES)
        sizes = {name: megabytes(place) for name, place in places.items()}
    record = {
        "model": args.model.name,
        "corpus": args.corpus.name,
        "sentences": len(texts),
        "cores": available_cores(),
        "repeats": args.repeats,
        "short": short,
        "left_out": left_out,
        "exports": {
            name: {
                "megabytes": sizes[name],
                "f1": round(100 * scores[name], 2),
                "sentences_per_processor_second": round(
                    len(texts) / whole[name]["processor_seconds"], 1
                ),
                "short_text_processor_ms": round(
                    1000 * single[name]["processor_seconds"], 2
                ),
                "first_answer": first[name],
            }
            for name in places
        },
    }
    harness.write(record, args.output)
    harness.show(record)


def export_all(
    args: argparse.Namespace, folder: Path
) -> tuple[dict[str, Path], dict[str, str]]:
    """Export in all ways.

    Returns:
        Where each export lies, and what `tfner export` says of those that there are
        not, both by their names.
    """
    made, left_out = {}, {}
    for name, flags in ways_of(args.calibrate):
        place = folder / name.replace(" ", "_")
        command = [sys.executable, "-m", "tfner.cli.main", "export", args.model, place]
        words = list(map(str, [*command, *flags]))
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            left_out[name] = done.stderr.strip().splitlines()[-1]
        else:
            made[name] = place
    return made, left_out


def ways_of(calibrate: Path | None) -> Iterator[tuple[str, list[Any]]]:
    """Yield the names of all ways, and the flags of each."""
    for name, format in FORMATS.items():
        for precision in format.precisions:
            flags: list[Any] = ["--format", name]
            if len(format.precisions) > 1:
                flags += ["--precision", precision]
            yield f"{name}, {precision}", flags
            if calibrate and precision == "int8" and "calibrate" in format.settings:
                more = [*flags, "--calibrate", calibrate]
                yield f"{name}, {precision}, calibrated", more


def first_answer(place: Path, text: str) -> dict[str, Any]:
    """Measure `tfner predict` of one text, from nothing."""
    return harness.usage_of(
        [sys.executable, "-m", "tfner.cli.main", "predict", place, "--text", text]
    )


def megabytes(place: Path) -> float:
    """Return what all files of a directory take."""
    files = (path for path in place.rglob("*") if path.is_file())
    return round(sum(path.stat().st_size for path in files) / 1e6, 1)


if __name__ == "__main__":
    main()
