"""Proof that a written SavedModel computes what its Keras model computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    WORD_INPUTS,
    WORD_LENGTHS,
    known_in_serving,
    to_wire,
)
from tfner.data.packing import assemble
from tfner.document import Document
from tfner.errors import ExportError
from tfner.tasks.decoding import SMALLEST_PROBABILITY, best_tags
from tfner_export.saved_model.session import served_graph
from tfner_export.saved_model.signatures import SERVING

if TYPE_CHECKING:
    import keras

    from tfner.data.windows import Ints
    from tfner.inference.bundle import Bundle
    from tfner.tasks import Task
    from tfner_export.exporter import Source

Features = dict[str, "Ints"]
Outputs = Mapping[str, Any]

TOLERANCE = 1e-5
TIE = 1e-3
"""Below this difference of their logarithms two paths are equally likely."""
TEXTS_COMPARED = 8
BATCHES = ((1, 1), (3, 4), (8, 12))
"""Batch sizes, and how many times shorter than the longest row their rows are."""


def compare_tags(saved_model: Path, source: Source) -> float:
    """The largest difference from the Keras model's probabilities.

    Run are random batches of several sizes and lengths, and the self-test's texts, by
    the loader of servers and by that of Python; of an export of fewer digits the texts
    alone, whose difference is told.

    Args:
        saved_model: holds `saved_model.pb`.
        source: the model that was exported, its texts and the length of a row.

    Raises:
        ExportError: it is not below 1e-5, or is no number, or a predicted tag is not
            what the model's decoder makes of the exported probabilities.
    """
    task, length = source.bundle.task, source.serving.max_length
    batches = [
        *(random_batches(task, length) if source.exact else ()),
        *text_batches(source.bundle, length),
    ]
    expected = [keras_probs(source.model, features) for features in batches]
    worst = 0.0
    for loader, run in LOADERS.items():
        outputs = run(saved_model, [to_wire(features) for features in batches])
        for features, probs, served in zip(batches, expected, outputs, strict=True):
            is_word = features[LABELED_POSITIONS.name][:, : probs.shape[1]] > 0
            difference = _difference(served, probs, is_word, task)
            check_difference(
                difference,
                loader=loader,
                rows=len(probs),
                allowed=TOLERANCE if source.exact else 1.0,
            )
            worst = max(worst, difference)
    return worst


def check_difference(
    difference: float, *, loader: str, rows: int, allowed: float = TOLERANCE
) -> None:
    """Stop if a SavedModel is not its model.

    Args:
        difference: the largest in one batch; infinite if outputs cannot be compared.
        loader: a key of `LOADERS`, for the message.
        rows: size of the batch, for the message.
        allowed: difference.

    Raises:
        ExportError: it is not below what is allowed.
    """
    if not difference < allowed:
        raise ExportError(
            f"the export was not published: loaded by the {loader} loader it differs "
            f"from the Keras model by {difference:.2g} in a batch of {rows}; "
            f"{allowed:g} is allowed."
        )


def _difference(outputs: Outputs, probs: Any, is_word: Any, task: Task) -> float:
    """Largest difference at words; infinite if shapes differ, or tags and decoder."""
    (served,) = (v for name, v in outputs.items() if name.endswith("_probs"))
    (tags,) = (v for name, v in outputs.items() if name.endswith("_predictions"))
    if served.shape != probs.shape or tags.shape != probs.shape[:2]:
        return float("inf")
    if not is_word.any():
        return 0.0
    for row, ids, is_word_of_row in zip(served, tags, is_word, strict=True):
        if not _is_best(ids[is_word_of_row], row[is_word_of_row], task):
            return float("inf")
    return float(np.abs(served - probs)[is_word].max())


def _is_best(ids: Any, probs: Any, task: Task) -> bool:
    """Whether tags (W,) are the decoder's for probabilities (W, T)."""
    steps, outside = task.steps, task.label_set.outside_id
    best = best_tags(probs, steps=steps, outside=outside)
    # Logarithms differ in their last digit, and of two tags or paths that are equally
    # likely either may be predicted.
    logs = np.log(np.maximum(probs, SMALLEST_PROBABILITY))
    lost = (np.take_along_axis(logs, np.stack([best, ids], 1), 1) @ [1, -1]).sum()
    path = np.array([outside, *ids, outside])
    allowed = steps is None or bool(steps[path[:-1], path[1:]].all())
    return allowed and bool(lost < TIE)


