"""Words are pooled alike in every layout of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from tfner.config.choices import Pool
from tfner.data.packing import EMPTY, LAYOUTS, assemble, make_batch_plan
from tfner.data.pipeline import WindowTable, window_batches
from tfner.data.windows import Window
from tfner.document import Document
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer

PAD, LONGEST = 3, 24
POOLED = get_args(Pool)[1:]

Steps = list[tuple[list[int], dict[str, np.ndarray], dict[str, np.ndarray]]]


def steps_of(windows: list[Window], layout: str) -> Steps:
    """Of every batch its windows, and what training and prediction make of them."""
    table = WindowTable(windows, pad_id=PAD)
    plan = make_batch_plan(
        table.lengths,
        layout=layout,
        batch_size=8,
        seed=0,
        epochs=1,
        max_length=LONGEST,
    )
    found = []
    batches = window_batches(table, plan).as_numpy_iterator()
    for step, length, (features, _) in zip(
        plan.windows, plan.row_lengths, batches, strict=True
    ):
        rows = [row[row != EMPTY].tolist() for row in step]
        numbers = [number for row in rows for number in row]
        places = [[numbers.index(number) for number in row] for row in rows]
        used = [windows[number] for number in numbers]
        shape = (len(rows), int(length))
        laid = assemble(used, places, shape=shape, pad_id=PAD).features
        found.append((numbers, features, laid))
    return found


@pytest.mark.parametrize("pool", POOLED)
def test_every_layout_pools_the_same_words(
    pool: str,
    task: TokenClassification,
    documents: list[Document],
    make_model: Callable[..., Any],
) -> None:
    windows, model = pooled(task.tokenizer, pool, documents, make_model)
    outputs: dict[str, dict[int, np.ndarray]] = {}
    for layout in LAYOUTS:
        found = outputs[layout] = {}
        for numbers, features, laid in steps_of(windows, layout):
            assert features.keys() == laid.keys()
            for name, values in laid.items():
                np.testing.assert_array_equal(features[name], values, err_msg=name)
            logits = model(features, training=False).numpy()
            counts = [len(windows[number].word_index) for number in numbers]
            words = logits[features["word_lengths"] > 0]
            parts = np.split(words, np.cumsum(counts)[:-1])
            found |= dict(zip(numbers, parts, strict=True))
    packed = outputs["packed"]
    for layout in ("bucketed", "padded"):
        assert outputs[layout].keys() == packed.keys() == set(range(len(windows)))
        for number, words in outputs[layout].items():
            assert np.abs(words - packed[number]).max(initial=0) < 1e-5
    assert np.concatenate(list(packed.values())).std(axis=0).min() > 0.1


def pooled(
    tokenizer: Tokenizer,
    pool: str,
    documents: list[Document],
    make_model: Callable[..., Any],
) -> tuple[list[Window], Any]:
    """Windows and a model of random weights; some windows cut words."""
    labels = LabelSet(["PER", "LOC"])
    task = TokenClassification(tokenizer, labels, max_length=LONGEST, pool=pool)
    long = Document("long", "xyzzy " + "z" * 2 * LONGEST + " zorg")
    encoded = [task.encode(d, with_targets=True) for d in (*documents, long)]
    model = make_model(task)
    random = np.random.default_rng(0)
    for weight in model.pooling.weights:
        weight.assign(random.normal(size=weight.shape))
    return [window for found in encoded for window in found.windows], model
