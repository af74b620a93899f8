"""The graph computes no further than it must, and the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ..conftest import LONGEST

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle


@pytest.mark.parametrize("longest", [1, 15, 16, 17, 40, 64])
def test_a_batch_is_cut_after_its_longest_row_and_computes_the_same(
    bundle: Bundle, longest: int
) -> None:
    from tfner.data.features import to_wire
    from tfner_export.exporter import Serving, Source
    from tfner_export.saved_model.signatures import (
        TaggerModule,
        trim_pieces,
    )

    mask = np.zeros((2, LONGEST), np.int32)
    mask[0, :longest] = 1
    mask[1, :1] = 1
    positions = np.zeros_like(mask)
    positions[0, : max(longest - 2, 0)] = np.arange(1, max(longest - 1, 1))
    features = {
        "input_ids": mask * 7,
        "attention_mask": mask,
        "token_type_ids": mask * 0,
        "labeled_positions": positions,
    }
    inputs = trim_pieces(features)
    rounded = -(-longest // 16) * 16
    assert inputs["input_ids"].shape == (2, rounded)

    def serve(*, trimmed: bool) -> dict[str, Any]:
        serving = Serving(max_length=LONGEST, trimmed=trimmed)
        outputs = TaggerModule(Source(bundle, serving)).serve(to_wire(features))
        return dict(outputs)

    trimmed, untrimmed = serve(trimmed=True), serve(trimmed=False)
    assert trimmed["chunk_predictions"].shape == (2, max(longest - 2, 0))
    difference = np.array(trimmed["chunk_probs"] - untrimmed["chunk_probs"])
    assert np.abs(difference).max(initial=0.0) < 1e-5
    assert np.array_equal(trimmed["chunk_predictions"], untrimmed["chunk_predictions"])
