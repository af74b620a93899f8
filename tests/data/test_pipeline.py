"""tf.data gathers what a plan names; every layout trains the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfner.data.features import IGNORED
from tfner.data.packing import EMPTY, LAYOUTS, BatchPlan, assemble, make_batch_plan
from tfner.data.pipeline import WindowTable, window_batches
from tfner.data.windows import Window
from tfner.models.heads.losses import summed_crossentropy

PAD = 3  # not the 0 that uninitialised arrays hold
TOLERANCE = 1e-5

Batches = list[tuple[dict[str, np.ndarray], np.ndarray]]
layouts = pytest.mark.parametrize("layout", LAYOUTS)


@pytest.fixture(scope="module")
def table(windows: list[Window]) -> WindowTable:
    return WindowTable(windows, pad_id=PAD)


@pytest.fixture(scope="module")
def model(make_model: Callable[[], Any]) -> Any:
    return make_model()


def plan_of(table: WindowTable, layout: str, **settings: Any) -> BatchPlan:
    defaults = {"batch_size": 8, "seed": 0, "epochs": 1, "max_length": 64}
    return make_batch_plan(table.lengths, layout=layout, **{**defaults, **settings})


def arrays(dataset: tf.data.Dataset) -> Batches:
    return list(dataset.as_numpy_iterator())


def per_window(
    windows: list[Window], plan: BatchPlan, rows: list[np.ndarray]
) -> dict[int, np.ndarray]:
    """What each window's words got, from arrays (B, W, ...) of every batch."""
    found = {}
    for step, outputs in zip(plan.windows, rows, strict=True):
        for row, output in zip(step, outputs, strict=True):
            start = 0
            for number in row[row != EMPTY].tolist():
                end = start + len(windows[number].word_index)
                found[number] = output[start:end]
                start = end
    return found


@pytest.fixture(scope="module")
def results(
    windows: list[Window], table: WindowTable, model: Any
) -> dict[str, tuple[dict[int, np.ndarray], float, float]]:
    """Of every layout the logits per window, the loss and the words of one epoch."""
    found = {}
    for layout in LAYOUTS:
        plan = plan_of(table, layout)
        logits, losses, counts = [], [], []
        for features, labels in arrays(window_batches(table, plan)):
            logits.append(model(features, training=True).numpy())
            total, count = summed_crossentropy(labels, logits[-1])
            losses.append(float(total))
            counts.append(float(count))
        found[layout] = per_window(windows, plan, logits), sum(losses), sum(counts)
    return found


@pytest.mark.parametrize("layout", ["bucketed", "padded"])
def test_every_layout_gives_the_same_logits_per_word(
    layout: str, windows: list[Window], results: Any
) -> None:
    packed, other = results["packed"][0], results[layout][0]
    assert packed.keys() == other.keys() == set(range(len(windows)))
    largest = max(np.abs(packed[n] - other[n]).max() for n in packed)
    assert largest < TOLERANCE
    spread = np.concatenate(list(packed.values())).std(axis=0)
    assert spread.min() > 0.1, "logits that do not differ would prove nothing"


@pytest.mark.parametrize("layout", ["bucketed", "padded"])
def test_every_layout_gives_the_same_loss(layout: str, results: Any) -> None:
    (_, loss, count), (_, other, words) = results["packed"], results[layout]
    assert count == words
    assert loss / count == pytest.approx(other / words, abs=TOLERANCE)


@layouts
def test_labels_are_those_of_the_windows(
    layout: str, windows: list[Window], table: WindowTable
) -> None:
    plan = plan_of(table, layout)
    labels = [labels for _, labels in arrays(window_batches(table, plan))]
    found = per_window(windows, plan, labels)
    for number, window in enumerate(windows):
        assert window.targets is not None
        np.testing.assert_array_equal(found[number], window.targets["labels"])
    words = sum(len(window.word_index) for window in windows)
    assert sum((batch != IGNORED).sum() for batch in labels) == words


