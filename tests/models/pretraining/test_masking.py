"""What is hidden, how often, and what is drawn in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from tfner.models.pretraining.masking import Masked, Masking, replaced, sample

PAD, UNK, CLS, SEP, MASK, FIRST, PIECES = 0, 1, 2, 3, 4, 5, 100


def make_masking(**changes: Any) -> Masking:
    settings = {
        "rate": 0.15,
        "mask_id": MASK,
        "special_ids": (PAD, CLS, SEP, MASK),
        "vocab_size": PIECES,
    }
    return Masking(**settings | changes)


def make_rows(lengths: list[int], width: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Rows of [CLS], pieces, [SEP] in the middle and at the end, padding."""
    ids = np.random.default_rng(seed).integers(FIRST, PIECES, (len(lengths), width))
    mask = (np.arange(width) < np.array(lengths)[:, None]).astype("int32")
    for row, length in enumerate(lengths):
        if length:
            ids[row, [0, length // 2, length - 1]] = CLS, SEP, SEP
    return {"input_ids": (ids * mask).astype("int32"), "attention_mask": mask}


def hide(masking: Masking, rows: dict[str, np.ndarray], seed: Any = (1, 2)) -> Masked:
    tensors = {name: tf.constant(array) for name, array in rows.items()}
    found = masking(tensors, np.array(seed, np.uint32))
    return Masked(*(np.asarray(part) for part in found))


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    rate=st.sampled_from([0.01, 0.15, 0.25, 0.9]),
    seed=st.integers(0, 2**20),
)
def test_slots_hold_distinct_ordinary_pieces_in_the_wanted_number(
    lengths: list[int], rate: float, seed: int
) -> None:
    rows = make_rows(lengths, 40, seed=seed)
    masking = make_masking(rate=rate)
    found = hide(masking, rows, seed=(seed, 7))
    ordinary = ~np.isin(rows["input_ids"], masking.special_ids)
    slots = max(1, int((rate + 0.005) * 40))
    assert found.positions.shape == (len(lengths), slots)
    for row, length in enumerate(lengths):
        wanted = max(1, round(length * rate))
        used = found.positions[row][found.used[row]]
        assert len(used) == min(wanted, slots, ordinary[row].sum())
        assert len(set(used)) == len(used)
        assert ordinary[row, used].all()
        assert (
            found.labels[row][found.used[row]] == rows["input_ids"][row, used]
        ).all()
        untouched = np.setdiff1d(np.arange(40), used)
        assert (
            found.input_ids[row, untouched] == rows["input_ids"][row, untouched]
        ).all()


def test_labels_put_back_give_the_rows_again() -> None:
    rows = make_rows([40, 33], 40)
    found = hide(make_masking(), rows)
    assert (found.input_ids != rows["input_ids"]).any()
    back = replaced(*map(tf.constant, (found[0], found[1], found[3], found[2])))
    np.testing.assert_array_equal(back, rows["input_ids"])


def test_every_piece_is_hidden_about_as_often() -> None:
    rows = make_rows([30] * 64, 32)
    hits = np.zeros(32)
    for step in range(30):
        found = hide(make_masking(), rows, seed=(0, step))
        np.add.at(hits, found.positions[found.used], 1)
    ordinary = np.delete(np.arange(29), [0, 15])
    share = hits[ordinary] / hits.sum()
    np.testing.assert_allclose(share, 1 / 27, rtol=0.15)


@pytest.mark.parametrize(
    ("masked", "random", "shares"),
    [(0.85, 0.0, (0.85, 0.15, 0.0)), (0.8, 0.1, (0.8, 0.1, 0.1))],
    ids=["electra", "bert"],
)
def test_shares_of_masks_kept_and_random_pieces(
    masked: float, random: float, shares: tuple[float, ...]
) -> None:
    masking = make_masking(masked=masked, random=random, rate=0.25)
    shown, labels = [], []
    for step in range(10):
        rows = make_rows([64] * 64, 64, seed=step)
        found = hide(masking, rows, seed=(5, step))
        at = np.take_along_axis(found.input_ids, found.positions, axis=1)
        shown.append(at[found.used])
        labels.append(found.labels[found.used])
    pieces, before = np.concatenate(shown), np.concatenate(labels)
    counts = [pieces == MASK, pieces == before, (pieces != MASK) & (pieces != before)]
    assert [c.mean() for c in counts] == pytest.approx(shares, abs=0.015)


def test_a_seed_always_hides_the_same_and_another_one_something_else() -> None:
    rows = make_rows([64] * 4, 64)
    one, again, other = (
        hide(make_masking(), rows, seed=s) for s in ((3, 4),) * 2 + ((3, 5),)
    )
    for left, right in zip(one, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert (one.positions != other.positions).any()


def test_rows_without_an_ordinary_piece_hide_nothing() -> None:
    ids = np.array([[CLS, SEP, PAD, PAD], [PAD] * 4], "int32")
    rows = {"input_ids": ids, "attention_mask": (ids != PAD).astype("int32")}
    found = hide(make_masking(), rows)
    assert not found.used.any()
    np.testing.assert_array_equal(found.input_ids, ids)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_at_a_temperature(temperature: float) -> None:
    logits = np.array([0.0, 1.0, 2.0, -1.0, 0.5], "float32")
    rows = tf.constant(np.tile(logits, (40_000, 1)))
    drawn = sample(rows, np.array([1, 2], np.uint32), temperature=temperature)
    wanted = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    found = np.bincount(np.asarray(drawn), minlength=5) / 40_000
    np.testing.assert_allclose(found, wanted, atol=0.01)


def test_no_gradient_goes_through_a_draw() -> None:
    logits = tf.Variable(np.random.default_rng(0).normal(size=(8, 5)).astype("float32"))
    with tf.GradientTape() as tape:
        drawn = sample(logits, np.array([1, 2], np.uint32))
        loss = ops.sum(ops.cast(drawn, "float32") * 2.0)
    assert tape.gradient(loss, logits) is None
