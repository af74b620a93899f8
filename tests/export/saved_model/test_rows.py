"""What one client sends neither raises nor changes what others of its batch get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTH, PIECES, SEGMENTS, PAD, END = 12, 20, 2, 0, 3
Features = dict[str, "NDArray[np.int32]"]

pytestmark = pytest.mark.slow


def limits() -> Any:
    from tfner_export.saved_model.rows import Limits

    return Limits(LENGTH, PIECES, SEGMENTS, PAD, END)


def row_of(*, words: bool = True) -> Features:
    """[CLS] and six pieces of four words, in two windows: 5 7 9 | 8 6 4."""
    features = {
        "input_ids": [2, 5, 7, 9, 8, 6, 4],
        "attention_mask": [1, 1, 1, 1, 2, 2, 2],
        "token_type_ids": [0, 0, 1, 1, 0, 0, 1],
        "labeled_positions": [1, 2, 5, 6],
        "word_lengths": [1, 2, 1, 1],
    }
    if not words:
        features = {k: v for k, v in features.items() if k[0] in "iat"}
    rows = {name: np.zeros((1, LENGTH), np.int32) for name in features}
    for name, values in features.items():
        rows[name][0, : len(values)] = values
    return rows


def read(features: Features) -> tuple[Features, list[bool]]:
    from tfner_export.saved_model.rows import readable

    inputs, unread = readable(features, limits())
    return {k: v.numpy() for k, v in inputs.items()}, unread.numpy()[:, 0].tolist()


def test_a_row_within_the_limits_stays_as_it_is() -> None:
    row = row_of()
    inputs, unread = read(row)
    assert unread == [False]
    for name, values in row.items():
        np.testing.assert_array_equal(inputs[name], values)


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        *[("input_ids", 6, value) for value in (-1, PIECES, 2**31 - 1, -(2**31))],
        *[("token_type_ids", 0, value) for value in (-1, SEGMENTS, 2**31 - 1)],
        *[("labeled_positions", 3, value) for value in (-1, 7, LENGTH, 2**31 - 1)],
        *[("word_lengths", 3, value) for value in (-1, 0, 2, LENGTH, 2**31 - 1)],
        ("word_lengths", 1, 3),  # into the next window
        ("labeled_positions", LENGTH - 1, 9),
        ("attention_mask", 6, 0),  # a word at padding
        ("attention_mask", 6, -3),
    ],
)
def test_a_row_that_is_wrong_anywhere_is_padding_and_its_neighbour_is_read(
    name: str, column: int, value: int
) -> None:
    good = row_of()
    rows = {key: np.repeat(values, 2, axis=0) for key, values in good.items()}
    rows[name][1, column] = value
    inputs, unread = read(rows)
    assert unread == [False, True]
    for key, values in inputs.items():
        np.testing.assert_array_equal(values[:1], good[key])
        assert not values[1].any()


def test_what_stands_in_padding_is_of_no_account() -> None:
    rows = row_of()
    rows["input_ids"][0, 8:] = (-1, PIECES, 5, 2**31 - 1)
    rows["token_type_ids"][0, 8:] = -1
    rows["word_lengths"][0, 4:] = 9
    inputs, unread = read(rows)
    assert unread == [False]
    assert not inputs["input_ids"][0, 8:].any()
    assert not inputs["token_type_ids"][0, 8:].any()
    assert not inputs["word_lengths"][0, 4:].any()


def test_spans_have_no_words_that_could_be_wrong() -> None:
    rows = row_of(words=False)
    inputs, unread = read(rows)
    assert unread == [False]
    assert sorted(inputs) == ["attention_mask", "input_ids", "token_type_ids"]


@pytest.mark.parametrize("width", [0, 5, LENGTH, LENGTH + 3])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_rows_of_any_width_and_number_are_one_or_more_of_the_signatures(
    rows: int, width: int
) -> None:
    from tfner_export.saved_model.rows import fitted

    values = np.arange(1, rows * width + 1, dtype=np.int32).reshape(rows, width)
    found = fitted({"input_ids": values}, LENGTH)["input_ids"].numpy()
    assert found.shape == (max(rows, 1), LENGTH)
    np.testing.assert_array_equal(found[:rows, :width], values[:, :LENGTH])
    assert not found[rows:].any()
    assert not found[:, width:].any()


def as_the_server_pads(requests: list[Features]) -> Features:
    """Requests joined as tensorflow_serving/batching/batching_util.cc does it.

    `PadTensor` fills a tensor of a request up with its own first element.
    """
    joined = {}
    for name in requests[0]:
        widest = max(request[name].shape[1] for request in requests)
        joined[name] = np.concatenate(
            [
                np.pad(
                    request[name],
                    [(0, 0), (0, widest - request[name].shape[1])],
                    constant_values=request[name].flat[0],
                )
                for request in requests
            ]
        )
    return joined


def dynamic(ids: list[list[int]], positions: list[list[int]]) -> Features:
    def table(rows: list[list[int]]) -> NDArray[np.int32]:
        width = max(map(len, rows))
        return np.array([row + [0] * (width - len(row)) for row in rows], np.int32)

    ids_of = table(ids)
    words = table(positions)
    return {
        "input_ids": ids_of,
        "token_type_ids": np.zeros_like(ids_of),
        "labeled_positions": words,
        "word_lengths": (words > 0).astype(np.int32),
    }


def masked(features: Features) -> tuple[Features, list[bool]]:
    from tfner_export.saved_model.rows import fitted, with_mask

    return read(fitted(with_mask(features, limits()), LENGTH))


def test_rows_without_a_mask_are_the_same_however_a_server_fills_them_up() -> None:
    requests = [
        # The second row's first word stands behind all words of the first.
        dynamic([[2, 5, 6, 3], [2, 5, 6, 3]], [[3 - 1, 0], [1, 0]]),
        dynamic([[2, 7, 8, 9, 5, 3]], [[1, 2, 4, 0]]),
        dynamic([[2, 3]], [[0]]),
        dynamic([[PAD, PAD]], [[0]]),
        dynamic([[2, 3, 5, 3, 2, 3]], [[1, 0]]),  # a text that holds [SEP] and [CLS]
    ]
    inputs, unread = masked(as_the_server_pads(requests))
    assert not any(unread)
    first = 0
    for request in requests:
        alone, _ = masked(request)
        rows = len(request["input_ids"])
        for name, values in alone.items():
            np.testing.assert_array_equal(inputs[name][first : first + rows], values)
        first += rows
    assert inputs["attention_mask"].sum(1).tolist() == [4, 4, 6, 2, 0, 6]


@pytest.mark.parametrize(
    ("ids", "positions"),
    [
        ([2, 5, 3], [1]),  # no 0: what the server added could be a word
        ([2, 5, 6], [1, 0]),  # no [SEP]
        ([2, *[5] * LENGTH, 3], [1, 0]),
        ([2, 5, 3], [*[1] * (LENGTH + 1), 0]),
    ],
)
def test_rows_without_an_end_or_too_long_are_not_read(
    ids: list[int], positions: list[int]
) -> None:
    good = dynamic([[2, 5, 3]], [[1, 0]])
    _, unread = masked(as_the_server_pads([dynamic([ids], [positions]), good]))
    assert unread == [True, False]


def test_tensors_of_other_widths_than_the_ids_change_no_neighbour() -> None:
    good = dynamic([[2, 5, 6, 3]], [[1, 2, 0]])
    odd = {**good, "token_type_ids": np.zeros((1, 9), np.int32)}
    inputs, unread = masked(as_the_server_pads([good, odd]))
    alone, _ = masked(good)
    assert unread == [False, False]
    for name, values in alone.items():
        np.testing.assert_array_equal(inputs[name][:1], values)


@pytest.mark.parametrize("shape", [(), (3,), (0,), (1, 2, 3)])
def test_what_is_no_table_is_named(shape: tuple[int, ...]) -> None:
    import tensorflow as tf

    from tfner_export.saved_model.rows import tables

    run = tf.function(lambda values: tables({"input_mask": values}))
    spec = tf.TensorSpec([None, LENGTH], tf.int32)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"Shape of tensor input_mask .* not compatible with expected shape",
    ):
        run.get_concrete_function(spec)(tf.zeros(shape, tf.int32))