@layouts
def test_training_and_prediction_lay_windows_out_alike(
    layout: str, windows: list[Window], table: WindowTable
) -> None:
    plan = plan_of(table, layout)
    steps = zip(plan.windows, plan.row_lengths.tolist(), strict=True)
    gathered = arrays(window_batches(table, plan))
    for (step, length), (features, _) in zip(steps, gathered, strict=True):
        rows = [row[row != EMPTY].tolist() for row in step]
        numbers = [number for row in rows for number in row]
        places = {number: place for place, number in enumerate(numbers)}
        expected = assemble(
            [windows[number] for number in numbers],
            [[places[number] for number in row] for row in rows],
            shape=(len(rows), length),
            pad_id=PAD,
        ).features
        assert features.keys() == expected.keys()
        for name, array in features.items():
            np.testing.assert_array_equal(array, expected[name], err_msg=name)


@layouts
def test_shapes_are_static_where_the_layout_promises_it(
    layout: str, table: WindowTable
) -> None:
    plan = plan_of(table, layout)
    features, labels = window_batches(table, plan).element_spec
    rows = plan.windows.shape[1]
    length = None if layout == "bucketed" else int(plan.row_lengths[0])
    for spec in (*features.values(), labels):
        assert spec.shape.as_list() == [rows, length]
        assert spec.dtype == tf.int32


@layouts
def test_a_resumed_run_sees_the_batches_that_were_left(
    layout: str, table: WindowTable
) -> None:
    plan = plan_of(table, layout, epochs=2)
    done = plan.steps_per_epoch + 1
    whole, resumed = window_batches(table, plan), window_batches(table, plan).skip(done)
    expected, found = arrays(whole)[done:], arrays(resumed)
    assert len(found) == plan.steps_per_epoch - 1
    for (features, labels), (again, labels_again) in zip(expected, found, strict=True):
        np.testing.assert_array_equal(labels, labels_again)
        for name in features:
            np.testing.assert_array_equal(features[name], again[name])


def test_rows_that_hold_no_window_are_padding(table: WindowTable) -> None:
    windows = np.full((1, 3, 2), EMPTY, np.int32)
    windows[0, 0, 0] = 0
    plan = BatchPlan(windows, np.array([64], np.int32), 1)
    ((features, labels),) = arrays(window_batches(table, plan))
    assert (features["input_ids"][1:] == PAD).all()
    for name in ("attention_mask", "token_type_ids", "labeled_positions"):
        assert not features[name][1:].any()
    assert (labels[1:] == IGNORED).all()


def test_windows_without_targets_have_no_labels(windows: list[Window]) -> None:
    from dataclasses import replace

    bare = WindowTable([replace(w, targets=None) for w in windows[:5]], pad_id=PAD)
    for _, labels in arrays(window_batches(bare, plan_of(bare, "packed"))):
        assert (labels == IGNORED).all()


def span_windows() -> list[Window]:
    """Windows with targets of pieces, one of which begins up to two entities."""
    random = np.random.default_rng(0)
    found = []
    for number in range(30):
        length = int(random.integers(3, 20))
        width = 1 + number % 2
        targets = {
            "start_labels": random.integers(0, 2, length).astype("int32"),
            "span_labels": random.integers(0, 3, (length, width)).astype("int32"),
        }
        features = {
            name: random.integers(1, 90, length).astype("int32")
            for name in ("input_ids", "token_type_ids")
        }
        features["start_labels"] = targets["start_labels"]
        words = np.zeros(length, "int32")
        found.append(Window((0, length), (0, length), words, (), features, targets))
    return found


@layouts
def test_targets_of_pieces_are_those_of_the_windows(layout: str) -> None:
    windows = span_windows()
    table = WindowTable(windows, pad_id=PAD)
    plan = plan_of(table, layout)
    seen = 0
    for step, (features, targets) in zip(
        plan.windows, arrays(window_batches(table, plan)), strict=True
    ):
        assert targets.keys() == {"start_labels", "span_labels"}
        np.testing.assert_array_equal(features["start_labels"], targets["start_labels"])
        assert "labeled_positions" not in features
        for number, row in enumerate(step):
            place = 0
            for index in row[row != EMPTY].tolist():
                window, seen = windows[index], seen + 1
                here = (number, slice(place, place + len(window)))
                place += len(window)
                for name, values in (window.targets or {}).items():
                    part = targets[name][here]
                    if values.ndim > 1:
                        assert (part[:, values.shape[1] :] == IGNORED).all()
                        part = part[:, : values.shape[1]]
                    np.testing.assert_array_equal(part, values)
            for values in targets.values():
                assert (values[number, place:] == IGNORED).all()
    assert seen == len(windows)
