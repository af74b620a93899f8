"""A SavedModel passes for its model only if its outputs are the model's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from tfner.errors import ExportError

from ..conftest import LONGEST

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.tasks import Task


def test_a_model_with_other_weights_is_told_apart(
    bundle: Bundle, saved_model: Path
) -> None:
    from tfner_export.exporter import Serving, Source
    from tfner_export.saved_model.verification import compare_tags

    source = Source(bundle, Serving(max_length=LONGEST))
    bias = source.model.classifier.bias
    bias.assign(bias + np.float32([1e-3, 0, 0, 0, 0]))
    with pytest.raises(ExportError, match="by the session loader it differs"):
        compare_tags(saved_model, source)


def test_another_predicted_tag_is_a_difference_unless_both_are_as_likely() -> None:
    from tfner_export.saved_model.verification import _difference

    probs = np.array([[[0.5, 0.5, 0.0], [0.9, 0.1, 0.0]]], np.float32)
    is_word = np.array([[True, True]])
    task = SimpleNamespace(steps=None, label_set=SimpleNamespace(outside_id=0))

    def difference(*tags: int) -> float:
        outputs = {"x_probs": probs, "x_predictions": np.array([tags])}
        return _difference(outputs, probs, is_word, cast("Task", task))

    assert difference(0, 0) == difference(1, 0) == 0.0
    assert difference(0, 1) == difference(2, 0) == float("inf")