def random_batches(task: Task, max_length: int) -> Iterator[Features]:
    """Rows of random pieces, the first of each batch as long as the batch's longest."""
    random, tokenizer = np.random.default_rng(0), task.tokenizer
    inputs = known_in_serving(task.features)
    first = len(tokenizer.prefix_ids)
    for size, part in BATCHES:
        longest = min(max_length, max(max_length // part, first + 4))
        lengths = random.integers(min(first + 1, longest), longest + 1, size)
        lengths[0] = longest
        shape = (size, max_length)
        features = {f.name: np.zeros(shape, np.int32) for f in inputs}
        is_piece = np.arange(max_length) < lengths[:, None]
        ids = random.integers(0, tokenizer.vocab_size, shape)
        features[INPUT_IDS.name][:] = np.where(is_piece, ids, tokenizer.pad_id)
        features[ATTENTION_MASK.name][:] = is_piece
        for row, length in enumerate(lengths):
            at = np.flatnonzero(random.random(length) < 0.6)
            at = at[at >= first]
            features[LABELED_POSITIONS.name][row, : len(at)] = at
            if WORD_LENGTHS in inputs:
                room = np.append(at[1:], length) - at
                sizes = np.minimum(random.integers(1, 4, len(at)), room)
                features[WORD_LENGTHS.name][row, : len(at)] = sizes
        yield features


def known_rows(source: Source) -> Features:
    """A row of full length and three shorter ones, (4, max_length) each."""
    task, length = source.bundle.task, source.serving.max_length
    return joined_rows(random_batches(task, length))


def joined_rows(batches: Iterator[Features]) -> Features:
    """The rows of the first two batches."""
    first, second = islice(batches, 2)
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def text_batches(bundle: Bundle, max_length: int) -> Iterator[Features]:
    """The self-test's first texts, one window a row."""
    texts = bundle.selftest.texts[:TEXTS_COMPARED]
    windows = [
        window
        for text in texts
        for window in bundle.task.encode(Document("text", text)).windows[:1]
    ]
    if windows:
        yield assemble(
            windows,
            [[number] for number in range(len(windows))],
            shape=(len(windows), max_length),
            pad_id=bundle.task.tokenizer.pad_id,
        ).features


def keras_probs(model: keras.Model, features: Features) -> Any:
    """Probabilities (B, W, T) of the Keras model, run at the batch's own length."""
    length = int(np.flatnonzero(features[ATTENTION_MASK.name].any(0)).max()) + 1
    words = int((features[LABELED_POSITIONS.name] > 0).sum(1).max())
    inputs = {
        name: tf.constant(array[:, : words if name in WORD_INPUTS else length])
        for name, array in features.items()
    }
    return tf.nn.softmax(model(inputs, training=False)).numpy()


def run_in_session(
    directory: Path, batches: list[Features], name: str = SERVING
) -> list[Outputs]:
    """Run a SavedModel as TensorFlow Serving, Java and C do.

    Args:
        directory: holds `saved_model.pb`.
        batches: features under their names on the wire.
        name: of the signature.
    """
    with served_graph(directory) as graph:
        return [graph.run(name, batch) for batch in batches]


def run_in_python(
    directory: Path, batches: list[Features], name: str = SERVING
) -> list[Outputs]:
    """Run a SavedModel as Python does.

    Args:
        directory: holds `saved_model.pb`.
        batches: features under their names on the wire.
        name: of the signature.
    """
    loaded = tf.saved_model.load(str(directory))
    run: Callable[..., Mapping[str, Any]] = loaded.signatures[name]
    return [
        {
            key: value.numpy()
            for key, value in run(
                **{key: tf.constant(array) for key, array in batch.items()}
            ).items()
        }
        for batch in batches
    ]


LOADERS = {"session": run_in_session, "Python": run_in_python}
"""The two ways that a SavedModel is loaded, by their names in messages."""
