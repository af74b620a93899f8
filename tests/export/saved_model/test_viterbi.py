"""The decoder in the graph gives what the decoder in Python gives."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfner.schemes import SCHEMES, LabelSet
from tfner.tasks.decoding import allowed_steps, best_tags
from tfner_export.saved_model.viterbi import graph_viterbi


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("ties", [False, True], ids=["random", "ties"])
def test_every_window_of_a_row_is_decoded_as_in_python(scheme: str, ties: bool) -> None:
    labels = LabelSet(["X", "Y"], scheme=scheme)
    steps, tags = allowed_steps(labels), len(labels.tags)
    random = np.random.default_rng(0)
    if ties:  # powers of two, whose logarithms are equal or exact multiples
        probs = 2.0 ** -random.integers(0, 2, (8, 12, tags))
    else:
        probs = random.dirichlet(np.full(tags, 0.3), (8, 12))
    probs = probs.astype("float32")
    lengths = random.integers(0, 6, (8, 3))
    lengths[:2] = [[12, 0, 0], [0, 0, 0]]
    chains = np.zeros((8, 12), np.int32)
    for row, parts in enumerate(lengths):
        filled = np.repeat([1, 2, 3], parts)[:12]
        chains[row, : len(filled)] = filled
    run = tf.function(lambda p, c: graph_viterbi(p, steps, chains=c, outside=0))
    found = run(probs, chains).numpy()
    assert found.dtype == np.int64
    assert (found[chains == 0] == labels.outside_id).all()
    for row in range(8):
        for number in (1, 2, 3):
            here = chains[row] == number
            expected = best_tags(probs[row, here], steps=steps, outside=0)
            np.testing.assert_array_equal(found[row, here], expected)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_batches_without_words_pass(shape: tuple[int, int]) -> None:
    labels = LabelSet(["X"])
    probs = np.zeros((*shape, 3), np.float32)
    chains = np.zeros(shape, np.int32)
    found = graph_viterbi(probs, allowed_steps(labels), chains=chains, outside=0)
    assert found.shape == shape
