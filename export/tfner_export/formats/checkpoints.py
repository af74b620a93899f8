"""Checks that the formats of transformers and of google-research share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfner.errors import CheckpointError, ExportError
from tfner.tasks.token_classification import TokenClassification
from tfner_export.saved_model.verification import (
    TOLERANCE,
    keras_probs,
    random_batches,
    text_batches,
)

if TYPE_CHECKING:
    import keras

    from tfner_export.exporter import Source


def check_tagger(source: Source) -> None:
    """Refuse models of other tasks, and taggers with what checkpoints lack.

    Raises:
        CheckpointError: the model is no tagger, has a CRF, or pools pieces.
    """
    bundle = source.bundle
    if bundle.task.outputs != TokenClassification.outputs:
        raise CheckpointError(
            f"{bundle.directory} is a model of task {bundle.task.name}; the formats of "
            "transformers and google-research hold taggers. Use --format saved-model."
        )
    if source.model.crf is not None:
        raise CheckpointError(
            f"{bundle.directory} has a CRF, which no token-classification model of "
            "transformers or google-research has. Use --format saved-model, or train "
            "with `tfner train --head softmax`."
        )
    pool = source.model.pooling.pool
    if pool != "first":
        raise CheckpointError(
            f"{bundle.directory} pools the pieces of a word ({pool}), of which the "
            "taggers of transformers and google-research read the first alone. Use "
            "--format saved-model, or train with `tfner train --pool first`."
        )


def compare_read_back(source: Source, tagger: keras.Model) -> float:
    """Run a tagger that was read from written files beside the one they were made of.

    Args:
        source: the exported model, and the texts and lengths to run.
        tagger: the same model as read back.

    Returns:
        Largest difference of their probabilities.

    Raises:
        ExportError: it is not below 1e-5.
    """
    task = source.bundle.task
    batches = [
        *random_batches(task, task.max_length),
        *text_batches(source.bundle, task.max_length),
    ]
    worst = 0.0
    for batch in batches:
        written = keras_probs(tagger, batch) - keras_probs(source.model, batch)
        worst = max(worst, float(np.abs(written).max(initial=0)))
    if not worst < TOLERANCE:
        raise ExportError(
            "the export was not published: read back it differs from the Keras model "
            f"by {worst:.2g}; {TOLERANCE:g} is allowed."
        )
    return worst
