"""Speed and memory of making pretraining records from raw text.

Three ways over the same text, each in a process of its own that works alone:

- tfner: `build_pretraining_data` with one process;
- naive: google-research/electra's rules sentence by sentence with tfner's `encode`,
  records padded to the full length and written by TensorFlow;
- transformers: the same with `BertJapaneseTokenizer` of the same vocabulary.

Rates count processor time, start-up and loading left out. 12 MB with a Japanese
vocabulary take two minutes on a free core:

    python -m benchmarks.pretraining.records TEXT TOKENIZER \
        --output pretraining_data.json
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import load_tokenizer
from tfner.pretraining.text.articles import read_articles

SPECIAL = {"[CLS]": 2, "[SEP]": 3}


def main() -> None:
    """Measure and write, or, with --way, be one of the measured processes."""
    args = arguments()
    if args.way:
        sys.stdout.write(f"{WAYS[args.way](args)}")
        return
    ways = {way: partial(measure, way, args) for way in WAYS}
    runs = harness.in_turn(ways, args.repeats)
    best = {
        way: max(run["mb_per_second"] for run in measured)
        for way, measured in runs.items()
    }
    record = {
        "text": Path(args.text).name,
        "megabytes": megabytes(args.text),
        "max_length": args.max_length,
        "runs": runs,
        "best_mb_per_second": best,
        "times_naive": round(best["tfner"] / best["naive"], 2),
        "times_transformers": round(best["tfner"] / best["transformers"], 2),
    }
    harness.write(record, args.output)
    harness.show(record)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = harness.parser(__doc__)
    parser.add_argument("text")
    parser.add_argument("tokenizer")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


def megabytes(text: str) -> float:
    """Return the size of the lines, unpacked."""
    lines = (line for article in read_articles(text) for line in article)
    return sum(len(line.encode()) + 1 for line in lines) / 1e6


def measure(way: str, args: argparse.Namespace) -> dict[str, float]:
    """Return rate and peak memory of one way, in a process of its own."""
    words = harness.flags({"way": way, "max_length": args.max_length})
    module = [sys.executable, "-m", "benchmarks.pretraining.records"]
    output, _, memory = harness.measured([*module, args.text, args.tokenizer, *words])
    seconds = float(output)
    return {
        "processor_seconds": round(seconds, 2),
        "mb_per_second": round(megabytes(args.text) / seconds, 3),
        "peak_memory_mb": memory,
    }


def run_tfner(args: argparse.Namespace) -> float:
    """Return the seconds of `tfner pretrain-data`."""
    from tfner.pretraining.dataset.build import build_pretraining_data

    tokenizer = load_tokenizer(args.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        build_pretraining_data(
            *([args.text], tokenizer, Path(folder) / "data"),
            max_length=args.max_length,
            processes=1,
        )
        return time.process_time() - start


def run_naive(args: argparse.Namespace) -> float:
    """Return the seconds of the published rules with tfner's tokenizer."""
    tokenizer = load_tokenizer(args.tokenizer)
    return write_naively(args, lambda line: tokenizer.encode(line).ids.tolist())


def run_transformers(args: argparse.Namespace) -> float:
    """Return the seconds of the published rules with the usual Japanese tokenizer."""
    from transformers import BertJapaneseTokenizer

    tokenizer = BertJapaneseTokenizer.from_pretrained(args.tokenizer)

    def encode(line: str) -> list[int]:
        ids: list[int] = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(line))
        return ids

    return write_naively(args, encode)


def write_naively(
    args: argparse.Namespace, encode: Callable[[str], list[int]]
) -> float:
    """Write records of full length one by one with TensorFlow; return the seconds."""
    import tensorflow as tf

    def feature(values: list[int]) -> Any:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        with tf.io.TFRecordWriter(f"{folder}/data.tfrecord") as writer:
            for article in read_articles(args.text):
                sentences = [encode(line) for line in article]
                for pair in naive_segments(sentences, args.max_length, random.Random()):
                    columns = naive_record(*pair, args.max_length)
                    features = {name: feature(row) for name, row in columns.items()}
                    example = tf.train.Example(
                        features=tf.train.Features(feature=features)
                    )
                    writer.write(example.SerializeToString())
        return time.process_time() - start


def naive_segments(
    sentences: list[list[int]], max_length: int, rng: random.Random
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield segments by google-research/electra's rules in the order of its program.

    Its random numbers are drawn in the same order as tfner's, which tests rely on.
    """
    left = iter(sentences)
    while True:
        target = max_length
        if rng.random() < 0.05:
            target = rng.randint(5, max_length)
        current: list[list[int]] = []
        length = 0
        for sentence in left:
            current.append(sentence)
            length += len(sentence)
            if length >= target:
                break
        if not length:
            return
        middle = 100_000 if rng.random() < 0.1 else (target - 3) // 2
        first, second = deal(current, middle, rng)
        first = first[: max_length - 2]
        yield first, second[: max(0, max_length - len(first) - 3)]


def deal(
    sentences: list[list[int]], middle: int, rng: random.Random
) -> tuple[list[int], list[int]]:
    """Deal sentences to two segments."""
    first: list[int] = []
    second: list[int] = []
    for sentence in sentences:
        fits = len(first) + len(sentence) < middle
        if (
            not first
            or fits
            or (not second and len(first) < middle and rng.random() < 0.5)
        ):
            first += sentence
        else:
            second += sentence
    return first, second


def naive_record(
    first: list[int], second: list[int], max_length: int
) -> dict[str, list[int]]:
    """Return ids, mask and segments of full length."""
    ids = [SPECIAL["[CLS]"], *first, SPECIAL["[SEP]"]]
    segments = [0] * len(ids)
    if second:
        ids += [*second, SPECIAL["[SEP]"]]
        segments += [1] * (len(second) + 1)
    padding = [0] * (max_length - len(ids))
    return {
        "input_ids": ids + padding,
        "input_mask": [1] * len(ids) + padding,
        "segment_ids": segments + padding,
    }


WAYS = {"tfner": run_tfner, "naive": run_naive, "transformers": run_transformers}

if __name__ == "__main__":
    main()
