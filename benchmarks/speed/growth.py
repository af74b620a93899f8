"""How time and memory of prediction grow: with corpus, length of texts, labels, batch.

    python -m benchmarks.speed.growth --output prediction_growth.json

Measures a small model of random weights, as a whole and its parts alone: `predict`
streams texts; `encode` makes windows; `decode` and `viterbi` make entities of
probabilities at random, of which Viterbi finds no tag sequence valid, its worst case.
For each it tells processor seconds, the peak of Python's and numpy's memory, and the
exponents with which both grow between the last two sizes: 1 is in proportion, 0 not at
all. What grows faster than in proportion is named. Takes three minutes on an idle core.
"""

from __future__ import annotations

import gc
import math
import tempfile
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness, small_models
from tfner import Document, LabelSet, Predictor, TokenClassification, load_tokenizer

AXES: Mapping[str, tuple[int, ...]] = {
    "texts": (50, 500, 5_000),
    "pieces of a text": (16, 64, 256, 512),
    "labels": (10, 50, 100, 200),
    "texts of a call": (1, 16, 256),
}
"""What grows, and to which sizes."""
USUAL = {"texts": 256, "pieces of a text": 16, "labels": 10, "texts of a call": 256}
"""What does not grow meanwhile; a call takes all texts unless it is what grows."""
PARTS = ("predict", "encode", "decode", "viterbi")
ALLOWED = 1.15
"""A greater exponent is faster than in proportion; the rest is what clocks tell."""
SMALLEST = 1.0
"""Megabytes below which a peak tells nothing of growth."""
WINDOW, SEEN = 128, 2
"""Pieces of a model's window, as `tfner train` makes them, with [CLS] and [SEP]."""


@dataclass(frozen=True)
class Case:
    """Texts of one size, and a model for them.

    Args:
        predictor: of a small model.
        texts: to be predicted.
        calls: the same, as they are given to one call after the other.
    """

    predictor: Predictor
    texts: list[Document]
    calls: list[list[Document]]

    def part(self, name: str) -> Callable[[], object]:
        """Return a call that does one part of the work for all texts."""
        task, stream = self.predictor.task, self.predictor.stream
        if name == "predict":
            return lambda: _exhaust(d for texts in self.calls for d in stream(texts))
        if name == "encode":
            return lambda: _exhaust(task.encode(text) for text in self.texts)
        task = _task(task.tokenizer, len(task.label_set.labels), decode=name)
        chunks = [(texts, *_outputs(task, texts)) for texts in self.calls]
        decode = task.decode_all
        return lambda: _exhaust(d for chunk in chunks for d in decode(*chunk))


def main() -> None:
    """Measure all parts along all axes, and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = load_tokenizer(small_models.wordpiece(Path(folder) / "pieces"))
    grown = {}
    for axis, sizes in AXES.items():
        cases = {size: _case(tokenizer, {**USUAL, axis: size}) for size in sizes}
        for part in PARTS:
            points = {
                size: _measured(case.part(part), args.repeats)
                for size, case in cases.items()
            }
            grown[f"{part}, by {axis}"] = {"points": points, **_exponents(points)}
    faster = [name for name, found in grown.items() if found["faster"]]
    record = {"repeats": args.repeats, "grown": grown, "faster": faster}
    harness.write(record, args.output)
    harness.show(record)


def _case(tokenizer: Any, sizes: Mapping[str, int]) -> Case:
    random, words = np.random.default_rng(0), small_models.TEXT.split()
    count = sizes["pieces of a text"] - SEEN
    texts = [
        Document(str(number), " ".join(random.choice(words, count)))
        for number in range(sizes["texts"])
    ]
    step = sizes["texts of a call"]
    if sizes["texts"] != USUAL["texts"]:
        step = sizes["texts"]
    calls = [texts[start : start + step] for start in range(0, len(texts), step)]
    return Case(_predictor(_task(tokenizer, sizes["labels"])), texts, calls)


def _task(tokenizer: Any, labels: int, decode: str = "argmax") -> TokenClassification:
    decoder = "viterbi" if decode == "viterbi" else "argmax"
    names = LabelSet([f"L{number}" for number in range(labels)])
    return TokenClassification(tokenizer, names, max_length=WINDOW, decode=decoder)


def _predictor(task: TokenClassification) -> Predictor:
    import keras

    from tfner.inference.runners import KerasRunner
    from tfner.models.encoders.bert import Encoder

    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=task.tokenizer.vocab_size,
        hidden_size=32,
        num_layers=1,
        num_heads=2,
        intermediate_size=64,
        max_positions=WINDOW,
    )
    model = task.build(encoder)
    model.build()
    return Predictor(task, KerasRunner(model))


def _outputs(task: TokenClassification, texts: list[Document]) -> tuple[Any, Any]:
    """Windows of texts, and outputs of a model that knows nothing."""
    random, tags = np.random.default_rng(0), len(task.label_set.tags)
    windows = [task.encode(text).windows for text in texts]
    outputs = [
        [
            {"probs": random.dirichlet(np.ones(tags), len(w.word_index)).astype("f4")}
            for w in own
        ]
        for own in windows
    ]
    return windows, outputs


def _exhaust(items: Iterable[object]) -> None:
    deque(items, maxlen=0)


def _measured(call: Callable[[], object], repeats: int) -> dict[str, float]:
    """Return the least seconds of the processor, and the peak of memory in a round."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    gc.collect()
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"processor_seconds": min(seconds), "peak_mb": round(peak / 1e6, 2)}


def _exponents(points: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """Return the exponents between the last two sizes, and whether one is too large."""
    (before, first), (after, last) = list(points.items())[-2:]
    ratio = math.log(after / before)

    def exponent(name: str, least: float) -> float:
        grown = max(last[name], least) / max(first[name], least)
        return round(math.log(grown) / ratio, 2)

    found = {
        "seconds_exponent": exponent("processor_seconds", 0.0),
        "memory_exponent": exponent("peak_mb", SMALLEST),
    }
    return {**found, "faster": max(found.values()) > ALLOWED}


if __name__ == "__main__":
    main()
