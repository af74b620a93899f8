from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.windows import read_windows

SIZE = {
    "vocab_size": 50,
    "hidden_size": 12,
    "num_layers": 2,
    "num_heads": 3,
    "intermediate_size": 20,
    "max_positions": 16,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "bert": {},
    "electra": {"embedding_size": 8},
    "distilbert": {"type_vocab_size": 0},
    "roberta": {"type_vocab_size": 1, "position_offset": 2},
}
PATHS = Path(__file__).parents[2] / "golden" / "encoder_weights.txt"


def make(**changes: Any) -> Encoder:
    """An encoder whose weights are large enough for mistakes to show."""
    encoder = Encoder(**{**SIZE, "initializer_range": 0.3, **changes})
    keras.utils.set_random_seed(0)
    encoder.build()
    return encoder


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def batch_of(*rows: list[int], width: int) -> dict[str, np.ndarray]:
    """A batch with windows of the given lengths in each row, random otherwise."""
    rng = np.random.default_rng(3)
    mask = np.zeros((len(rows), width), np.int32)
    for row, lengths in zip(mask, rows, strict=True):
        numbers = np.repeat(np.arange(1, len(lengths) + 1), lengths)
        row[: len(numbers)] = numbers
    return {
        "input_ids": rng.integers(0, 50, mask.shape).astype(np.int32),
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, mask.shape).astype(np.int32),
    }


def pack(lengths: list[int]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The same windows one a row, and all in one row."""
    padded = batch_of(*([n] for n in lengths), width=max(lengths))
    real = padded["attention_mask"] > 0
    packed = {name: array[real][None] for name, array in padded.items()}
    packed["attention_mask"] = np.repeat(
        np.arange(1, len(lengths) + 1, dtype=np.int32), lengths
    )[None]
    packed = {name: np.pad(array, ((0, 1), (0, 2))) for name, array in packed.items()}
    return padded, packed


@pytest.mark.parametrize("variant", VARIANTS)
def test_encoders_are_serialisable_and_build_without_data(
    variant: str, check_model: Callable[..., None]
) -> None:
    batch = batch_of([5, 4], [7], [], width=10)
    check_model(Encoder(**SIZE, **VARIANTS[variant]), batch)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_packed_rows_equal_padded_ones(variant: str, compiled: bool) -> None:
    encoder = make(**VARIANTS[variant])
    run = tf.function(encoder, jit_compile=True) if compiled else encoder
    padded, packed = pack([5, 9, 1, 3])
    apart, together = numpy(run(padded)), numpy(run(packed))
    real = padded["attention_mask"] > 0
    assert np.abs(together[0][:-2] - apart[real]).max() < 1e-5
    assert np.isfinite(together).all()


def test_padding_does_not_change_what_is_said_of_pieces() -> None:
    encoder = make()
    batch = batch_of([5], [3], width=6)
    wider = {name: np.pad(array, ((0, 0), (0, 5))) for name, array in batch.items()}
    wider["input_ids"][:, 6:] = 9
    real = batch["attention_mask"] > 0
    found = numpy(encoder(wider))[:, :6]
    assert np.abs(found[real] - numpy(encoder(batch))[real]).max() < 1e-5


def test_rows_may_be_longer_than_the_position_table() -> None:
    padded, packed = pack([9, 12, 11])
    encoder = make(max_positions=12)
    real = padded["attention_mask"] > 0
    found = numpy(encoder(packed))[0][:-2]
    assert np.abs(found - numpy(encoder(padded))[real]).max() < 1e-5


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_rows_of_padding_alone_stay_finite_with_finite_gradients(policy: str) -> None:
    encoder = make(dtype=policy)
    batch = batch_of([], [3], width=5)
    with tf.GradientTape() as tape:
        output = encoder(batch)
        loss = tf.reduce_sum(tf.cast(output, "float32") ** 2)
    gradients = tape.gradient(loss, [v.value for v in encoder.trainable_variables])
    assert np.isfinite(numpy(output).astype("float32")).all()
    for gradient in gradients:
        assert np.isfinite(numpy(tf.convert_to_tensor(gradient))).all()


def test_missing_token_types_are_zeros() -> None:
    encoder, batch = make(), batch_of([6], width=6)
    zeros = {**batch, "token_type_ids": np.zeros_like(batch["token_type_ids"])}
    without = {k: v for k, v in batch.items() if k != "token_type_ids"}
    assert np.abs(numpy(encoder(zeros)) - numpy(encoder(without))).max() < 1e-6
    assert np.abs(numpy(encoder(batch)) - numpy(encoder(without))).max() > 1e-2


def test_shapes_may_be_unknown() -> None:
    encoder = make()
    spec = tf.TensorSpec([None, None], tf.int32)
    names = ("input_ids", "attention_mask", "token_type_ids")
    run = tf.function(encoder, input_signature=[dict.fromkeys(names, spec)])
    for batch in (batch_of([3], width=4), batch_of([5], [2, 4], width=7)):
        assert np.abs(numpy(run(batch)) - numpy(encoder(batch))).max() < 1e-5


def test_dropout_acts_in_training_alone() -> None:
    batch = batch_of([6], width=6)
    encoder = make(hidden_dropout=0.5, attention_dropout=0.5)
    plain = numpy(encoder(batch))
    np.testing.assert_array_equal(numpy(encoder(batch)), plain)
    assert np.abs(numpy(encoder(batch, training=True)) - plain).max() > 1e-2


def test_dropout_of_rate_0_keeps_no_random_state() -> None:
    without = make(hidden_dropout=0.0, attention_dropout=0.0)
    assert len(without.variables) == len(without.weights) == len(make().weights)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="hidden_size=12, num_heads=5"):
        Encoder(**{**SIZE, "num_heads": 5})


def test_names_in_weight_files_stay(tmp_path: Path) -> None:
    """Models on disk are read by these names: a change makes them unreadable."""
    make(embedding_size=8).save_weights(tmp_path / "model.weights.h5")
    found: list[str] = []

    def note(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(f"{path} {'x'.join(map(str, item.shape))}")

    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visititems(note)
    assert found == PATHS.read_text().splitlines()


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    row = st.lists(st.integers(1, 5), max_size=4)
    rows = draw(st.lists(row, min_size=1, max_size=3))
    return batch_of(*rows, width=20)["attention_mask"]


@settings(max_examples=30, deadline=None)
@given(mask=masks())
def test_positions_restart_and_attention_stays_within_windows(mask: np.ndarray) -> None:
    positions, bias = (numpy(x) for x in read_windows(mask))
    for b, i in np.ndindex(*mask.shape):
        mine = np.flatnonzero(mask[b] == mask[b, i]) if mask[b, i] else []
        assert positions[b, i] == (i - mine[0] if mask[b, i] else 0)
        assert np.flatnonzero(bias[b, 0, i] == 0).tolist() == list(mine)
